"""A forked child on its way to execve(2) outlives nobody: not the shim that dies, not the daemon's wait."""

import os
import select
import signal
import socket
from typing import NoReturn

import pytest

from sampan.linux import sockets
from sampan.runtime import spawn
from sampan.runtime.loop import Loop

SECONDS = 20.0


def readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], SECONDS)[0])


def shim(control: socket.socket, report: int, ready: int) -> NoReturn:
    """Forks a child that waits for its word, says that it has, and waits for ever."""

    def child(channel: sockets.Socket, _inside: bool) -> NoReturn:
        os.write(report, b"%d " % os.getpid())
        data = channel.recv(16)
        os.write(report, b"end" if data == b"" else b"told")
        os._exit(0)

    kept = [report]
    spawn.fork(Loop(), None, child, kept, lambda fd: None, lambda status: None, new_pid_namespace=False)
    os.write(ready, b"x")
    signal.pause()
    os._exit(0)


def test_a_shim_that_is_killed_during_a_start_takes_its_child_along_and_is_missed() -> None:
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reports, report = os.pipe()
    readies, ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            shim(theirs, report, ready)
        finally:
            os._exit(1)
    theirs.close()
    os.close(report)
    os.close(ready)
    try:
        assert readable(readies) and os.read(readies, 1) == b"x"
        assert readable(reports) and os.read(reports, 32).strip().isdigit()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert readable(reports) and os.read(reports, 32) == b"end", "the child hears of it"
        assert readable(reports) and os.read(reports, 32) == b"", "and is gone"
        assert readable(control.fileno()) and control.recv(1) == b"", "and the daemon hears of it"
    finally:
        control.close()
        os.close(reports)
        os.close(readies)


def heard(data: bytes) -> tuple[int, list[object]]:
    """What a shim makes of a child's words: the pid it would signal, and the outcome it was told.

    The words may be another's: who may trace a process before its execve can take its channel.
    """
    ours, theirs = sockets.pair()
    loop = Loop()
    outcomes: list[object] = []
    child = spawn.Child(loop, 4711, ours, lambda fd: None, lambda status: None, False)
    child.outcome = outcomes.append
    theirs.send(data)
    theirs.close()
    loop.run(lambda: bool(outcomes))
    return child.pid, outcomes


@pytest.mark.parametrize(
    "data", [b"heir 1", b"heir x", b"{", b"[]", b'{"error": 1}', b'{"error": {"kind": 3}}', b"\xff"]
)
def test_forged_words_on_a_childs_channel_fail_that_start_only(data: bytes) -> None:
    pid, outcomes = heard(data)
    assert pid == 4711, "no other process may be named as the one to signal"
    assert outcomes == [
        {"kind": "Failed", "message": "the container's process sent something else than an error"}
    ]


def test_an_error_on_a_childs_channel_is_passed_on() -> None:
    _, outcomes = heard(b'{"error": {"kind": "NotFound", "message": "no such file"}}')
    assert outcomes == [{"kind": "NotFound", "message": "no such file"}]
