"""What /sampan/builds does, the API of `sampan build`; docs/api.md, "A build"."""

import asyncio
import socket
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import web

from sampan.builder.build import Build
from sampan.builder.builder import Builder
from sampan.builder.frontends.sampan import messages
from sampan.builder.frontends.sampan.connection import SocketConnection
from sampan.builder.frontends.sampan.options import asked
from sampan.builder.frontends.sampan.requester import SampanRequester
from sampan.builder.frontends.sampan.uploads import Uploads
from sampan.builder.history import BuildRecord
from sampan.builder.limits import checked
from sampan.builder.progress import Progress
from sampan.engine.images.ingest import uncancelled
from sampan.errors import Invalid, NotFound
from sampan.http.hijack import Gone, hijack
from sampan.http.requests import chunks, empty, json_response, parse_filters, query_bool, read_json
from sampan.paths import Paths
from sampan.specs.golang.time import rfc3339


class SampanBuilds:
    def __init__(self, builder: Builder, paths: Paths) -> None:
        self._builder = builder
        self._temporary = paths.tmp
        self._uploads = Uploads(paths)
        self._requesters: dict[str, SampanRequester] = {}  # of running builds, by ref

    # A build

    async def start(self, request: web.Request) -> web.StreamResponse:
        """Build; the answer tells how it goes, and its end ends the build."""
        wanted = asked(await read_json(request, required=True))
        options = checked(wanted.options)
        local = is_local(request)
        requester = SampanRequester(wanted, self._uploads, self._temporary, local=local)
        try:
            build = self._builder.start(options, requester)
            self._requesters[build.ref] = requester
            try:
                return await self._follow(request, build, requester)
            finally:
                await uncancelled(self._end(build))
        finally:
            await uncancelled(requester.close())

    async def _end(self, build: Build) -> None:
        """Also when the client has gone: a build is its client's."""
        del self._requesters[build.ref]
        build.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await build.task

    async def _follow(
        self, request: web.Request, build: Build, requester: SampanRequester
    ) -> web.StreamResponse:
        response = Lines()
        await response.prepare(request)
        await response.put({"ref": build.ref})
        asking = asyncio.ensure_future(_pass_on(requester, response))
        try:
            await _show(build.progress, response)
            try:
                last = messages.result(await asyncio.shield(build.task))
            except asyncio.CancelledError:
                if not build.task.cancelled():
                    raise  # not the build: the client has gone
                last = {"error": {"message": "Canceled: context canceled"}}
            except Exception as error:
                last = messages.failure(error)
        finally:
            asking.cancel()
        await response.put(last)
        await response.write_eof()
        return response

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What a build has asked: JSON, or with an upgrade the connection itself."""
        requester = self._requester(request)
        id = request.match_info["id"]
        if not request.headers.get("Upgrade"):
            requester.answer(id, await read_json(request))
            return empty()
        connection = SocketConnection(await hijack(request))
        try:
            requester.answer(id, connection)
        except NotFound:
            await connection.close()
        return Gone()

    async def output(self, request: web.Request) -> web.StreamResponse:
        index = request.match_info["index"]
        outgoing = self._requester(request).outputs.get(int(index) if index.isdecimal() else -1)
        if outgoing is None:
            raise NotFound(f"no result {index[:20]} is waiting")
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        stream = outgoing.stream()
        async for piece in stream:
            if not response.prepared:
                await response.prepare(request)
            await response.write(piece)
        if not response.prepared:
            await response.prepare(request)
        await response.write_eof()
        return response

    def _requester(self, request: web.Request) -> SampanRequester:
        ref = request.match_info["ref"]
        if ref not in self._requesters:
            raise NotFound(f"no such build: {ref[:64]}")
        return self._requesters[ref]

    async def upload(self, request: web.Request) -> web.Response:
        found = await self._uploads.receive(chunks(request), raw=query_bool(request.query, "raw"))
        return json_response({"Id": found.id}, 201)

    # Builds that are, or were

    async def list_(self, request: web.Request) -> web.Response:
        return json_response([document(record) for record in self._builder.records()])

    async def inspect(self, request: web.Request) -> web.Response:
        return json_response(document(self._builder.record(request.match_info["ref"])))

    async def forget(self, request: web.Request) -> web.Response:
        self._builder.forget(self._builder.record(request.match_info["ref"]).ref)
        return empty()

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """All that happened, in the lines of the build's own stream; while it runs, until it ends."""
        record = self._builder.record(request.match_info["ref"])
        progress = await self._builder.events(record.ref)
        response = Lines()
        await response.prepare(request)
        await _show(progress, response)
        await response.write_eof()
        return response

    async def cancel(self, request: web.Request) -> web.Response:
        self._builder.get(request.match_info["ref"]).cancel()
        return empty()

    # What builds leave

    async def cache(self, request: web.Request) -> web.Response:
        filters = [
            name if value in ("", "true") else f"{name}=={value}"
            for name, values in parse_filters(request.query).items()
            for value in values
        ]
        return json_response([usage.document() for usage in await self._builder.du(filters)])

    async def shell(self, request: web.Request) -> web.Response:
        found = await read_json(request)
        args, env = found.get("Cmd") or (), found.get("Env") or ()
        if not all(isinstance(item, str) for item in (*args, *env)):
            raise Invalid("Cmd, Env: not lists of strings")
        snapshot = self._builder.snapshot(request.match_info["id"])
        how: dict[str, Any] = {
            "args": tuple(args) or ("/bin/sh",),
            "env": (*snapshot.env, *env),
            "cwd": str(found.get("WorkingDir") or snapshot.cwd),
            "user": str(found.get("User") or snapshot.user),
            "tty": bool(found.get("Tty")),
        }
        container = await self._builder.shell(snapshot.id, **how)
        return json_response({"Id": container}, 201)


class Lines(web.StreamResponse):
    """A JSON document a line."""

    def __init__(self) -> None:
        super().__init__(headers={"Content-Type": "application/json"})

    async def put(self, line: dict[str, Any]) -> None:
        # Piece by piece: two writers would otherwise mix their lines.
        await self.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


async def _show(progress: Progress, response: Lines) -> None:
    async for events in progress.read():
        if line := messages.batch(events):
            await response.put(line)


async def _pass_on(requester: SampanRequester, response: Lines) -> None:
    while True:
        await response.put(await requester.lines.get())


def is_local(request: web.Request) -> bool:
    """Whether it came by a unix socket: only then a directory's name can mean something here."""
    transport = request.transport
    found = transport.get_extra_info("socket") if transport is not None else None
    return found is not None and found.family == socket.AF_UNIX


def document(record: BuildRecord) -> dict[str, Any]:
    state = "running" if not record.completed else "canceled" if record.canceled else "completed"
    return {
        "Ref": record.ref,
        "Name": record.name,
        "State": "failed" if record.error and not record.canceled else state,
        "Created": rfc3339(record.created),
        "Completed": rfc3339(record.completed) if record.completed else None,
        "Error": record.error,
        "Steps": record.steps,
        "Cached": record.cached,
        "Warnings": record.warnings,
        "Dockerfile": record.dockerfile,
        "Target": record.target,
        "Summary": dict(record.summary),
        "Exporter": dict(record.exporter),
    }
