"""gRPC's status codes, and the error that carries one. github.com/grpc/grpc doc/statuscodes.md"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from sampan import errors
from sampan.errors import SampanError


class Code(IntEnum):
    """How a call ended. grpc.github.io/grpc/core/md_doc_statuscodes.html"""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True)
class Detail:
    """A google.protobuf.Any of google.rpc.Status. BuildKit's are JSON under a type URL of its own."""

    type_url: str
    value: bytes


class GrpcError(SampanError):
    """A call that ended with another status than OK, on either side."""

    def __init__(self, code: Code, message: str = "", details: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = tuple(details)


CODES: tuple[tuple[type[SampanError], Code], ...] = (
    (errors.NotFound, Code.NOT_FOUND),
    (errors.AlreadyExists, Code.ALREADY_EXISTS),
    (errors.Conflict, Code.FAILED_PRECONDITION),
    (errors.Invalid, Code.INVALID_ARGUMENT),
    (errors.Denied, Code.PERMISSION_DENIED),
    (errors.Unauthorized, Code.UNAUTHENTICATED),
    (errors.Unavailable, Code.UNAVAILABLE),
    (errors.Unsupported, Code.UNIMPLEMENTED),
)


def as_grpc(error: SampanError) -> GrpcError:
    """The one place where Sampan's errors get their gRPC form. Anything unlisted is UNKNOWN, as in Go."""
    if isinstance(error, GrpcError):
        return error
    code = next((code for kind, code in CODES if isinstance(error, kind)), Code.UNKNOWN)
    return GrpcError(code, str(error))
