"""Requests that end when their clients like, and how they end when the server does."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sampan.kube.store.rings import Subscription


class Lasting:
    """Watches end as if their time were over; what else lasts is cut."""

    def __init__(self) -> None:
        self._watches: set[Subscription] = set()
        self._others: set[asyncio.Task[object]] = set()
        self._ended = False

    def begin(self, watch: Subscription) -> None:
        """A watch that is about to wait."""
        self._watches.add(watch)
        if self._ended:
            watch.close()

    def forget(self, watch: Subscription) -> None:
        self._watches.discard(watch)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Anything else, in this task."""
        task = asyncio.current_task()
        assert task is not None
        self._others.add(task)
        try:
            yield
        finally:
            self._others.discard(task)

    def end(self) -> None:
        """All of them, and whatever begins from now on."""
        self._ended = True
        for watch in list(self._watches):
            watch.close()
        for task in list(self._others):
            task.cancel()
