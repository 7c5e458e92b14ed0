"""The daemon's listening addresses."""

import os
import socket
import stat
from pathlib import Path

import pytest

from sampan.engine.daemon import sockets
from sampan.engine.daemon.config import DaemonConfig
from sampan.errors import Failed


def test_a_unix_socket_is_private_to_its_group(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    opened = sockets.open_all(DaemonConfig(hosts=(f"unix://{path}",), group=""), None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    for item in opened:
        item.socket.close()
    sockets.remove(opened)
    assert not path.exists()


def test_one_bad_address_leaves_none_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        good = tmp_path / "api.sock"
        config = DaemonConfig(hosts=(f"unix://{good}", f"tcp://127.0.0.1:{port}"), group="")
        with pytest.raises(Failed, match="cannot listen on tcp"):
            sockets.open_all(config, None)
    probe = socket.socket(socket.AF_UNIX)
    with probe, pytest.raises(ConnectionRefusedError):
        probe.connect(str(good))


def test_an_unknown_group_is_refused_unless_it_is_the_default() -> None:
    with pytest.raises(Failed, match="group no-such-group not found"):
        sockets.group_id("no-such-group")
    assert sockets.group_id("") is None
    assert sockets.group_id("123") == 123


def test_socket_activation_needs_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    with pytest.raises(Failed, match="socket activation"):
        sockets.passed("")


def test_an_activated_socket_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "0")
    with pytest.raises(Failed, match="failed to find socket activation descriptor"):
        sockets.passed("api")
