"""POST /build?version=2: how Docker's own client asked for BuildKit from 18.09 to 22, before buildx.

The files come from a session, as buildx' do; the answer is a stream of JSON lines in which the messages of
Control.Status are packed. moby/moby builder/builder-next/builder.go
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from aiohttp import web
from multidict import MultiDict

from sampan.builder.build import Build
from sampan.builder.builder import Builder
from sampan.builder.frontends.buildkit.frontend import exports
from sampan.builder.frontends.buildkit.session.requester import SessionRequester
from sampan.builder.frontends.buildkit.session.sessions import Sessions
from sampan.builder.frontends.buildkit.status import responses
from sampan.builder.frontends.classic.query import parse
from sampan.builder.limits import checked
from sampan.builder.options import BuildOptions, Output
from sampan.errors import Invalid, NotFound
from sampan.http.requests import chunks, query_bool

SESSION = "client-session"
UPLOAD = "upload-request"
ARRIVAL = 5.0  # seconds: session, upload and build are sent at the same time

Body = AsyncIterator[bytes]


@dataclass(eq=False)
class Upload:
    body: Body
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    read: asyncio.Event = field(default_factory=asyncio.Event)


class Version2Builds:
    """The handler of POST /build hands such requests over."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._uploads = Uploads()

    async def build(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        id = query.get("buildid", "")
        if id.startswith(f"{UPLOAD}:"):
            await self._uploads.give(id.removeprefix(f"{UPLOAD}:"), chunks(request))
            return web.Response()
        known = MultiDict((name, value) for name, value in query.items() if name not in ("remote", "outputs"))
        classic = checked(parse(known, request["api_version"]).options)
        build = await start(self._builder, self._builder.sessions, self._uploads, classic, query)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        async with aclosing(lines(build, query_bool(query, "q"))) as answer:
            async for line in answer:
                await response.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        await response.write_eof()
        return response


class Uploads:
    """Contexts on standard input: the client sends one in a request beside that of the build."""

    def __init__(self) -> None:
        self._places: dict[str, asyncio.Future[Upload]] = {}

    async def give(self, id: str, body: Body) -> None:
        """Until it was read. Raises NotFound when nobody wants it."""
        place = self._place(id)
        if place.done():
            raise Invalid(f"build {id} has its context already")
        upload = Upload(body)
        place.set_result(upload)
        try:
            await asyncio.wait_for(upload.taken.wait(), ARRIVAL)
            await upload.read.wait()
        except TimeoutError:
            raise NotFound(f"no build {id} wants this context") from None
        finally:
            self._places.pop(id, None)

    async def take(self, id: str) -> AsyncIterator[bytes]:
        """Raises NotFound when it does not come."""
        try:
            upload = await asyncio.wait_for(asyncio.shield(self._place(id)), ARRIVAL)
        except TimeoutError:
            self._places.pop(id, None)
            raise NotFound(f"no context was sent for build {id}") from None
        upload.taken.set()
        try:
            async for chunk in upload.body:
                yield chunk
        finally:
            upload.read.set()

    def _place(self, id: str) -> "asyncio.Future[Upload]":
        if id not in self._places:
            self._places[id] = asyncio.get_running_loop().create_future()
        return self._places[id]


class Version2Requester(SessionRequester):
    """Its context may come by another request."""

    uploads: Uploads

    async def upload(self, id: str) -> AsyncIterator[bytes]:
        async for chunk in self.uploads.take(id):
            yield chunk


def options(classic: BuildOptions, query: Mapping[str, str]) -> BuildOptions:
    """`classic`: of the same parameters, without `remote` and `outputs`. Raises Invalid."""
    remote, build = query.get("remote", ""), query.get("buildid", "")
    if remote == SESSION:
        context, dockerfile = "local:context", "local:dockerfile"
    elif remote == UPLOAD:
        context = dockerfile = f"upload:{build}"
    elif remote:
        context = dockerfile = remote
    else:
        raise Invalid("no context: neither remote nor a session")
    return replace(
        classic,
        context=context,
        dockerfile_source=dockerfile,
        outputs=outputs(query.get("outputs", "")),
        hides_dockerfile=False,
    )


def outputs(text: str) -> tuple[Output, ...]:
    try:
        rows = json.loads(text) if text else []
        found = [(str(row["Type"]), dict(row.get("Attrs") or {})) for row in rows or ()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Invalid("invalid outputs specified") from None
    if len(found) > 1:
        raise Invalid("multiple outputs not supported")
    return exports(found or [("moby", {})])


async def start(
    builder: Builder, sessions: Sessions, uploads: Uploads, classic: BuildOptions, query: Mapping[str, str]
) -> Build:
    """Raises Invalid, NotFound."""
    asked = options(classic, query)
    session = await sessions.get(query.get("session", ""), seconds=ARRIVAL)
    requester = Version2Requester(session, sessions.sources)
    requester.uploads = uploads
    return builder.start(asked, requester, query.get("buildid", ""))


async def lines(build: Build, quiet: bool = False) -> AsyncGenerator[dict[str, Any], None]:
    """All that is answered; the last one says how it ended. A caller that stops takes the build with it.

    `quiet`: of a build that ends well only the image's id is told.
    """
    held = []
    try:
        async for batch in build.progress.read():
            for message in responses(batch):
                trace = b64encode(message.SerializeToString()).decode()
                line = {"id": "moby.buildkit.trace", "aux": trace}
                if quiet:
                    held.append(line)
                else:
                    yield line
        await asyncio.wait([build.task])
        end = outcome(build)
        if quiet and "error" not in end:
            held = [{"stream": f"{build.task.result().image_id}\n"}]
        for line in (*held, end):
            yield line
    finally:
        build.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await build.task


def outcome(build: Build) -> dict[str, Any]:
    if build.task.cancelled():
        return failed("context canceled")
    error = build.task.exception()
    if error is not None:
        return failed(str(error))
    return {"id": "moby.image.id", "aux": {"ID": build.task.result().image_id}}


def failed(message: str) -> dict[str, Any]:
    return {"errorDetail": {"message": message}, "error": message}
