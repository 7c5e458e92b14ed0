"""Secrets of bootstrap tokens, with which nodes first come to a cluster. Pure.

kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens
"""

import base64
import binascii
import re

from sampan.specs.kubernetes import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Object = dict[str, Any]

TYPE = "bootstrap.kubernetes.io/token"
NAMESPACE = "kube-system"
PREFIX = "bootstrap-token-"
TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_NEVER, _LONG_AGO = float("inf"), float("-inf")


def data_of(secret: "Object") -> dict[str, str]:
    """As text; "" of what is none."""
    return {key: _text(value) for key, value in (secret.get("data") or {}).items()}


def _text(value: object) -> str:
    try:
        return base64.b64decode(str(value)).decode()
    except (binascii.Error, ValueError):
        return ""


def ends_at(data: dict[str, str]) -> float:
    """In seconds since 1970; a time that cannot be read has passed."""
    end = data.get("expiration", "")
    found = time.seconds(end) if end else _NEVER
    return _LONG_AGO if found is None else found


def signs_with(secret: "Object", now: float) -> "tuple[str, str] | None":
    """The id and the secret of a token that may sign what newcomers read; None of any other secret."""
    data, metadata = data_of(secret), secret["metadata"]
    identity, word = data.get("token-id", ""), data.get("token-secret", "")
    named = metadata["name"] == f"{PREFIX}{identity}" and metadata.get("namespace") == NAMESPACE
    if secret.get("type") != TYPE or not named or not TOKEN.fullmatch(f"{identity}.{word}"):
        return None
    good = ends_at(data) > now and "deletionTimestamp" not in metadata
    return (identity, word) if good and data.get("usage-bootstrap-signing") == "true" else None
