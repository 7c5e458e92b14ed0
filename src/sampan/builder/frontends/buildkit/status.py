"""Progress as the messages of Control.Status. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from sampan.builder.progress import Event, Log, Status, Vertex, Warning
from sampan.specs.buildkit.schema import schema

# Clients take 16 MiB a message; BuildKit itself starts a new one after 1 MiB of logs.
LOG_BYTES = 1 << 20
EVENTS = 4096


def responses(events: Sequence[Event]) -> Iterator[Any]:
    """In order, as many in one message as fit."""
    make = schema().message("moby.buildkit.v1.StatusResponse")
    message, count, logged = make(), 0, 0
    for event in events:
        if count >= EVENTS or logged >= LOG_BYTES:
            yield message
            message, count, logged = make(), 0, 0
        if add(message, event):
            count += 1
            logged += len(event.data) if isinstance(event, Log) else 0
    if count:
        yield message


def add(message: Any, event: Event) -> bool:
    if isinstance(event, Vertex):
        if event.snapshot and event.error:
            add_hint(message.logs.add(), event)
        add_vertex(message.vertexes.add(), event)
    elif isinstance(event, Status):
        add_status(message.statuses.add(), event)
    elif isinstance(event, Log):
        row = message.logs.add(vertex=event.vertex, stream=event.stream, msg=event.data)
        set_time(row.timestamp, event.timestamp)
    elif isinstance(event, Warning):
        add_warning(message.warnings.add(), event)
    else:  # an explanation: there is no such message
        return False
    return True


def add_vertex(row: Any, event: Vertex) -> None:
    row.digest, row.name, row.cached, row.error = (
        event.digest,
        text(event.name),
        event.cached,
        text(event.error),
    )
    row.inputs.extend(event.inputs)
    if event.started:
        set_time(row.started, event.started)
    if event.completed:
        set_time(row.completed, event.completed)
    if event.group:
        row.progressGroup.id = event.group.get("id", "")
        row.progressGroup.name = event.group.get("name", "")
        row.progressGroup.weak = event.group.get("weak", False)


def add_hint(row: Any, event: Vertex) -> None:
    """Under what the failed program has written, where clients show it."""
    row.vertex, row.stream = event.digest, 2
    row.msg = f"a shell in this step: sampan build shell {event.snapshot}\n".encode()
    set_time(row.timestamp, event.completed)


def add_status(row: Any, event: Status) -> None:
    row.ID, row.vertex, row.name = text(event.id), event.vertex, text(event.name)
    row.current, row.total = event.current, event.total
    set_time(row.timestamp, event.timestamp)
    if event.started:
        set_time(row.started, event.started)
    if event.completed:
        set_time(row.completed, event.completed)


def add_warning(row: Any, event: Warning) -> None:
    row.vertex, row.level, row.url = event.vertex, event.level, event.url
    row.short = text(event.short).encode()
    row.detail.extend(text(line).encode() for line in event.detail)
    if event.filename:
        row.info.filename, row.info.data, row.info.language = event.filename, event.source, "Dockerfile"
    for first, last in event.ranges:
        piece = row.ranges.add()
        piece.start.line, piece.end.line = first, last


def text(value: str) -> str:
    """Names of files may be no UTF-8, fields of messages must be."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def set_time(field: Any, ns: int) -> None:
    field.SetInParent()
    field.seconds, field.nanos = divmod(ns, 1_000_000_000)


def warning(request: Any) -> Warning:
    """LLBBridge.Warn: a client's own frontend has found something."""
    return Warning(
        vertex=request.digest,
        level=request.level,
        short=request.short.decode(errors="replace"),
        detail=tuple(line.decode(errors="replace") for line in request.detail),
        url=request.url,
        filename=request.info.filename,
        source=request.info.data,
        ranges=tuple((row.start.line, row.end.line) for row in request.ranges),
    )
