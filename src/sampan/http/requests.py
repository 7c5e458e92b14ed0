"""Reading requests and writing answers the way every handler of Docker's API does."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy

from sampan.errors import Invalid
from sampan.specs.golang.json import kind_of
from sampan.specs.golang.numbers import parse_int

BODY_LIMIT = 8 << 20  # bytes of a JSON body; archives are streamed and not bounded by this
FALSE = frozenset({"", "0", "no", "false", "none"})


def json_response(obj: Any, status: int = 200) -> web.Response:
    """A document, written at once."""
    # Docker's encoder ends every document with a newline; some scripts read by line.
    body = orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, status=status, content_type="application/json")


def empty(status: int = 204) -> web.Response:
    """Done, and nothing to say."""
    return web.Response(status=status)


async def read_json(request: web.Request, *, required: bool = False) -> dict[str, Any]:
    """The body as an object; {} for no body unless `required`. Raises Invalid in Docker's words."""
    declared = request.headers.get("Content-Type", "")
    kind = declared.partition(";")[0].strip().lower()
    if not request.body_exists:
        if kind not in ("", "application/json") and required:
            raise Invalid(f"unsupported Content-Type header ({declared}): must be 'application/json'")
        if required:
            raise Invalid("invalid JSON: got EOF while reading request body")
        return {}
    if kind != "application/json":
        raise Invalid(f"unsupported Content-Type header ({declared}): must be 'application/json'")
    body = await read_body(request, BODY_LIMIT)
    if not body.strip():
        if required or request.content_length != 0:
            raise Invalid("invalid JSON: got EOF while reading request body")
        return {}
    return parse_object(body)


def parse_object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith(("trailing", "unexpected content after")):
            raise Invalid("unexpected content after JSON") from None
        raise Invalid(f"invalid JSON: {error}") from None
    except RecursionError:
        raise Invalid("invalid JSON: nested too deeply") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"invalid JSON: expected an object, not {kind_of(value)}")
    # No name, path, variable or argument can hold one: refused here, once, for every request.
    if b"\\u0000" in body and holds_nul(value):
        raise Invalid("invalid JSON: a string contains a null character")
    return value


def holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(holds_nul(key) or holds_nul(item) for key, item in value.items())
        case list():
            return any(holds_nul(item) for item in value)
    return False


def readable(message: RawRequestMessage) -> RawRequestMessage:
    """The request's head without bytes that are not UTF-8.

    aiohttp keeps those as lone surrogates, which no JSON document, log or header can take up again: replaced
    here, once, before anybody reads them.
    """
    headers = message.headers
    if all(_is_text(name) and _is_text(value) for name, value in headers.items()) and _is_text(message.path):
        return message
    plain = CIMultiDict((_text(name), _text(value)) for name, value in headers.items())
    return message._replace(path=_text(message.path), headers=CIMultiDictProxy(plain))


def _is_text(value: str) -> bool:
    return value.isascii() or _text(value) == value


def _text(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


async def chunks(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes."""
    async for chunk in request.content.iter_any():
        yield chunk


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body. Raises Invalid when it is larger than `limit` bytes."""
    if (request.content_length or 0) > limit:
        raise Invalid(f"request body is larger than {limit} bytes")
    found: list[bytes] = []
    size = 0
    async for chunk in chunks(request):
        size += len(chunk)
        if size > limit:
            raise Invalid(f"request body is larger than {limit} bytes")
        found.append(chunk)
    return b"".join(found)


def query_bool(query: Mapping[str, str], name: str, default: bool = False) -> bool:
    """As Docker's BoolValue: everything but "", "0", "no", "false" and "none" is true."""
    value = query.get(name)
    if value is None:
        return default
    return value.strip().lower() not in FALSE


def query_int(query: Mapping[str, str], name: str, default: int = 0) -> int:
    """Raises Invalid in the words of Go's strconv."""
    value = query.get(name, "")
    return parse_int(value) if value else default


def parse_filters(query: Mapping[str, str]) -> dict[str, list[str]]:
    """The "filters" parameter: {"name": {"value": true}} or, from before API 1.22, {"name": ["value"]}."""
    text = query.get("filters", "")
    if not text:
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"invalid filter: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"invalid filter: expected an object, not {kind_of(value)}")
    found: dict[str, list[str]] = {}
    for name, values in value.items():
        if isinstance(values, dict) and all(isinstance(on, bool) for on in values.values()):
            found[name] = [key for key, on in values.items() if on]
        elif isinstance(values, list) and all(isinstance(item, str) for item in values):
            found[name] = values
        else:
            raise Invalid(f"invalid filter '{name}'")
    return found
