"""A worker's connections: which of them are idle, and how many more it can take.

A connection costs a descriptor, and a request up to three more (a blob's file, its socket again for
sendfile(2), an upstream's). Requests must never find none left: so the sum is kept below the limit, and when
it gets there, who has waited longest gives way to who comes.
"""

import resource
from itertools import islice
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

OWN = 64  # descriptors of a worker without clients; 25 were counted
EACH_REQUEST = 3
MOST = 10_000  # connections for which there is memory: 20 KiB each
FIRST_WORDS = 1.0  # seconds for a client that has just connected to ask something


class Connections(web.Server):
    """aiohttp's server, which tells the waiting from the busy.

    `silent` have asked nothing yet, `idle` have had their answers; since when, the longest first.
    """

    def __init__(self, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self.silent: dict[RequestHandler, float] = {}
        self.idle: dict[RequestHandler, float] = {}
        self.busy: set[RequestHandler] = set()

    def connection_made(self, handler: RequestHandler, transport: Any) -> None:
        super().connection_made(handler, transport)
        self.silent[handler] = self._loop.time()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self.silent.pop(handler, None)
        self.idle.pop(handler, None)

    def begin(self, handler: RequestHandler) -> None:
        """It has asked something."""
        self.silent.pop(handler, None)
        self.idle.pop(handler, None)
        self.busy.add(handler)

    def end(self, handler: RequestHandler) -> None:
        self.busy.discard(handler)
        if handler.transport is not None:
            self.idle[handler] = self._loop.time()

    def close_waiting(self, patience: float) -> bool:
        """Close those that only wait; who came within the last `patience` seconds may still ask: True."""
        since = self._loop.time() - patience
        late = [handler for handler, begun in self.silent.items() if begun <= since]
        for handler in [*self.idle, *late]:
            handler.close()
        return len(late) < len(self.silent)

    @property
    def descriptors(self) -> int:
        """What they may need in all."""
        return len(self._connections) + EACH_REQUEST * len(self.busy)

    def idlest(self) -> tuple[RequestHandler, float] | None:
        """Who has waited longest, and since when. Who has just come has a moment to ask."""
        found = list(islice(self.idle.items(), 1))
        found += [entry for entry in islice(self.silent.items(), 1) if is_late(entry[1], self._loop.time())]
        return min(found, key=lambda entry: entry[1], default=None)

    def shed(self, handler: RequestHandler) -> None:
        self.silent.pop(handler, None)
        self.idle.pop(handler, None)
        handler.force_close()


def is_late(begun: float, now: float) -> bool:
    return begun <= now - FIRST_WORDS


def room() -> int:
    """How many descriptors connections and their requests may have together."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST
    return min(max(soft - OWN, soft // 2), MOST)
