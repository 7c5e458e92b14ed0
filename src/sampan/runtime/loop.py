"""The shim's one loop: descriptors, timers and dead children. epoll(7), no threads."""

from __future__ import annotations

import os
import select
import time
from _heapq import heappop, heappush

from sampan.linux import process, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

IN = select.EPOLLIN
OUT = select.EPOLLOUT
HANGUP = select.EPOLLHUP | select.EPOLLERR


class Timer:
    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return self.when < other.when


class Loop:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._timers: list[Timer] = []
        self._children: dict[int, Callable[[int], None]] = {}
        self._unclaimed: dict[int, int] = {}
        self._expecting = 0
        self.on_error: Callable[[Exception], None] = _raise
        self._woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signals.set_wakeup_fd(waker)
        signals.catch(signals.SIGCHLD, lambda number, frame: None)
        self.watch(self._woken, IN, self._reap)

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Call back with the events; hang-ups and errors are always among them. Watching again changes
        both.
        """
        if fd in self._handlers:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._handlers[fd] = callback

    def forget(self, fd: int) -> None:
        """Before closing `fd`; harmless when it is not watched."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(time.monotonic() + seconds, callback)
        heappush(self._timers, timer)
        return timer

    def on_death(self, pid: int, callback: Callable[[int], None]) -> bool:
        """Call back with the wait status of a child forked since the loop last ran, or in an expectation.

        Returns whether it is still to be reaped: otherwise its number may be another's already.
        """
        if pid in self._unclaimed:
            status = self._unclaimed.pop(pid)
            self.later(0, lambda: callback(status))
            return False
        self._children[pid] = callback
        return True

    def is_unclaimed_child(self, pid: int) -> bool:
        """Whether it is a child of this process, or was in an expectation, that nobody has claimed."""
        if pid in self._unclaimed:
            return True
        return pid not in self._children and process.parent(pid) == os.getpid()

    def expect_child(self, change: int) -> None:
        """While a child may be there (+1, and -1 once it is known) the deaths of unknown ones are kept."""
        self._expecting += change
        if not self._expecting:
            self._unclaimed.clear()

    def forget_death(self, pid: int) -> None:
        self._children.pop(pid, None)

    def run(self, done: Callable[[], bool]) -> None:
        while not done():
            for fd, events in self._epoll.poll(self._patience()):
                # An earlier callback of this round may have closed it.
                handler = self._handlers.get(fd)
                if handler is None:
                    continue
                try:
                    handler(events)
                except Exception as error:
                    self.forget(fd)  # or it would come again at once
                    self.on_error(error)
            self._run_timers()

    def _patience(self) -> float:
        while self._timers and self._timers[0].callback is None:
            heappop(self._timers)
        return max(0.0, self._timers[0].when - time.monotonic()) if self._timers else -1

    def _run_timers(self) -> None:
        while self._timers and self._timers[0].when <= time.monotonic():
            callback = heappop(self._timers).callback
            if callback is not None:
                self._guard(callback)

    def _reap(self, _events: int) -> None:
        try:
            os.read(self._woken, 512)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            # Orphans of the container come here as well, the shim being their subreaper.
            callback = self._children.pop(pid, None)
            if callback is not None:
                self._guard(callback, status)
            elif self._expecting:
                self._unclaimed[pid] = status

    def _guard(self, callback: Callable[..., None], *arguments: int) -> None:
        try:
            callback(*arguments)
        except Exception as error:
            self.on_error(error)


def _raise(error: Exception) -> None:
    raise error
