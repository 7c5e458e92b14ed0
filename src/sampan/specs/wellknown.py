"""Protobuf's and gRPC's own messages, as tables. protobuf.dev/reference/protobuf/google.protobuf"""

from sampan.specs.protobuf import File

PROTOBUF = File(
    package="google.protobuf",
    messages={
        "Any": {"type_url": (1, "string"), "value": (2, "bytes")},
        "Timestamp": {"seconds": (1, "int64"), "nanos": (2, "int32")},
        "Duration": {"seconds": (1, "int64"), "nanos": (2, "int32")},
        "FieldMask": {"paths": (1, "repeated string")},
        "Empty": {},
    },
)

RPC = File(
    package="google.rpc",
    messages={
        "Status": {
            "code": (1, "int32"),
            "message": (2, "string"),
            "details": (3, "repeated google.protobuf.Any"),
        }
    },
)
