"""Keeping what a client sends right behind an `Upgrade: tcp` request.

aiohttp's fast parser knows only websocket upgrades: bytes that arrive in one piece with an attach request
would be dropped. This wrapper around it finds where the request ends and reports the upgrade the way the
parser does for websockets, so that everything after it waits in the connection's tail.
"""

from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

HEAD_END = b"\r\n\r\n"


class UpgradeParser:
    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._last = b""  # the end of the piece before: the blank line may be cut in two
        self._body_left: int | None = None  # of an upgrading request; None: no such request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def feed_data(self, data: bytes) -> tuple[Any, bool, bytes]:
        messages, upgraded, tail = self._inner.feed_data(data)
        if self._body_left is None:
            before, self._last = self._last, data[-3:]
            if not messages or not upgrades(messages[-1][0]):
                return messages, upgraded, tail
            length = messages[-1][0].headers.get("Content-Length", "0")
            self._body_left = int(length) if length.isascii() and length.isdigit() else 0
            data = (before + data).partition(HEAD_END)[2]
        if self._body_left > len(data):
            self._body_left -= len(data)
            return messages, False, b""
        tail, self._body_left = data[self._body_left :], None
        return messages, True, tail


def upgrades(message: Any) -> bool:
    return bool(message.upgrade) and message.headers.get("Upgrade", "").lower() == "tcp"


class Connections(web.Server):
    """aiohttp's server, with that parser in every connection."""

    def __call__(self) -> RequestHandler:
        connection = super().__call__()
        connection._parser = UpgradeParser(connection._parser)  # type: ignore[assignment]
        return connection
