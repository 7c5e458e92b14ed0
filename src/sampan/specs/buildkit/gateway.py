"""The service that a client's own frontend calls: moby/buildkit frontend/gateway/pb/gateway.proto.

Containers (NewContainer, ExecProcess) have no messages here: that capability is not offered.
"""

from sampan.specs.protobuf import File

POLICIES = "repeated moby.buildkit.v1.sourcepolicy.Policy"

RESULTS = File(
    package="moby.buildkit.v1.frontend",
    messages={
        "Result": {
            "refDeprecated": (1, "string", "result"),
            "refsDeprecated": (2, "RefMapDeprecated", "result"),
            "ref": (3, "Ref", "result"),
            "refs": (4, "RefMap", "result"),
            "metadata": (10, "map<string, bytes>"),
        },
        "RefMapDeprecated": {"refs": (1, "map<string, string>")},
        "Ref": {"id": (1, "string"), "def": (2, "pb.Definition")},
        "RefMap": {"refs": (1, "map<string, Ref>")},
        "ReturnRequest": {"result": (1, "Result"), "error": (2, "google.rpc.Status")},
        "ReturnResponse": {},
        "SolveRequest": {
            "Definition": (1, "pb.Definition"),
            "Frontend": (2, "string"),
            "FrontendOpt": (3, "map<string, string>"),
            "allowResultReturn": (5, "bool"),
            "allowResultArrayRef": (6, "bool"),
            "Final": (10, "bool"),
            "ExporterAttr": (11, "bytes"),
            "CacheImports": (12, "repeated CacheOptionsEntry"),
            "FrontendInputs": (13, "map<string, pb.Definition>"),
            "Evaluate": (14, "bool"),
            "SourcePolicies": (15, POLICIES),
        },
        "CacheOptionsEntry": {"Type": (1, "string"), "Attrs": (2, "map<string, string>")},
        "SolveResponse": {"ref": (1, "string"), "result": (3, "Result")},
        "InputsRequest": {},
        "InputsResponse": {"Definitions": (1, "map<string, pb.Definition>")},
        "PingRequest": {},
        "PongResponse": {
            "FrontendAPICaps": (1, "repeated moby.buildkit.v1.apicaps.APICap"),
            "LLBCaps": (2, "repeated moby.buildkit.v1.apicaps.APICap"),
            "Workers": (3, "repeated moby.buildkit.v1.types.WorkerRecord"),
        },
        "WarnRequest": {
            "digest": (1, "string"),
            "level": (2, "int64"),
            "short": (3, "bytes"),
            "detail": (4, "repeated bytes"),
            "url": (5, "string"),
            "info": (6, "pb.SourceInfo"),
            "ranges": (7, "repeated pb.Range"),
        },
        "WarnResponse": {},
    },
)

READING = File(
    package="moby.buildkit.v1.frontend",
    messages={
        "ReadFileRequest": {"Ref": (1, "string"), "FilePath": (2, "string"), "Range": (3, "FileRange")},
        "FileRange": {"Offset": (1, "int64"), "Length": (2, "int64")},
        "ReadFileResponse": {"Data": (1, "bytes")},
        "ReadDirRequest": {"Ref": (1, "string"), "DirPath": (2, "string"), "IncludePattern": (3, "string")},
        "ReadDirResponse": {"entries": (1, "repeated fsutil.types.Stat")},
        "StatFileRequest": {"Ref": (1, "string"), "Path": (2, "string")},
        "StatFileResponse": {"stat": (1, "fsutil.types.Stat")},
        "EvaluateRequest": {"Ref": (1, "string")},
        "EvaluateResponse": {},
        "ResolveImageConfigRequest": {
            "Ref": (1, "string"),
            "Platform": (2, "pb.Platform"),
            "ResolveMode": (3, "string"),
            "LogName": (4, "string"),
            "ResolverType": (5, "int32"),
            "SessionID": (6, "string"),
            "StoreID": (7, "string"),
            "SourcePolicies": (8, POLICIES),
        },
        "ResolveImageConfigResponse": {"Digest": (1, "string"), "Config": (2, "bytes"), "Ref": (3, "string")},
    },
)

SERVICE = File(
    package="moby.buildkit.v1.frontend",
    messages={},
    services={
        "LLBBridge": {
            "Ping": ("PingRequest", "PongResponse"),
            "Solve": ("SolveRequest", "SolveResponse"),
            "Return": ("ReturnRequest", "ReturnResponse"),
            "Inputs": ("InputsRequest", "InputsResponse"),
            "ResolveImageConfig": ("ResolveImageConfigRequest", "ResolveImageConfigResponse"),
            "ReadFile": ("ReadFileRequest", "ReadFileResponse"),
            "ReadDir": ("ReadDirRequest", "ReadDirResponse"),
            "StatFile": ("StatFileRequest", "StatFileResponse"),
            "Evaluate": ("EvaluateRequest", "EvaluateResponse"),
            "Warn": ("WarnRequest", "WarnResponse"),
        }
    },
)

FILES = (RESULTS, READING, SERVICE)
