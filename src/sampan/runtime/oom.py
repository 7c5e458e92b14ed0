"""Processes that the kernel's OOM killer kills in a container's cgroup: each is reported once."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sampan.runtime.cgroups import Cgroup
    from sampan.runtime.loop import Loop, Timer

_ONCE_MORE_SECONDS = 0.05  # the event may come before the kill that it announces is counted


class OomWatch:
    def __init__(self, loop: Loop, cgroup: Cgroup, on_kill: Callable[[], None]) -> None:
        self._loop = loop
        self._cgroup = cgroup
        self._on_kill = on_kill
        self._fd = -1
        self._timer: Timer | None = None
        self.killed = 0

    def start(self) -> None:
        """Where the kernel tells of them; elsewhere they are counted at the end."""
        watch = self._cgroup.watch_oom()
        if watch is not None:
            self._fd, events = watch
            self._loop.watch(self._fd, events, self._happened)

    def _happened(self, _events: int) -> None:
        self._cgroup.acknowledge_oom(self._fd)
        self.count()
        self._timer = self._loop.later(_ONCE_MORE_SECONDS, self.count)

    def count(self) -> None:
        killed = self._cgroup.oom_count()
        for _ in range(killed - self.killed):
            self._on_kill()
        self.killed = max(killed, self.killed)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1
