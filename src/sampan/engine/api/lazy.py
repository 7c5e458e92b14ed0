"""Handlers that are loaded by the first request for them, so that the daemon starts without."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from aiohttp import web

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Later(Generic[T]):
    """`load` is called once."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._found: T | None = None

    def to(self, choose: Callable[[T], Handler]) -> Handler:
        """A handler that is one of the loaded object's."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if self._found is None:
                self._found = self._load()
            return await choose(self._found)(request)

        return handle
