"""Handlers that are loaded by the first request for them, so that a server starts without."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from aiohttp import web

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Lazy(Generic[T]):
    """`load` is called once."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._loaded: T | None = None

    def get(self) -> T:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def to(self, choose: Callable[[T], Handler]) -> Handler:
        """A handler that is one of the loaded object's."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await choose(self.get())(request)

        return handle
