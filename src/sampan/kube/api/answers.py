"""Answers in the form that a client wants, and failures in Kubernetes' form."""

from typing import Any

import orjson
from aiohttp import web

from sampan.kube.api.negotiation import JSON, PLAIN, PROTOBUF, YAML, Form
from sampan.kube.schema import protobuf, yamltext
from sampan.specs.kubernetes.status import StatusError

JSON_HEADERS = {"Content-Type": JSON, "Cache-Control": "no-cache, private"}


def json_answer(body: bytes, code: int = 200) -> web.Response:
    """Bytes that are JSON already."""
    return web.Response(body=body, status=code, headers=JSON_HEADERS)


def answer(value: Any, form: Form = PLAIN, code: int = 200) -> web.Response:
    """A JSON value in the form asked for."""
    if form.media == PROTOBUF:
        body = protobuf.encode_object(value)
    elif form.media == YAML:
        body = yamltext.dump(value)
    else:
        option = orjson.OPT_INDENT_2 if form.pretty else 0
        body = orjson.dumps(value, option=option)
    return web.Response(body=body, status=code, headers={**JSON_HEADERS, "Content-Type": media_of(form)})


def message(data: bytes) -> web.Response:
    """What is protobuf already."""
    return web.Response(body=data, headers={**JSON_HEADERS, "Content-Type": PROTOBUF})


def media_of(form: Form) -> str:
    """The Content-Type of a form: discovery names its kind in it."""
    if form.group == "apidiscovery.k8s.io":
        return f"{form.media};g={form.group};v={form.version};as={form.kind}"
    return form.media


def failure(error: StatusError, form: Form = PLAIN) -> web.Response:
    """The Status of a failure; how long to wait stands in a header as well."""
    if form.kind or form.media not in (JSON, YAML, PROTOBUF):
        form = Form(form.media if form.media in (JSON, YAML, PROTOBUF) else JSON)
    found = answer(error.status(), form, error.code)
    seconds = (error.details or {}).get("retryAfterSeconds")
    if seconds:
        found.headers["Retry-After"] = str(seconds)
    return found


def plain(text: str, code: int = 200) -> web.Response:
    """A text, as health checks and unknown paths have it."""
    headers = {"X-Content-Type-Options": "nosniff"} if code >= 400 else {}
    return web.Response(text=text, status=code, content_type="text/plain", charset="utf-8", headers=headers)


def warnings(response: web.StreamResponse, texts: list[str]) -> None:
    """Each as a header of its own, as RFC 7234 has it."""
    for text in texts:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        shown = "".join(char if char.isprintable() else " " for char in escaped)
        response.headers.add("Warning", f'299 - "{shown}"')
