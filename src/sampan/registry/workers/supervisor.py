"""The process that forks the others and keeps them running, and does nothing else.

It has no threads and no event loop, so that fork(2) is safe at any time: a worker that died is there again in
milliseconds, its imports shared copy-on-write. It holds the listening socket, so connections that arrive
meanwhile wait in its queue and are not refused.

    SIGTERM, SIGINT   the socket is closed, every process finishes its requests, then all is over
    SIGHUP            the configuration is read again; new workers start with it, the old ones finish and go
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger("sampan.registry")

FIRST_DELAY = 0.1  # seconds before a worker that died at once is started again; doubles up to
LAST_DELAY = 10.0
SETTLED = 10.0  # a worker that lived that long starts at once
KILL_MARGIN = 5.0  # seconds beyond the drain time before SIGKILL
WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass(frozen=True)
class Place:
    """What one process is for, whichever process fills it."""

    number: int
    jobs: bool = False

    @property
    def name(self) -> str:
        return "jobs" if self.jobs else f"worker-{self.number}"


@dataclass
class Child:
    place: Place
    slot: int
    generation: int
    started: float
    leaving: bool = False


Work = Callable[[Place, int, int], int]
"""Runs in the child: its place, a slot no other process has, and a descriptor that ends when the supervisor
does. Returns the exit status."""


class Supervisor:
    def __init__(
        self,
        places: list[Place],
        work: Work,
        reload: Callable[[], Work | None],
        unlisten: Callable[[], None],
        drain: float,
    ) -> None:
        """`reload` returns what new workers do, or None to leave everything as it is; `unlisten` lets go of
        the socket here.
        """
        self._places = places
        self._work = work
        self._reload = reload
        self._unlisten = unlisten
        self._drain = drain
        self._generation = 0
        self._children: dict[int, Child] = {}
        self._due: list[tuple[float, Place]] = []
        self._delays: dict[Place, float] = {}
        self._stop_at: float | None = None
        self._alive_read, self._alive_write = os.pipe()

    def run(self) -> int:
        """Until told to stop; the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        for place in self._places:
            self._fork(place)
        while self._children or (self._due and self._stop_at is None):
            found = signal.sigtimedwait(WATCHED, self._patience())
            if found is not None and found.si_signo in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            elif found is not None and found.si_signo == signal.SIGHUP:
                self._renew()
            self._reap()
            self._start_due()
            if self._stop_at is not None and time.monotonic() > self._stop_at:
                self._signal_all(signal.SIGKILL)
        return 0

    def _patience(self) -> float:
        """Seconds until something is due. One at most: a signal that came twice is seen once."""
        now = time.monotonic()
        return max(0.0, min([1.0, *(when - now for when, _ in self._due)]))

    def _fork(self, place: Place) -> None:
        taken = {child.slot for child in self._children.values()}
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(self._alive_write)
                signal.signal(
                    signal.SIGINT, signal.SIG_IGN
                )  # Ctrl-C reaches the whole group; SIGTERM follows
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
                status = self._work(place, slot, self._alive_read)
            except BaseException:
                log.exception("%s failed", place.name)
            finally:
                logging.shutdown()
                os._exit(status)
        self._children[pid] = Child(place, slot, self._generation, time.monotonic())

    def _stop(self) -> None:
        if self._stop_at is None:
            log.info("stopping: requests in progress have %g seconds to finish", self._drain)
            self._stop_at = time.monotonic() + self._drain + KILL_MARGIN
            self._due.clear()
            self._unlisten()  # nobody is started any more; the last worker to close it ends the listening
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        for pid, child in self._children.items():
            child.leaving = True
            os.kill(pid, number)  # still ours: not reaped yet

    def _renew(self) -> None:
        if self._stop_at is not None:
            return
        work = self._reload()
        if work is None:
            return
        self._work = work
        self._generation += 1
        self._due.clear()
        self._delays.clear()
        old = [pid for pid, child in self._children.items() if not child.leaving]
        for place in self._places:
            self._fork(place)
        for pid in old:
            self._children[pid].leaving = True
            os.kill(pid, signal.SIGTERM)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None and not child.leaving and child.generation == self._generation:
                self._again(child, os.waitstatus_to_exitcode(status))

    def _again(self, child: Child, code: int) -> None:
        now = time.monotonic()
        settled = now - child.started >= SETTLED
        delay = 0.0 if settled else self._delays.get(child.place, FIRST_DELAY)
        self._delays[child.place] = FIRST_DELAY if settled else min(delay * 2, LAST_DELAY)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        log.error("%s %s; starting another in %g s", child.place.name, how, delay)
        self._due.append((now + delay, child.place))

    def _start_due(self) -> None:
        now = time.monotonic()
        for entry in [entry for entry in self._due if entry[0] <= now]:
            self._due.remove(entry)
            self._fork(entry[1])
