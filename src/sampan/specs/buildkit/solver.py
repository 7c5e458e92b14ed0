"""What both services speak of: definitions as far as results need them, platforms, workers, capabilities.

moby/buildkit solver/pb/ops.proto, api/types/worker.proto, util/apicaps/pb/, sourcepolicy/pb/; what
open-telemetry/opentelemetry-proto calls a collector of traces.
"""

from sampan.specs.protobuf import File

# Of the operations only the source is told apart: it names results (and remote contexts); others are refused.
PB = File(
    package="pb",
    messages={
        "Op": {
            "inputs": (1, "repeated Input"),
            "exec": (2, "Opaque", "op"),
            "source": (3, "SourceOp", "op"),
            "file": (4, "Opaque", "op"),
            "build": (5, "Opaque", "op"),
            "merge": (6, "Opaque", "op"),
            "diff": (7, "Opaque", "op"),
            "platform": (10, "Platform"),
            "constraints": (11, "WorkerConstraints"),
        },
        "Opaque": {},
        "Platform": {
            "Architecture": (1, "string"),
            "OS": (2, "string"),
            "Variant": (3, "string"),
            "OSVersion": (4, "string"),
            "OSFeatures": (5, "repeated string"),
        },
        "Input": {"digest": (1, "string"), "index": (2, "int64")},
        "SourceOp": {"identifier": (1, "string"), "attrs": (2, "map<string, string>")},
        "WorkerConstraints": {"filter": (1, "repeated string")},
        "OpMetadata": {
            "ignore_cache": (1, "bool"),
            "description": (2, "map<string, string>"),
            "export_cache": (4, "ExportCache"),
            "caps": (5, "map<string, bool>"),
            "progress_group": (6, "ProgressGroup"),
        },
        "ExportCache": {"Value": (1, "bool")},
        "ProgressGroup": {"id": (1, "string"), "name": (2, "string"), "weak": (3, "bool")},
        "Definition": {
            "def": (1, "repeated bytes"),
            "metadata": (2, "map<string, OpMetadata>"),
            "Source": (3, "Source"),
        },
        "Source": {"locations": (1, "map<string, Locations>"), "infos": (2, "repeated SourceInfo")},
        "Locations": {"locations": (1, "repeated Location")},
        "Location": {"sourceIndex": (1, "int32"), "ranges": (2, "repeated Range")},
        "SourceInfo": {
            "filename": (1, "string"),
            "data": (2, "bytes"),
            "definition": (3, "Definition"),
            "language": (4, "string"),
        },
        "Range": {"start": (1, "Position"), "end": (2, "Position")},
        "Position": {"line": (1, "int32"), "character": (2, "int32")},
    },
)

TYPES = File(
    package="moby.buildkit.v1.types",
    messages={
        "WorkerRecord": {
            "ID": (1, "string"),
            "Labels": (2, "map<string, string>"),
            "platforms": (3, "repeated pb.Platform"),
            "GCPolicy": (4, "repeated GCPolicy"),
            "BuildkitVersion": (5, "BuildkitVersion"),
        },
        "GCPolicy": {
            "all": (1, "bool"),
            "keepDuration": (2, "int64"),  # ns
            "filters": (4, "repeated string"),
            "reservedSpace": (3, "int64"),  # bytes; once called keepBytes
            "maxUsedSpace": (5, "int64"),
            "minFreeSpace": (6, "int64"),
        },
        "BuildkitVersion": {"package": (1, "string"), "version": (2, "string"), "revision": (3, "string")},
    },
)

CAPS = File(
    package="moby.buildkit.v1.apicaps",
    messages={
        "APICap": {
            "ID": (1, "string"),
            "Enabled": (2, "bool"),
            "Deprecated": (3, "bool"),
            "DisabledReason": (4, "string"),
            "DisabledReasonMsg": (5, "string"),
            "DisabledAlternative": (6, "string"),
        }
    },
)

POLICY = File(
    package="moby.buildkit.v1.sourcepolicy",
    messages={"Policy": {"version": (1, "int64"), "rules": (2, "repeated Rule")}, "Rule": {}},
)

TRACES = File(
    package="opentelemetry.proto.collector.trace.v1",
    messages={"ExportTraceServiceRequest": {}, "ExportTraceServiceResponse": {}},
    services={"TraceService": {"Export": ("ExportTraceServiceRequest", "ExportTraceServiceResponse")}},
)

FILES = (PB, TYPES, CAPS, POLICY, TRACES)
