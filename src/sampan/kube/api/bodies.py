"""Reading what a client sends, and decoding it to an object of the kind it should be."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sampan.kube.api.auditing import record, trail_of
from sampan.kube.api.calls import Call
from sampan.kube.api.negotiation import CUSTOM_OFFERED, OFFERED, PROTOBUF, YAML, body_media
from sampan.kube.api.options import WriteOptions
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Object
from sampan.kube.schema import builtin, decoding, protobuf
from sampan.specs.kubernetes import fielderror, status

SCHEME = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"  # how upstream's own scheme is called
OPTIONS_SCHEME = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"
PATIENCE = 60.0  # seconds until all of a body is there, as upstream's --request-timeout
LARGEST = 3 << 20  # bytes of a request's body, as upstream's limit
SEARCHED = 64 << 10  # bytes of a body in which the text of a number is looked for
_NUMBER_TOLD = re.compile(r"cannot unmarshal number (\S+) into")
_NUMBERS = re.compile(rb'"(?:[^"\\]|\\.)*"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')  # or a string, which has none


async def read(request: web.BaseRequest) -> bytes:
    """Raises StatusError for a body that is too long, or too long on its way: it holds a place of those that
    may be served at once.
    """
    announced = request.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > LARGEST:
        raise too_large()
    if not request.can_read_body:
        return b""
    parts = []
    total = 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.content.iter_any():
                total += len(part)
                if total > LARGEST:
                    raise too_large()
                parts.append(part)
    except TimeoutError:
        raise too_late() from None
    data = b"".join(parts)
    if trail_of(request) is not None:
        record(request).sent = data
    return data


def too_late() -> status.StatusError:
    message = "Timeout: request did not complete within the allotted timeout"
    return status.StatusError("Timeout", message, {})


def too_large() -> status.StatusError:
    return status.StatusError("RequestEntityTooLarge", f"Request entity too large: limit is {LARGEST}")


class Body:
    """A body, parsed once. `object()` decodes a new object each time, so that a write can be tried again."""

    def __init__(self, data: bytes, content_type: str | None, served: Served) -> None:
        offered = OFFERED if served.custom is None else CUSTOM_OFFERED
        self.media = body_media(content_type, offered)
        self._data = data
        self._api_version = served.api_version  # of a body that does not say it itself
        self._value: Any = None
        self._parsed = False
        self.duplicates: list[str] = []

    def value(self, kind: str) -> Any:
        """As it was sent; raises StatusError."""
        if not self._parsed:
            self._value = self._parse(kind)
            self._parsed = True
        return self._value

    def _parse(self, kind: str) -> Any:
        try:
            if self.media == PROTOBUF:
                return protobuf.decode_object(self._data, self._api_version, kind)
            if self.media == YAML:
                value, self.duplicates = decoding.parse_yaml(self._data)
            else:
                value, self.duplicates = decoding.parse_json(self._data)
            return value
        except decoding.DecodeError as error:
            raise status.bad_request(decoding.unrecognized(kind, error, self._data)) from None

    def as_sent(self, text: str) -> str:
        """What is wrong, with the number that it is about as it was written: no parser keeps that."""
        told = _NUMBER_TOLD.search(text)
        if told is None or self.media in (PROTOBUF, YAML):
            return text
        for found in _NUMBERS.finditer(self._data[:SEARCHED]):
            if found[1] and float(found[1]) == float(told[1]):
                return f"{text[: told.start(1)]}{found[1].decode()}{text[told.end(1) :]}"
        return text


def decode(call: Call, served: Served, body: Body, options: WriteOptions, value: Any) -> Object:
    """An object of `served`'s kind with its defaults, of what was sent; unknown fields are told as options
    say. Raises StatusError.
    """
    kind = served.kind
    try:
        decoded = served.decode(value)
    except decoding.DecodeError as error:
        raise cannot_handle(kind, served.resource.version, body.as_sent(str(error))) from None
    complain(call, options, kind, served.resource.version, [*body.duplicates, *decoded.unknown])
    found = decoded.object
    found["kind"], found["apiVersion"] = served.kind, served.api_version
    metadata = found.get("metadata")
    if not isinstance(metadata, dict):
        found["metadata"] = {}
    served.resource.default(found)
    return found


def decoded(served: Served, value: Any) -> Object:
    """As `decode`, of what no client has sent: unknown fields are left out. Raises StatusError."""
    try:
        found: Object = served.decode(value).object
    except decoding.DecodeError as error:
        raise cannot_handle(served.kind, served.resource.version, str(error)) from None
    found["kind"], found["apiVersion"] = served.kind, served.api_version
    served.resource.default(found)
    return found


async def sent(
    request: web.BaseRequest,
    call: Call,
    served: Served,
    options: WriteOptions,
    knows: Callable[[str, str], bool],
    older: str = "",
) -> Object:
    """The object that was sent, decoded. `older`: an apiVersion that is taken for the one of today.

    Raises StatusError.
    """
    body = Body(await read(request), request.headers.get("Content-Type"), served)
    value = body.value(served.kind)
    if older and isinstance(value, dict) and value.get("apiVersion") == older:
        value["apiVersion"] = served.api_version
    check_kind(served, value, knows)
    return decode(call, served, body, options, value)


def complain(call: Call, options: WriteOptions, kind: str, version: str, problems: list[str]) -> None:
    """Unknown and duplicate fields: an error, warnings or nothing."""
    if not problems or options.validation == "Ignore":
        return
    problems = list(dict.fromkeys(problems))
    if options.validation == "Strict":
        raise cannot_handle(kind, version, f"strict decoding error: {', '.join(problems)}")
    for problem in problems:
        call.warn(problem)


def cannot_handle(kind: str, version: str, why: str, sent: str = "") -> status.StatusError:
    """A body that is an object of the kind, or claims to be, but cannot be read."""
    return status.bad_request(f'{sent or kind} in version "{version}" cannot be handled as a {kind}: {why}')


def check_kind(served: Served, value: Any, known: Callable[[str, str], bool]) -> None:
    """Does the body say that it is what the path wants? `known`(api version, kind): does such a kind
    exist?
    """
    if not isinstance(value, dict):
        return
    sent_version, sent_kind = value.get("apiVersion") or "", value.get("kind") or ""
    if not sent_version and not sent_kind:
        return
    version, kind = sent_version or served.api_version, sent_kind or served.kind
    if (version, kind) == (served.api_version, served.kind):
        return
    if served.custom is not None:
        raise _custom_mismatch(served, value, version, kind)
    why = other_kind(served, value, version, kind, known)
    raise cannot_handle(served.kind, version.rpartition("/")[2], why, kind)


def other_kind(
    served: Served, value: Object, version: str, kind: str, known: Callable[[str, str], bool]
) -> str:
    """What Go says of an object that is not of `served`'s kind: it is decoded as that, then converted."""
    if not known(version, kind):
        return f'no kind "{kind}" is registered for version "{version}" in scheme "{SCHEME}"'
    group, _, name = version.rpartition("/")
    definition = builtin.definition_of(group, name, kind)
    try:
        if definition:
            decoding.decode(builtin.node(definition), value)
    except decoding.DecodeError as error:
        return str(error)
    internal = served.group.split(".")[0] or "core"
    short = version.rpartition("/")[2]
    return f"converting ({short}.{kind}) to ({internal}.{served.kind}): unknown conversion"


def _custom_mismatch(served: Served, value: Object, version: str, kind: str) -> status.StatusError:
    if version != served.api_version:
        return status.bad_request(
            f"the API version in the data ({version}) does not match "
            f"the expected API version ({served.api_version})"
        )
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else ""
    wrong = fielderror.invalid("kind", kind, f"must be {served.kind}")
    return status.invalid(served.group, kind, name if isinstance(name, str) else "", [wrong])


def delete_options_body(data: bytes, content_type: str | None) -> Object:
    """DeleteOptions sent as a body; raises StatusError."""
    media = body_media(content_type)
    try:
        if media == PROTOBUF:
            value = protobuf.decode_object(data, "v1", "DeleteOptions")
        elif media == YAML:
            value, _ = decoding.parse_yaml(data)
        else:
            value, _ = decoding.parse_json(data)
        kind = value.get("kind") or "DeleteOptions"
        if kind != "DeleteOptions":
            version = value.get("apiVersion") or "v1"
            raise status.bad_request(
                f'no kind "{kind}" is registered for version "{version}" in scheme "{OPTIONS_SCHEME}"'
            )
        node = builtin.node("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions")
        return decoding.decode(node, value).object
    except decoding.DecodeError as error:
        raise status.bad_request(str(error)) from None
