"""What /build of Docker's API does: the classic builder's way to ask, on our own builder."""

import asyncio
import base64
import binascii
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from sampan.builder.build import Build, BuildResult
from sampan.builder.builder import Builder
from sampan.builder.limits import checked
from sampan.engine.buildcache.filters import classic as classic_filters
from sampan.engine.images import Image, Images
from sampan.engine.images.ingest import uncancelled
from sampan.errors import Failed, Invalid, NotFound
from sampan.http.lazy import Lazy
from sampan.http.requests import chunks, json_response, parse_filters, query_bool
from sampan.images.registry import auth
from sampan.specs.golang.numbers import atoi

if TYPE_CHECKING:
    from sampan.builder.frontends.buildkit.version2 import Version2Builds
    from sampan.builder.frontends.classic.query import ClassicRequest
    from sampan.http.bearer import Credentials


class ClassicBuilds:
    def __init__(self, builder: Builder, images: Images) -> None:
        self._builder = builder
        self._images = images
        self._version2 = Lazy(self._load_version2)
        self._named: dict[str, Build] = {}  # by the id that the client chose

    async def build(self, request: web.Request) -> web.StreamResponse:
        from sampan.builder.frontends.classic.query import builder_version, parse
        from sampan.builder.frontends.classic.requester import ClassicRequester

        if builder_version(request.query.get("version", "")) == "2":
            return await self._version2.get().build(request)
        asked = parse(request.query, request["api_version"])
        requester = ClassicRequester(chunks(request), registry_config(request))
        build = self._builder.start(checked(asked.options), requester)
        if asked.id:
            self._named[asked.id] = build
        try:
            return await Telling(request, asked, build, self._images.store.images).run()
        finally:
            if self._named.get(asked.id) is build:
                del self._named[asked.id]
            await uncancelled(_ended(build))

    def _load_version2(self) -> "Version2Builds":
        from sampan.builder.frontends.buildkit.version2 import Version2Builds  # loads protobuf

        return Version2Builds(self._builder)

    async def cancel(self, request: web.Request) -> web.Response:
        id = request.query.get("id", "")
        if not id:
            raise Invalid("build ID not provided")
        build = self._named.get(id)
        if build is not None:
            build.cancel()
        else:
            with suppress(NotFound):  # as Docker: one that has ended is as good as cancelled
                self._builder.get(id).cancel()
        return web.Response()

    async def prune(self, request: web.Request) -> web.Response:
        query, version = request.query, request["api_version"]
        if version < (1, 31):
            return json_response({"CachesDeleted": None, "SpaceReclaimed": 0})
        try:
            filters, unused = classic_filters(parse_filters(query))
        except Invalid as error:
            if error.message.startswith("invalid filter:"):
                raise Invalid("invalid filter") from None
            raise Invalid(f"failed to prune build cache: {error.message}") from None
        removed = await self._builder.prune(
            filters, all=query_bool(query, "all"), keep_duration=unused, keep_bytes=kept_bytes(query)
        )
        return json_response(
            {
                "CachesDeleted": [item.id for item in removed] or None,
                "SpaceReclaimed": sum(item.size for item in removed if not item.shared),
            }
        )


async def _ended(build: Build) -> None:
    """Also when the client has gone: a build is its client's."""
    build.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await build.task


class Telling:
    """One build, told as it goes. An error before anything was told is an ordinary answer."""

    def __init__(
        self, request: web.Request, asked: "ClassicRequest", build: Build, images: Mapping[str, Image]
    ) -> None:
        from sampan.builder.frontends.classic.transcript import Transcript

        self._request = request
        self._asked = asked
        self._build = build
        self._images = images
        self._transcript = Transcript()
        self._held: list[dict[str, Any]] = []  # told only if the build fails: q=1
        self._response = web.StreamResponse(headers={"Content-Type": "application/json"})

    async def run(self) -> web.StreamResponse:
        async for events in self._build.progress.read():
            self._begin()
            if self._transcript.begun:
                await self._put(self._transcript.tell(events))
        try:
            result = await asyncio.shield(self._build.task)
        except asyncio.CancelledError:
            if not self._build.task.cancelled():
                raise
            await self._fail(Failed("context canceled"))
        except Exception as error:
            await self._fail(error)
        else:
            await self._finish(result)
        await self._response.write_eof()
        return self._response

    def _begin(self) -> None:
        from sampan.builder.frontends.classic.steps import classic_steps

        build, options = self._build, self._asked.options
        if self._transcript.begun or not build.solving:
            return
        assert build.dockerfile is not None
        steps = classic_steps(build.dockerfile, options.target, build.plan, build.digest_of)
        self._transcript.begin(steps, lambda step: build.snapshots.get(step, ""))

    async def _put(self, lines: Iterable[dict[str, Any]], *, always: bool = False) -> None:
        lines = list(lines)
        if self._asked.quiet and not always:
            self._held += lines
            return
        if lines and not self._response.prepared:
            await self._response.prepare(self._request)
        if lines:
            data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
            await self._response.write(data)

    async def _finish(self, result: BuildResult) -> None:
        from sampan.builder.frontends.classic.steps import unused_arguments
        from sampan.builder.frontends.classic.transcript import stream

        options, build = self._asked.options, self._build
        if self._asked.quiet:
            await self._put([stream(f"{result.image_id}\n")], always=True)
            return
        unused: list[str] = []
        if build.dockerfile is not None:
            unused = unused_arguments(build.dockerfile, list(options.build_args), options.target, build.plan)
        image = self._images.get(result.image_id)
        known = image is not None and image.added < build.record.created and not options.no_cache
        await self._put(self._transcript.finish(result.image_id, options.tags, unused, known=known))

    async def _fail(self, error: Exception) -> None:
        from sampan.builder.frontends.classic.failures import lines_of, translated

        error = translated(error, self._build, self._asked.options.dockerfile)
        lines = lines_of(error, self._build, self._transcript, self._asked.options.target)
        if lines is None:
            raise error
        await self._put([*self._held, *lines], always=True)


def registry_config(request: web.Request) -> "dict[str, Credentials]":
    """X-Registry-Config: credentials by server. A broken one counts as none, as for Docker."""
    text = request.headers.get("X-Registry-Config", "")
    try:
        padded = text + "=" * (-len(text) % 4)
        document = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True) or b"{}")
    except (binascii.Error, ValueError):
        return {}
    found: dict[str, Credentials] = {}
    for server, entry in document.items() if isinstance(document, dict) else ():
        with suppress(Invalid):
            found[server] = auth.from_document(entry)
    return found


def kept_bytes(query: Any) -> int:
    """How much of the cache may stay: reserved-space, before API 1.48 keep-storage. Raises Invalid."""
    for name in ("reserved-space", "max-used-space", "keep-storage"):
        text = query.get(name, "")
        if text:
            try:
                return atoi(text)
            except Invalid as error:
                problem = f"{name} is in bytes and expects an integer, got {text}: {error.message}"
                raise Invalid(problem) from None
    return 0
