"""Records of builds as the messages of ListenBuildHistory."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sampan.builder.builder import Builder
from sampan.builder.frontends.buildkit.frontend import DOCKERFILE
from sampan.builder.frontends.buildkit.status import set_time, text
from sampan.builder.history import BuildRecord
from sampan.http.grpc.call import ServerCall
from sampan.http.grpc.status import Code
from sampan.specs.buildkit.schema import schema

STARTED, COMPLETE, DELETED = 0, 1, 2
# Listeners are people's dashboards: what they see may be this old, in seconds.
INTERVAL = 0.5


async def listen(builder: Builder, request: Any, call: ServerCall) -> None:
    """What there is, newest first; then, unless the client only wants that, what changes."""
    seen: dict[str, BuildRecord] = {}
    while True:
        now = {record.ref: record for record in select(builder.records(), request)}
        for ref, record in now.items():
            if seen.get(ref) != record:
                await call.send(event(COMPLETE if record.completed else STARTED, record))
        for ref in seen.keys() - now.keys():
            if not request.ActiveOnly:
                await call.send(event(DELETED, seen[ref]))
        if request.EarlyExit:
            return
        seen = now
        await asyncio.sleep(INTERVAL)


def select(records: Sequence[BuildRecord], request: Any) -> list[BuildRecord]:
    found = [
        record
        for record in records
        if (not request.Ref or record.ref == request.Ref) and not (request.ActiveOnly and record.completed)
    ]
    return found[: request.Limit] if request.Limit > 0 else found


def event(kind: int, record: BuildRecord) -> Any:
    message = schema().message("moby.buildkit.v1.BuildHistoryEvent")(type=kind)
    fill(message.record, record)
    return message


def fill(row: Any, record: BuildRecord) -> None:
    row.Ref, row.Frontend, row.Generation = record.ref, DOCKERFILE, 1
    for name, value in attrs(record).items():
        row.FrontendAttrs[name] = text(value)
    for name, value in record.exporter.items():
        row.ExporterResponse[name] = text(value)
    set_time(row.CreatedAt, record.created)
    if record.completed:
        set_time(row.CompletedAt, record.completed)
        row.numCompletedSteps = record.steps
    if record.canceled:
        row.error.code, row.error.message = Code.CANCELLED, "context canceled"
    elif record.error:
        row.error.code, row.error.message = Code.UNKNOWN, text(record.error)
    row.numTotalSteps, row.numCachedSteps, row.numWarnings = record.steps, record.cached, record.warnings


def attrs(record: BuildRecord) -> dict[str, str]:
    """The attributes of the frontend: as they came, or made up for builds that came otherwise."""
    given = record.summary.get("attrs")
    if isinstance(given, dict):
        return {str(name): str(value) for name, value in given.items()}
    found = {"filename": record.dockerfile or "Dockerfile"}
    if record.target:
        found["target"] = record.target
    context = record.summary.get("context", "")
    if isinstance(context, str) and context and not context.startswith(("local:", "upload:")):
        found["context"] = context
    platforms = record.summary.get("platforms") or ()
    if platforms:
        found["platform"] = ",".join(platforms)
    return found
