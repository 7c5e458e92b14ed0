"""/images of Docker's API, and our own /sampan/images/bootstrap."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from sampan.engine.api.registry import credentials, push_credentials
from sampan.engine.bootstrap.bootstrap import bootstrap
from sampan.engine.engine import Engine
from sampan.engine.images import Images, Import, download, progress
from sampan.engine.images.lines import with_lines
from sampan.engine.images.progress import Line, Send
from sampan.engine.images.pull import Pull, parse
from sampan.engine.images.push import Push
from sampan.errors import Invalid
from sampan.http.errors import status_of
from sampan.http.requests import chunks, json_response, parse_filters, query_bool
from sampan.specs.oci import platform as platforms
from sampan.specs.oci import reference as references
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import Reference

NAME = "{name:.+}"


def routes(engine: Engine) -> list[web.RouteDef]:
    handlers = Handlers(engine.images)
    return [
        web.get("/images/json", handlers.list_),
        web.get("/images/get", handlers.save_many),
        web.post("/images/load", handlers.load),
        web.post("/images/create", handlers.create),
        web.post("/images/prune", handlers.prune),
        web.get(f"/images/{NAME}/json", handlers.inspect),
        web.get(f"/images/{NAME}/history", handlers.history),
        web.get(f"/images/{NAME}/get", handlers.save_one),
        web.post(f"/images/{NAME}/push", handlers.push),
        web.post(f"/images/{NAME}/tag", handlers.tag),
        web.delete(f"/images/{NAME}", handlers.remove),
        web.post("/sampan/images/bootstrap", handlers.bootstrap),
    ]


class Handlers:
    def __init__(self, images: Images) -> None:
        self._images = images

    async def list_(self, request: web.Request) -> web.Response:
        query, version = request.query, request["api_version"]
        filters = parse_filters(query)
        if version < (1, 41) and query.get("filter"):
            filters.setdefault("reference", []).append(query["filter"])
        shared = version >= (1, 42) and query_bool(query, "shared-size")
        return json_response(
            self._images.select(filters, all=query_bool(query, "all"), shared_size=shared, version=version)
        )

    async def inspect(self, request: web.Request) -> web.Response:
        return json_response(self._images.inspect(request.match_info["name"], request["api_version"]))

    async def history(self, request: web.Request) -> web.Response:
        return json_response(self._images.history(request.match_info["name"]))

    async def tag(self, request: web.Request) -> web.Response:
        target = repository(request.query.get("repo", ""), request.query.get("tag", ""))
        if target is None:
            raise Invalid("invalid reference format")
        self._images.tag(self._images.get(request.match_info["name"]), target)
        return web.Response(status=201)

    async def remove(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not name.strip():
            raise Invalid("image name cannot be blank")
        force, keep = query_bool(request.query, "force"), query_bool(request.query, "noprune")
        return json_response(self._images.remove(name, force=force, prune=not keep))

    async def prune(self, request: web.Request) -> web.Response:
        return json_response(self._images.prune(parse_filters(request.query)))

    async def push(self, request: web.Request) -> web.StreamResponse:
        reference = references.parse(request.match_info["name"])
        if request.query.get("tag"):
            reference = reference.with_tag(request.query["tag"])
        what = Push(reference, push_credentials(request))
        return await stream_lines(
            request, lambda send: with_lines(send, lambda put: self._images.remote.push(what, put))
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Pull (fromImage) or import (fromSrc)."""
        query = request.query
        if query.get("fromImage"):
            return await self._pull(request)
        source = query.get("fromSrc", "")
        if not source:
            raise Invalid("either fromImage or fromSrc is required")
        how = Import(
            name=repository(query.get("repo", ""), query.get("tag", "")),
            changes=query.getall("changes", []),
            message=query.get("message") or f"Imported from {source}",
            platform=query.get("platform", ""),
        )

        async def work(send: Send) -> None:
            if source == "-":
                image = await self._images.import_(chunks(request), how)
            else:
                async with download.opened(source, send) as archive:
                    await send(progress.status(f"Downloading from {download.shown(source)}"))
                    image = await self._images.import_(archive, how)
            await send(progress.status(image.id))

        return await stream_lines(request, work)

    async def _pull(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        platform = None
        if query.get("platform") and request["api_version"] >= (1, 32):
            platform = platforms.parse(query["platform"])
        reference = parse(query["fromImage"].strip(), query.get("tag", "").strip())
        what = Pull(reference, platform, credentials(request))
        return await stream_lines(
            request, lambda send: with_lines(send, lambda put: self._images.remote.pull(what, put))
        )

    async def load(self, request: web.Request) -> web.StreamResponse:
        wanted = asked_platform(request) or platforms.host()
        quiet = query_bool(request.query, "quiet", True)

        async def work(send: Send) -> None:
            await self._images.load(chunks(request), platform=wanted, quiet=quiet, send=send)

        return await stream_lines(request, work, at_once=True)

    async def save_one(self, request: web.Request) -> web.StreamResponse:
        return await self._save(request, [request.match_info["name"]])

    async def save_many(self, request: web.Request) -> web.StreamResponse:
        return await self._save(request, request.query.getall("names", []))

    async def _save(self, request: web.Request, names: list[str]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-tar"})
        async for piece in self._images.save(names, asked_platform(request)):
            # The first piece is empty: whatever the request itself has wrong was raised before it.
            if not response.prepared:
                await response.prepare(request)
            if piece:
                await response.write(piece)
        await response.write_eof()
        return response

    async def bootstrap(self, request: web.Request) -> web.StreamResponse:
        async def work(send: Send) -> None:
            async def say(text: str) -> None:
                await send(progress.status(text))

            await bootstrap(
                self._images,
                request.query.get("name", "").strip(),
                say,
                request.query.get("mirror", ""),
            )

        return await stream_lines(request, work)


def repository(repo: str, tag: str) -> Reference | None:
    """The name an image is to get, with `latest` as its tag. Raises Invalid in Docker's words."""
    if not repo:
        return None
    reference = references.parse(repo)
    if reference.digest:
        raise Invalid("cannot import digest reference")
    if tag:
        return reference.with_digest(tag) if ":" in tag else reference.with_tag(tag)
    return reference.with_default_tag()


def asked_platform(request: web.Request) -> Platform | None:
    """The "platform" parameter of save and load: an OCI platform as JSON. Raises Invalid."""
    text = request.query.get("platform", "")
    if not text or request["api_version"] < (1, 48):
        return None
    try:
        document = orjson.loads(text)
        return Platform(document["os"], document["architecture"], document.get("variant") or "")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise Invalid(f"failed to parse platform: {text}") from None


async def stream_lines(
    request: web.Request, work: Callable[[Send], Awaitable[None]], *, at_once: bool = False
) -> web.StreamResponse:
    """Run `work`, whose lines go out as they come. An error before the first one is an ordinary answer.

    After it, the status is gone out already and the error is the last line, as Docker's clients expect.
    """
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    lock = asyncio.Lock()

    async def send(line: Line) -> None:
        async with lock:
            if not response.prepared:
                await response.prepare(request)
            await response.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    if at_once:
        await response.prepare(request)
    try:
        await work(send)
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception as error:
        if not response.prepared:
            raise
        await send(progress.error(status_of(error)[1]))
    await response.write_eof()
    return response
