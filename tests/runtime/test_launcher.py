"""The launcher when something is missing: it goes on, or says why it cannot."""

import errno
import json
import os
import subprocess
import sys

import pytest

from sampan.linux import sockets
from sampan.runtime import forks

BROKEN = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from sampan.runtime import launcher
launcher.memfd.is_sealed = lambda path: 1 / 0
launcher.main(0)
"""


def test_a_launcher_that_cannot_start_says_why() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, ":".join(sys.path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("sampan-launcher: ZeroDivisionError")


def test_a_launcher_that_cannot_fork_lets_that_request_fail_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fork() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    daemon, connection = sockets.pair()
    controls = []
    for _ in range(2):
        control, theirs = sockets.pair()
        controls.append(control)
        request = {"op": "task", "task": "archive", "request": "/nowhere", "fds": ["control"]}
        sockets.send(daemon, json.dumps(request).encode(), [theirs.fileno()])
        theirs.close()
    daemon.shutdown(sockets.SHUT_WR)
    assert forks.answer(connection) == 0
    assert [control.recv(1) for control in controls] == [b"", b""], "who asked hears that nobody will answer"
    assert capsys.readouterr().err.count("fork: Resource temporarily unavailable") >= 2
    for socket in (daemon, connection, *controls):
        socket.close()
