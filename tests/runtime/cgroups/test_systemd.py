"""The one question asked of systemd, against a made-up systemd on a socket."""

import os
import socket
import struct
import threading
from pathlib import Path

import pytest

from sampan.errors import Failed
from sampan.runtime.cgroups import layout, systemd

CALL = systemd.start_scope_call("a.scope", [7, 8], "system.slice")


def reply(kind: int, body: bytes = b"") -> bytes:
    """A message without header fields but with some padding, as any D-Bus peer may send."""
    return struct.pack("<BBBBII", ord("l"), kind, 0, 1, len(body), 9) + struct.pack("<I", 0) + body


def serve(path: Path, greeting: bytes, *messages: bytes) -> tuple[threading.Thread, list[bytes]]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    heard: list[bytes] = []

    def run() -> None:
        with listener, listener.accept()[0] as connection:
            heard.append(connection.recv(4096))
            connection.sendall(greeting)
            if messages:
                heard.append(connection.recv(4096))
                connection.sendall(b"".join(messages))

    thread = threading.Thread(target=run)
    thread.start()
    return thread, heard


def test_the_call_has_the_form_of_d_bus() -> None:
    order, kind, flags, version, body_length, serial, fields_length = struct.unpack_from("<BBBBIII", CALL)
    assert (chr(order), kind, flags, version, serial) == ("l", 1, 0, 1, 1)
    body = CALL[16 + (fields_length + 7 & ~7) :]
    assert len(body) == body_length
    assert body.startswith(b"\x07\0\0\0a.scope\0\x07\0\0\0replace\0")
    assert b"\x08\0\0\0Delegate\0\x01b\0\x01\0\0\0" in body
    assert b"\x02au\0\0\0\0\x08\0\0\0\x07\0\0\0\x08\0\0\0" in body
    for word in (b"StartTransientUnit", b"/org/freedesktop/systemd1", b"ssa(sv)a(sa(sv))"):
        assert word in CALL[:-body_length]


def test_signals_are_passed_over_until_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "private"
    thread, heard = serve(path, b"OK 1234\r\n", reply(4, b"\0" * 16), reply(2))
    systemd.start_scope("a.scope", [7, 8], "system.slice", str(path))
    thread.join()
    assert heard == [
        b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n",
        b"BEGIN\r\n" + CALL,
    ]


@pytest.mark.parametrize(
    ("greeting", "messages", "message"),
    [
        (b"REJECTED EXTERNAL\r\n", (), "systemd refused the request: REJECTED EXTERNAL"),
        (b"OK 1\r\n", (reply(3, b"\x04\0\0\0nope\0"),), "systemd did not start a.scope: nope"),
        (b"OK 1\r\n", (b"l",), "systemd closed the connection"),
        (b"OK 1\r\n", (struct.pack("<BBBBIII", ord("l"), 2, 0, 1, 1 << 30, 1, 0),), "too long"),
    ],
)
def test_refusals_are_told(
    tmp_path: Path, greeting: bytes, messages: tuple[bytes, ...], message: str
) -> None:
    path = tmp_path / "private"
    thread, _ = serve(path, greeting, *messages)
    with pytest.raises(Failed, match=message):
        systemd.start_scope("a.scope", [7], "system.slice", str(path))
    thread.join()


def test_without_a_socket_it_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"cannot ask systemd for a\.scope"):
        systemd.start_scope("a.scope", [7], "system.slice", str(tmp_path / "none"))


def test_a_scope_once_got_is_settled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "system.slice/sampan.scope"
    granted: list[str] = []

    def start_scope(name: str, pids: list[int], slice: str) -> None:
        base.mkdir(parents=True)
        (base / "cgroup.procs").write_text(f"{pids[0]}\n")
        granted.append(str(base))

    monkeypatch.setattr(layout, "systemd_runs", lambda: True)
    monkeypatch.setattr(layout, "_own", lambda own: "/user.slice/session-1.scope")
    monkeypatch.setattr(layout, "_delegated", lambda path: path in granted)
    monkeypatch.setattr(systemd, "start_scope", start_scope)
    found = layout.settle(layout.Layout(str(tmp_path), {}))
    assert found == "/system.slice/sampan.scope/containers"
    assert (base / "daemon/cgroup.procs").read_text() == str(os.getpid())


def test_an_unwilling_systemd_leaves_sampan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start_scope(name: str, pids: list[int], slice: str) -> None:
        raise Failed("no")

    monkeypatch.setattr(layout, "systemd_runs", lambda: True)
    monkeypatch.setattr(layout, "_own", lambda own: "/user.slice/session-1.scope")
    monkeypatch.setattr(systemd, "start_scope", start_scope)
    assert layout.settle(layout.Layout(str(tmp_path), {})) == "/sampan"
    assert list(tmp_path.iterdir()) == []
