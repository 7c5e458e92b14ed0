"""gRPC's view of headers: metadata, timeouts, status. github.com/grpc/grpc doc/PROTOCOL-HTTP2.md"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from urllib.parse import quote, unquote

from sampan.http.grpc.status import Code, Detail, GrpcError
from sampan.specs import wellknown
from sampan.specs.protobuf import Schema

# Names are lower case; values are str, or bytes where the name ends with "-bin".
Metadata = Mapping[str, Sequence[str | bytes]]
Header = tuple[str | bytes, str | bytes]

RESERVED = frozenset({"content-type", "te", "user-agent"})
UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
# Printable ASCII but "%": the rest of a message is percent-encoded.
PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")

# What HTTP's own status means where there is none of gRPC. doc/http-grpc-status-mapping.md
HTTP_CODES = {
    "400": Code.INTERNAL,
    "401": Code.UNAUTHENTICATED,
    "403": Code.PERMISSION_DENIED,
    "404": Code.UNIMPLEMENTED,
    "429": Code.UNAVAILABLE,
    "502": Code.UNAVAILABLE,
    "503": Code.UNAVAILABLE,
    "504": Code.UNAVAILABLE,
}


@cache
def _status_class() -> type:
    message: type = Schema((wellknown.PROTOBUF, wellknown.RPC)).message("google.rpc.Status")
    return message


def decode(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str | bytes]]:
    """All headers by name, pseudo-headers too. Raises ValueError for what HTTP/2 does not allow."""
    found: dict[str, list[str | bytes]] = {}
    for raw, value in headers:
        name = raw.decode("ascii")
        if name != name.lower():
            raise ValueError(f"upper-case letter in the header name {name}")
        if name.endswith("-bin"):
            for part in value.split(b","):
                found.setdefault(name, []).append(unbase64(part))
        else:
            found.setdefault(name, []).append(value.decode("latin-1"))
    return found


def unbase64(value: bytes) -> bytes:
    """Padding is optional. Raises ValueError."""
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"binary header is not base64: {error}") from None


def encode(metadata: Metadata) -> list[Header]:
    headers: list[Header] = []
    for name, values in metadata.items():
        for value in values:
            if name.endswith("-bin"):
                raw = value.encode() if isinstance(value, str) else value
                headers.append((name, base64.b64encode(raw).rstrip(b"=")))
            else:
                headers.append((name, value))
    return headers


def first(metadata: Metadata, name: str) -> str:
    """The first value of a textual header, or ""."""
    values = metadata.get(name)
    return str(values[0]) if values else ""


def custom(headers: Metadata) -> dict[str, Sequence[str | bytes]]:
    """Without what belongs to HTTP and to gRPC."""
    return {
        name: values
        for name, values in headers.items()
        if name not in RESERVED and not name.startswith((":", "grpc-"))
    }


def timeout(value: str) -> float | None:
    """Seconds. Raises ValueError."""
    if not value:
        return None
    if len(value) > 9 or value[-1] not in UNITS or not value[:-1].isascii() or not value[:-1].isdecimal():
        raise ValueError(f"{value!r} is not a timeout")
    return int(value[:-1]) * UNITS[value[-1]]


def timeout_header(seconds: float) -> str:
    micros = max(1, int(seconds * 1e6))
    return f"{micros}u" if micros < 100_000_000 else f"{micros // 1000 % 100_000_000}m"


def trailers(error: GrpcError | None, metadata: Metadata) -> list[Header]:
    """The status as the call's last headers."""
    headers: list[Header] = [("grpc-status", str(int(error.code if error else Code.OK)))]
    if error is not None:
        if error.message:
            headers.append(("grpc-message", quote(error.message, safe=PLAIN)))
        if error.details:
            headers += encode({"grpc-status-details-bin": [pack_status(error)]})
    return headers + encode(metadata)


def pack_status(error: GrpcError) -> bytes:
    status = _status_class()(code=int(error.code), message=error.message)
    for detail in error.details:
        status.details.add(type_url=detail.type_url, value=detail.value)
    return bytes(status.SerializeToString())


def status_of(headers: Metadata) -> GrpcError | None:
    """The status that trailers carry; None: OK."""
    value = first(headers, "grpc-status")
    if not value:
        http = first(headers, ":status")
        code = HTTP_CODES.get(http, Code.UNKNOWN)
        return GrpcError(code, f"the answer is HTTP {http or 'without a status'}, not gRPC")
    number = int(value) if value.isascii() and value.isdecimal() else -1
    if number == 0:
        return None
    code = Code(number) if 0 < number <= 16 else Code.UNKNOWN
    message = unquote(first(headers, "grpc-message"))
    return GrpcError(code, message, unpack_details(headers.get("grpc-status-details-bin", ())))


def unpack_details(values: Sequence[str | bytes]) -> tuple[Detail, ...]:
    from google.protobuf.message import DecodeError

    if not values or not isinstance(values[0], bytes):
        return ()
    status = _status_class()()
    try:
        status.ParseFromString(values[0])
    except DecodeError:
        return ()  # the code and the message stand anyhow
    return tuple(Detail(any_.type_url, any_.value) for any_ in status.details)
