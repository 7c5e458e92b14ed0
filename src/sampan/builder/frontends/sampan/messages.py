"""Events and ends of a build as lines of our stream: BuildKit's SolveStatus as buildx prints it. Pure."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from sampan.builder.build import BuildResult
from sampan.builder.errors import DockerfileError, Place, StepFailed, excerpt
from sampan.builder.progress import Event, Explanation, Log, Status, Vertex, Warning
from sampan.http.errors import status_of
from sampan.specs.golang.time import rfc3339

Line = dict[str, Any]


def batch(events: Iterable[Event]) -> Line:
    """One line for all of them."""
    line: Line = {}
    for event in events:
        match event:
            case Vertex():
                line.setdefault("vertexes", []).append(vertex(event))
            case Status():
                line.setdefault("statuses", []).append(status(event))
            case Log():
                line.setdefault("logs", []).append(log(event))
            case Warning():
                line.setdefault("warnings", []).append(warning(event))
            case Explanation():
                line.setdefault("explanations", []).append(
                    {"vertex": event.vertex, "cached": event.cached, "reason": event.reason}
                )
    return line


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def vertex(event: Vertex) -> Line:
    line: Line = {"digest": event.digest}
    if event.inputs:
        line["inputs"] = list(event.inputs)
    line["name"] = event.name
    if event.started:
        line["started"] = rfc3339(event.started)
    if event.completed:
        line["completed"] = rfc3339(event.completed)
    if event.cached:
        line["cached"] = True
    if event.error:
        line["error"] = event.error
    if event.group:
        line["progressGroup"] = event.group
    return line


def status(event: Status) -> Line:
    line: Line = {"id": event.id, "vertex": event.vertex, "name": event.name, "current": event.current}
    if event.total:
        line["total"] = event.total
    line["timestamp"] = rfc3339(event.timestamp)
    if event.started:
        line["started"] = rfc3339(event.started)
    if event.completed:
        line["completed"] = rfc3339(event.completed)
    return line


def log(event: Log) -> Line:
    return {
        "vertex": event.vertex,
        "stream": event.stream,
        "data": _encoded(event.data),
        "timestamp": rfc3339(event.timestamp),
    }


def warning(event: Warning) -> Line:
    line: Line = {"vertex": event.vertex, "level": event.level, "short": _encoded(event.short.encode())}
    if event.detail:
        line["detail"] = [_encoded(text.encode()) for text in event.detail]
    if event.url:
        line["url"] = event.url
    if event.filename:
        line["sourceInfo"] = {"filename": event.filename, "data": _encoded(event.source)}
    if event.ranges:
        line["range"] = [{"start": {"line": first}, "end": {"line": last}} for first, last in event.ranges]
    return line


def result(found: BuildResult) -> Line:
    line: Line = {}
    if found.image_id:
        line["image"] = found.image_id
    if found.exporter:
        line["exporter"] = dict(found.exporter)
    if found.answer:
        line["answer"] = {name: data.decode("utf-8", "replace") for name, data in found.answer.items()}
    return {"result": line}


def failure(error: BaseException) -> Line:
    """What went wrong, for people; a bug is logged here."""
    text = status_of(error)[1]
    line: Line = {"message": getattr(error, "message", "") or text}
    if hint := getattr(error, "hint", ""):
        line["hint"] = hint
    place: Place | None = error.place if isinstance(error, DockerfileError | StepFailed) else None
    if place is not None:
        line["excerpt"] = excerpt(place)
    if isinstance(error, StepFailed):
        line |= step(error)
    return {"error": line}


def step(error: StepFailed) -> Mapping[str, Any]:
    line: Line = {}
    if error.vertex:
        line["vertex"] = error.vertex
    if error.snapshot:
        line["snapshot"] = error.snapshot
    if error.exit_code is not None:
        line["exitCode"] = error.exit_code
    return line
