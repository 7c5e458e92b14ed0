"""The service that clients of BuildKit call: moby/buildkit api/services/control/control.proto."""

from sampan.specs.protobuf import File

SOLVE = File(
    package="moby.buildkit.v1",
    messages={
        "SolveRequest": {
            "Ref": (1, "string"),
            "Definition": (2, "pb.Definition"),
            "Exporter": (3, "string"),  # before v0.13; then what Exporters[0] says as well
            "ExporterAttrs": (4, "map<string, string>"),
            "Session": (5, "string"),
            "Frontend": (6, "string"),
            "FrontendAttrs": (7, "map<string, string>"),
            "Cache": (8, "CacheOptions"),
            "Entitlements": (9, "repeated string"),
            "FrontendInputs": (10, "map<string, pb.Definition>"),
            "Internal": (11, "bool"),  # not recorded in the history
            "SourcePolicy": (12, "moby.buildkit.v1.sourcepolicy.Policy"),
            "Exporters": (13, "repeated Exporter"),
            "EnableSessionExporter": (14, "bool"),
            "SourcePolicySession": (15, "string"),
        },
        "CacheOptions": {
            "ExportRefDeprecated": (1, "string"),
            "ImportRefsDeprecated": (2, "repeated string"),
            "ExportAttrsDeprecated": (3, "map<string, string>"),
            "Exports": (4, "repeated CacheOptionsEntry"),
            "Imports": (5, "repeated CacheOptionsEntry"),
        },
        "CacheOptionsEntry": {"Type": (1, "string"), "Attrs": (2, "map<string, string>")},
        "Exporter": {"Type": (1, "string"), "Attrs": (2, "map<string, string>")},
        "SolveResponse": {"ExporterResponse": (1, "map<string, string>")},
    },
)

STATUS = File(
    package="moby.buildkit.v1",
    messages={
        "StatusRequest": {"Ref": (1, "string")},
        "StatusResponse": {
            "vertexes": (1, "repeated Vertex"),
            "statuses": (2, "repeated VertexStatus"),
            "logs": (3, "repeated VertexLog"),
            "warnings": (4, "repeated VertexWarning"),
        },
        "Vertex": {
            "digest": (1, "string"),
            "inputs": (2, "repeated string"),
            "name": (3, "string"),
            "cached": (4, "bool"),
            "started": (5, "google.protobuf.Timestamp"),
            "completed": (6, "google.protobuf.Timestamp"),
            "error": (7, "string"),
            "progressGroup": (8, "pb.ProgressGroup"),
        },
        "VertexStatus": {
            "ID": (1, "string"),
            "vertex": (2, "string"),
            "name": (3, "string"),
            "current": (4, "int64"),
            "total": (5, "int64"),
            "timestamp": (6, "google.protobuf.Timestamp"),
            "started": (7, "google.protobuf.Timestamp"),
            "completed": (8, "google.protobuf.Timestamp"),
        },
        "VertexLog": {
            "vertex": (1, "string"),
            "timestamp": (2, "google.protobuf.Timestamp"),
            "stream": (3, "int64"),
            "msg": (4, "bytes"),
        },
        "VertexWarning": {
            "vertex": (1, "string"),
            "level": (2, "int64"),
            "short": (3, "bytes"),
            "detail": (4, "repeated bytes"),
            "url": (5, "string"),
            "info": (6, "pb.SourceInfo"),
            "ranges": (7, "repeated pb.Range"),
        },
    },
)

USAGE = File(
    package="moby.buildkit.v1",
    messages={
        "PruneRequest": {
            "filter": (1, "repeated string"),
            "all": (2, "bool"),
            "keepDuration": (3, "int64"),  # ns
            "reservedSpace": (4, "int64"),  # bytes; once called keepBytes
            "maxUsedSpace": (5, "int64"),
            "minFreeSpace": (6, "int64"),
        },
        "DiskUsageRequest": {"filter": (1, "repeated string"), "ageLimit": (2, "int64")},
        "DiskUsageResponse": {"record": (1, "repeated UsageRecord")},
        "UsageRecord": {
            "ID": (1, "string"),
            "Mutable": (2, "bool"),
            "InUse": (3, "bool"),
            "Size": (4, "int64"),
            "Parent": (5, "string"),  # deprecated
            "CreatedAt": (6, "google.protobuf.Timestamp"),
            "LastUsedAt": (7, "google.protobuf.Timestamp"),
            "UsageCount": (8, "int64"),
            "Description": (9, "string"),
            "RecordType": (10, "string"),
            "Shared": (11, "bool"),
            "Parents": (12, "repeated string"),
        },
        "ListWorkersRequest": {"filter": (1, "repeated string")},
        "ListWorkersResponse": {"record": (1, "repeated moby.buildkit.v1.types.WorkerRecord")},
        "InfoRequest": {},
        "InfoResponse": {"buildkitVersion": (1, "moby.buildkit.v1.types.BuildkitVersion")},
        "BytesMessage": {"data": (1, "bytes")},
    },
)

HISTORY = File(
    package="moby.buildkit.v1",
    messages={
        "BuildHistoryRequest": {
            "ActiveOnly": (1, "bool"),
            "Ref": (2, "string"),
            "EarlyExit": (3, "bool"),
            "Filter": (4, "repeated string"),
            "Limit": (5, "int32"),
        },
        "BuildHistoryEvent": {"type": (1, "BuildHistoryEventType"), "record": (2, "BuildHistoryRecord")},
        "BuildHistoryRecord": {
            "Ref": (1, "string"),
            "Frontend": (2, "string"),
            "FrontendAttrs": (3, "map<string, string>"),
            "Exporters": (4, "repeated Exporter"),
            "error": (5, "google.rpc.Status"),
            "CreatedAt": (6, "google.protobuf.Timestamp"),
            "CompletedAt": (7, "google.protobuf.Timestamp"),
            "logs": (8, "Descriptor"),
            "ExporterResponse": (9, "map<string, string>"),
            "Result": (10, "BuildResultInfo"),
            "Results": (11, "map<string, BuildResultInfo>"),
            "Generation": (12, "int32"),
            "trace": (13, "Descriptor"),
            "pinned": (14, "bool"),
            "numCachedSteps": (15, "int32"),
            "numTotalSteps": (16, "int32"),
            "numCompletedSteps": (17, "int32"),
            "externalError": (18, "Descriptor"),
            "numWarnings": (19, "int32"),
        },
        "UpdateBuildHistoryRequest": {
            "Ref": (1, "string"),
            "Pinned": (2, "bool"),
            "Delete": (3, "bool"),
            "Finalize": (4, "bool"),
        },
        "UpdateBuildHistoryResponse": {},
        "Descriptor": {
            "media_type": (1, "string"),
            "digest": (2, "string"),
            "size": (3, "int64"),
            "annotations": (5, "map<string, string>"),
        },
        "BuildResultInfo": {
            "ResultDeprecated": (1, "Descriptor"),
            "Attestations": (2, "repeated Descriptor"),
            "Results": (3, "map<int64, Descriptor>"),
        },
    },
    enums={"BuildHistoryEventType": {"STARTED": 0, "COMPLETE": 1, "DELETED": 2}},
)

SERVICE = File(
    package="moby.buildkit.v1",
    messages={},
    services={
        "Control": {
            "DiskUsage": ("DiskUsageRequest", "DiskUsageResponse"),
            "Prune": ("PruneRequest", "stream UsageRecord"),
            "Solve": ("SolveRequest", "SolveResponse"),
            "Status": ("StatusRequest", "stream StatusResponse"),
            "Session": ("stream BytesMessage", "stream BytesMessage"),
            "ListWorkers": ("ListWorkersRequest", "ListWorkersResponse"),
            "Info": ("InfoRequest", "InfoResponse"),
            "ListenBuildHistory": ("BuildHistoryRequest", "stream BuildHistoryEvent"),
            "UpdateBuildHistory": ("UpdateBuildHistoryRequest", "UpdateBuildHistoryResponse"),
        }
    },
)

FILES = (SOLVE, STATUS, USAGE, HISTORY, SERVICE)
