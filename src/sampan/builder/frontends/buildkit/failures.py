"""A build's failure as gRPC says it. Pure.

Clients take the message, and print the Dockerfile's lines from a detail. BuildKit's details are JSON, under
type URLs of their own: moby/buildkit util/grpcerrors, solver/errdefs.
"""

import asyncio
import json
from base64 import b64encode
from typing import Any

from sampan.builder.errors import DockerfileError, Place, StepFailed
from sampan.builder.frontends.buildkit.frontend import UnsupportedRequest
from sampan.errors import SampanError
from sampan.http.grpc.status import Code, Detail, GrpcError

PREFIX = "github.com/moby/buildkit/"


def as_grpc(error: BaseException) -> GrpcError:
    """UNKNOWN, which clients do not print, for nearly everything: BuildKit's errors have no codes either."""
    if isinstance(error, GrpcError):
        return error
    if isinstance(error, asyncio.CancelledError):
        return GrpcError(Code.CANCELLED, "context canceled")
    if isinstance(error, UnsupportedRequest):
        return GrpcError(Code.UNKNOWN, str(error), [detail(error.type_url, {"name": error.name})])
    if isinstance(error, SampanError):
        return GrpcError(Code.UNKNOWN, str(error), details(error))
    raise TypeError(f"{type(error).__name__} is a bug, not a build's failure")


def details(error: SampanError) -> list[Detail]:
    found = []
    if isinstance(error, DockerfileError | StepFailed) and error.place is not None:
        found.append(detail("errdefs.Source", source(error.place)))
    if isinstance(error, StepFailed):
        if error.vertex:
            found.append(detail("errdefs.Vertex", {"digest": error.vertex}))
        if error.exit_code is not None:
            found.append(detail("gatewayapi.ExitMessage", {"Code": error.exit_code}))
    return found


def source(place: Place) -> dict[str, Any]:
    data = place.text.encode("utf-8", "surrogateescape")
    lines = {"start": {"line": place.lines.first}, "end": {"line": place.lines.last}}
    info = {"filename": place.filename, "data": b64encode(data).decode(), "language": "Dockerfile"}
    return {"info": info, "ranges": [lines]}


def detail(name: str, value: dict[str, Any]) -> Detail:
    return Detail(f"{PREFIX}{name}+json", json.dumps(value, separators=(",", ":")).encode())
