"""What webhooks answer; k8s.io/apiserver pkg/admission/plugin/webhook/request and errors"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status

VERSIONS = ("v1", "v1beta1")


class BadAnswer(Exception):
    """An answer that is none; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    allowed: bool
    patch: bytes = b""
    patch_type: str = ""
    result: Object = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    annotations: dict[str, str] = field(default_factory=dict)


def answer_of(body: Any, asked: Object, *, mutating: bool) -> Answer:
    """The answer to the review `asked`. Raises BadAnswer."""
    response = body.get("response") if isinstance(body, dict) else None
    if not isinstance(response, dict):
        raise BadAnswer("webhook response was absent")
    strict = asked["apiVersion"].endswith("/v1")
    if strict:
        _check_identity(body, response, asked)
    patch, patch_type = _patch(response, strict, mutating)
    result, annotations = response.get("status"), response.get("auditAnnotations")
    return Answer(
        response.get("allowed") is True,
        patch,
        patch_type,
        dict(result) if isinstance(result, dict) else {},
        tuple(one for one in response.get("warnings") or () if isinstance(one, str)),
        {str(key): str(one) for key, one in annotations.items()} if isinstance(annotations, dict) else {},
    )


def _check_identity(body: Object, response: Object, asked: Object) -> None:
    uid, wanted = response.get("uid") or "", asked["request"]["uid"]
    if uid != wanted:
        raise BadAnswer(f"expected response.uid={quote(wanted)}, got {quote(str(uid))}")
    if (body.get("apiVersion"), body.get("kind")) != (asked["apiVersion"], asked["kind"]):
        raise BadAnswer(f"expected webhook response of {_kind(asked)}, got {_kind(body)}")


def _kind(body: Object) -> str:
    return f"{body.get('apiVersion') or '/'}, Kind={body.get('kind') or ''}"


def _patch(response: Object, strict: bool, mutating: bool) -> tuple[bytes, str]:
    patch, patch_type = _bytes(response.get("patch")), response.get("patchType")
    if not mutating:
        if strict and patch:
            raise BadAnswer("validating webhook may not return response.patch")
        if strict and patch_type is not None:
            raise BadAnswer("validating webhook may not return response.patchType")
        return b"", ""
    if not strict:
        return patch, "JSONPatch" if patch else ""
    if patch and patch_type is None:
        raise BadAnswer("webhook returned response.patch but not response.patchType")
    if not patch and patch_type is not None:
        raise BadAnswer("webhook returned response.patchType but not response.patch")
    if patch and not patch_type:
        raise BadAnswer('webhook returned invalid response.patchType of ""')
    return patch, str(patch_type or "")


def _bytes(text: Any) -> bytes:
    if text is None:
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise BadAnswer("response.patch is no base64") from None


def rejection(name: str, result: Object) -> status.StatusError:
    """What a client hears whom a webhook refused."""
    denied = f"admission webhook {quote(name)} denied the request"
    message, reason = result.get("message") or "", result.get("reason") or ""
    said = message or reason
    code = result.get("code")
    code = code if isinstance(code, int) and 400 <= code < 600 else 400
    details = result.get("details")
    return status.StatusError(
        str(reason),
        f"{denied}: {said}" if said else f"{denied} without explanation",
        details if isinstance(details, dict) else None,
        code,
    )
