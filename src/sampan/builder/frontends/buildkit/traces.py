"""OpenTelemetry's collector, which BuildKit offers to its clients: buildx sends its spans here.

Nothing collects them, so they are taken and forgotten; refused, buildx would wait and try again.
"""

from typing import Any

from sampan.http.grpc.call import ServerCall
from sampan.specs.buildkit.schema import schema

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


async def export(request: Any, call: ServerCall) -> Any:
    return schema().message("opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse")()
