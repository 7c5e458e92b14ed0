"""`application/vnd.kubernetes.protobuf`: `k8s` and a zero byte, then a runtime.Unknown around the object.

https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from collections.abc import Iterable
from typing import Any

from sampan.kube.schema.parsing import DecodeError
from sampan.kube.schema.protodecoding import fields, read
from sampan.kube.schema.protoencoding import BYTES, delimited, writer
from sampan.kube.schema.protoforms import message_of
from sampan.specs.kubernetes.status import StatusError

MAGIC = b"k8s\0"


def encode_object(value: dict[str, Any]) -> bytes:
    """An object or list that says its apiVersion and kind.

    Raises StatusError NotAcceptable for a kind that has no such form (Table, custom resources).
    """
    api_version, kind = value.get("apiVersion", ""), value["kind"]
    return wrap(api_version, kind, encode_raw(api_version, kind, value))


def encode_raw(api_version: str, kind: str, value: dict[str, Any]) -> bytes:
    """The message alone, as it stands in lists. Raises StatusError NotAcceptable."""
    message = message_of(api_version, kind)
    if not message:
        raise _no_form(api_version, kind)
    out = bytearray()
    writer(message)(value, out)
    return bytes(out)


def _no_form(api_version: str, kind: str) -> StatusError:
    version = api_version.rpartition("/")[2]
    text = (
        f"object *{version}.{kind} does not implement the protobuf marshalling interface "
        "and cannot be encoded to a protobuf message"
    )
    return StatusError("NotAcceptable", text)


def wrap(api_version: str, kind: str, raw: bytes) -> bytes:
    """What is sent of a message."""
    type_meta = delimited(1, api_version.encode()) + delimited(2, kind.encode())
    # The encoding and type of the content are empty, and sent, as upstream does.
    return MAGIC + delimited(1, type_meta) + delimited(2, raw) + delimited(3, b"") + delimited(4, b"")


def encode_list(api_version: str, kind: str, metadata: dict[str, Any], items: Iterable[bytes]) -> bytes:
    """A list (`kind`: "PodList") of messages that are encoded already (`encode_raw`)."""
    meta = bytearray()
    writer("apimachinery.pkg.apis.meta.v1.ListMeta")(metadata, meta)
    return wrap(api_version, kind, delimited(1, meta) + b"".join(delimited(2, item) for item in items))


def encode_event(type: str, value: dict[str, Any]) -> bytes:
    """A frame of a watch."""
    return encode_event_of(type, encode_object(value))


def encode_event_of(type: str, encoded: bytes) -> bytes:
    """A frame of a watch, of an object that is encoded already: its length, a WatchEvent without magic."""
    event = delimited(1, type.encode()) + delimited(2, delimited(1, encoded))
    return len(event).to_bytes(4, "big") + event


def decode_object(data: bytes, api_version: str = "", kind: str = "") -> dict[str, Any]:
    """As JSON would have it; `api_version` and `kind` are what it is if it does not say so itself.

    Explicit zeros stay: decoding.decode takes them out. Raises DecodeError.
    """
    sent_version, sent_kind, raw = unwrap(data)
    api_version, kind = sent_version or api_version, sent_kind or kind
    message = message_of(api_version, kind)
    found = read(message, raw) if message else {}
    return {"kind": kind, "apiVersion": api_version} | found


def unwrap(data: bytes) -> tuple[str, str, bytes]:
    """(apiVersion, kind, message). Raises DecodeError."""
    if not data:
        raise DecodeError("empty data")
    if data[: len(MAGIC)] != MAGIC:
        shown = " ".join(str(byte) for byte in MAGIC)
        raise DecodeError(
            f"provided data does not appear to be a protobuf message, expected prefix [{shown}]"
        )
    if len(data) == len(MAGIC):
        raise DecodeError("empty body")
    parts = {number: value for number, kind, value in fields(data[len(MAGIC) :]) if kind == BYTES}
    names = {number: value for number, kind, value in fields(parts.get(1, b"")) if kind == BYTES}
    version, name = (names.get(number, b"").decode("utf-8", "replace") for number in (1, 2))
    if version.count("/") > 1:
        raise DecodeError(f"unexpected GroupVersion string: {version}")
    return version, name, parts.get(2, b"")
