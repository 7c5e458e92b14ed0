"""A forked child on its way to execve(2) outlives nobody: not the shim that dies, not the daemon's wait."""

import os
import select
import signal
import socket
import termios
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from sampan.linux import sockets
from sampan.runtime import spawn
from sampan.runtime.execs import Exec
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


class Listening:
    """A shim that hears a child; the words may be another's: who may trace the child can take its channel."""

    def __init__(self, has_heir: bool = False) -> None:
        ours, self.theirs = sockets.pair()
        self.loop = Loop()
        self.outcomes: list[object] = []
        self.terminals: list[int] = []
        self.deaths: list[int] = []
        self.child = spawn.Child(self.loop, 4711, ours, self.terminals.append, self.deaths.append, has_heir)
        self.child.outcome = self.outcomes.append

    def hear(self, *words: bytes) -> list[object]:
        for data in words:
            self.theirs.send(data)
        self.theirs.close()
        self.loop.run(lambda: bool(self.outcomes))
        return self.outcomes


NO_ERROR = {"kind": "Failed", "message": "the container's process sent an invalid message"}


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A child of this process, which stands for the shim."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@pytest.mark.parametrize("has_heir", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        *(b"heir 1", b"heir 0", b"heir -1", b"heir x", b"heir ", b"heir 99999999999999999999"),
        *(b"{", b"[]", b'{"error": 1}', b'{"error": {"kind": 3}}', b"\xff"),
    ],
)
def test_forged_words_on_a_childs_channel_fail_that_start_only(data: bytes, has_heir: bool) -> None:
    shim = Listening(has_heir)
    assert shim.hear(data) == [NO_ERROR]
    assert shim.child.pid == 4711, "no other process may be named as the one to signal"


def test_an_heir_is_a_child_of_the_shims(sleeper: int) -> None:
    shim = Listening(True)
    assert shim.hear(b"heir %d" % sleeper, b"ready") == [None]
    assert shim.child.pid == sleeper


def test_a_child_that_the_shim_waits_for_already_is_no_heir(sleeper: int) -> None:
    shim = Listening(True)
    shim.loop.on_death(sleeper, lambda status: None)  # such as init
    assert shim.hear(b"heir %d" % sleeper, b"ready") == [NO_ERROR]
    assert shim.child.pid == 4711


def test_a_child_of_another_is_no_heir() -> None:
    shim = Listening(True)
    assert shim.hear(b"heir %d" % os.getpid(), b"ready") == [NO_ERROR]


def test_an_heir_that_is_dead_already_is_reported_and_not_signalled(monkeypatch: pytest.MonkeyPatch) -> None:
    shim = Listening(True)
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    shim.loop.run(lambda: not Path(f"/proc/{pid}").exists())
    signalled: list[int] = []
    monkeypatch.setattr(spawn.os, "kill", lambda pid, number: signalled.append(pid))
    shim.child.kill(signal.SIGKILL)  # its heir, once that is known
    assert shim.hear(b"heir %d" % pid, b"ready") == [None]
    shim.loop.run(lambda: bool(shim.deaths))
    assert [os.waitstatus_to_exitcode(status) for status in shim.deaths] == [3]
    shim.child.kill(signal.SIGKILL)
    assert signalled == [], "its number may be another's by now"


def test_only_a_terminal_is_taken_for_one_and_only_once() -> None:
    shim = Listening()
    reader, writer = os.pipe()
    master, slave = os.openpty()
    for fd in (reader, master, master):
        sockets.send(shim.theirs, b"terminal", [fd])
    assert shim.hear(b"ready") == [None]
    assert shim.terminals == [], "the first was none, and there is but one"
    for fd in (reader, writer, master, slave):
        os.close(fd)


def test_a_terminal_is_handed_on() -> None:
    shim = Listening()
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (7, 9))
    sockets.send(shim.theirs, b"terminal", [master])
    assert shim.hear(b"ready") == [None]
    assert [termios.tcgetwinsize(fd) for fd in shim.terminals] == [(7, 9)]
    for fd in (master, slave, *shim.terminals):
        os.close(fd)


def test_an_error_on_a_childs_channel_is_passed_on() -> None:
    outcomes = Listening().hear(b'{"error": {"kind": "NotFound", "message": "no such file"}}')
    assert outcomes == [{"kind": "NotFound", "message": "no such file"}]


def test_an_exec_that_cannot_be_forked_leaves_nothing_open() -> None:
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    container: Any = SimpleNamespace(loop=Loop(), cgroup=None, pid=gone)
    request = {"process": {}, "open_stdin": True, "seccomp": None, "console_size": None}
    exec = Exec(container, request, lambda error: None, lambda code: None)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(ProcessLookupError):
        exec.start()
    assert os.listdir("/proc/self/fd") == before
