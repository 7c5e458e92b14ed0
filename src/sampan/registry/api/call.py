"""One request on its way through the registry: what its handler gets, and how routes are declared."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import orjson
from aiohttp import web

from sampan.errors import SampanError
from sampan.registry.auth.access import Actor
from sampan.registry.cache.service import Upstreams
from sampan.registry.errors import PageInvalid, TooSlow, UploadInvalid
from sampan.registry.events import Event, Source
from sampan.registry.registry import Registry
from sampan.registry.share.service import Shared

SLOWEST = 1 << 10  # bytes a second that a client must send, or take, once its patience is used up


@dataclass
class Call:
    """`name` is the repository the path names, checked; `rest` what else the route took from the path.

    `upstreams` is the pull-through cache, where one is configured; `shared` this machine's engine, with
    --share-engine-store.
    """

    request: web.Request
    registry: Registry
    actor: Actor
    route: "Route"
    name: str = ""
    rest: Mapping[str, str] = field(default_factory=dict)
    upstreams: Upstreams | None = None
    shared: Shared | None = None

    @cached_property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    def part(self, group: str) -> str:
        """A part of the path, percent-decoded: clients may write a digest's colon as %3A."""
        return unquote(self.rest.get(group, ""))

    def body(self) -> AsyncIterator[bytes]:
        return body(self.request, self.registry.config.body_timeout)

    @property
    def source(self) -> Source:
        request = self.request
        return Source(
            id=request.get("id", ""),
            address=request.remote or "",
            host=request.headers.get("Host", ""),
            method=request.method,
            user_agent=request.headers.get("User-Agent", ""),
            actor=self.actor.name,
            url=request.raw_path,
        )

    def emit(self, **event: Any) -> None:
        """Tell the listeners what this request did; see events.Event for the fields."""
        self.registry.events.emit(Event(source=self.source, time=self.registry.clock(), **event))


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """`path` may hold one `{name}` (a repository, slashes and all) and `{other}` single segments.

    `action` is what the caller needs in that repository: pull, push or delete; `catalog` for listings over
    repositories; "" to be let in at all; None: open to everybody. `label` names the endpoint in metrics.
    """

    method: str
    path: str
    handler: Handler
    action: str | None
    label: str = ""


def from_elsewhere(request: web.BaseRequest) -> bool:
    """Whether a browser sends this for another site's page, with its user's password all the same."""
    origin = request.headers.get("Origin")
    try:
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("Host", "")
    except ValueError:
        foreign = True
    return foreign or request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


async def body(request: web.Request, patience: float) -> AsyncIterator[bytes]:
    """The request's body as it arrives. Raises TooSlow for a client that stops sending, UploadInvalid.

    Or that sends next to nothing: a byte a minute would hold a connection, and an upload, for ever. Only the
    time for which we wait counts.
    """
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    content, loop = request.content, asyncio.get_running_loop()
    credit = patience
    while True:
        begun = loop.time()
        try:
            async with asyncio.timeout(min(patience, credit)):
                chunk = await content.readany()
        except TimeoutError:
            raise too_slow(patience) from None
        except (web.PayloadAccessError, ValueError) as error:
            raise UploadInvalid(f"request body cannot be read: {error}") from None
        if not chunk:
            return
        credit += len(chunk) / SLOWEST - (loop.time() - begun)
        yield chunk


def too_slow(patience: float) -> TooSlow:
    message = f"no data for {patience:g} seconds, or less than {SLOWEST} bytes a second"
    return TooSlow(message, headers={"Connection": "close"})


async def read_body(call: Call, limit: int, too_large: Callable[[], SampanError]) -> bytes:
    """All of a small body. Raises what `too_large` makes past `limit` bytes."""
    if (call.request.content_length or 0) > limit:
        raise too_large()
    found = bytearray()
    async for chunk in call.body():
        found += chunk
        if len(found) > limit:
            raise too_large()
    return bytes(found)


def page_size(query: Mapping[str, str], most: int | None = None) -> int | None:
    """The listing's `n`; `most` when there is none, or it asks for more. Raises PageInvalid."""
    given = query.get("n", "")
    if not given:
        return most
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise PageInvalid("invalid number of results requested", {"n": given[:100]})
    return int(given) if most is None else min(int(given), most)


def next_link(path: str, n: int | None, last: str | None, **more: str) -> dict[str, str]:
    """The Link header of a listing that goes on. RFC 8288"""
    if last is None:
        return {}
    query = {**({} if n is None else {"n": str(n)}), "last": last, **more}
    text = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    return {"Link": f'<{path}?{text}>; rel="next"'}
