"""JSON Web Tokens: HS256 for our own, RS256 and ES256 to verify a service's. RFC 7515, 7518, 7519."""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import orjson


class BadToken(Exception):
    """Why a token is not accepted; the client hears `invalid_token`."""


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadToken("not base64url") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(decode(text))
    except orjson.JSONDecodeError:
        raise BadToken("no JSON inside") from None
    if not isinstance(value, dict):
        raise BadToken("no JSON object inside")
    return value


def split(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, what is signed, the signature; nothing of it checked. Raises BadToken."""
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("not three parts")
    return _object(parts[0]), _object(parts[1]), f"{parts[0]}.{parts[1]}".encode(), decode(parts[2])


def sign(claims: dict[str, Any], key: bytes) -> str:
    head = encode(orjson.dumps({"alg": "HS256", "typ": "JWT"}))
    signed = f"{head}.{encode(orjson.dumps(claims))}"
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def verify_own(token: str, key: bytes) -> dict[str, Any]:
    """The claims of a token `sign` made. Raises BadToken."""
    header, claims, signed, signature = split(token)
    if header.get("alg") != "HS256":
        raise BadToken("not signed by this registry")
    if not hmac.compare_digest(hmac.digest(key, signed, hashlib.sha256), signature):
        raise BadToken("wrong signature")
    return claims


def check_times(claims: dict[str, Any], now: float, leeway: float = 60.0) -> None:
    """Raises BadToken for a token that is not good yet, or no more."""
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, (int, float)) or not isinstance(begins, (int, float)):
        raise BadToken("no expiry time")
    if now > expires + leeway:
        raise BadToken("expired")
    if now < begins - leeway:
        raise BadToken("not valid yet")


def grants(claims: dict[str, Any]) -> dict[str, frozenset[str]]:
    """What the `access` claim allows: repository (or "registry:catalog") -> actions."""
    found: dict[str, frozenset[str]] = {}
    access = claims.get("access")
    for entry in access if isinstance(access, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("actions"), list):
            continue
        kind, name = entry.get("type"), entry.get("name")
        key = name if kind == "repository" else f"{kind}:{name}"
        if isinstance(key, str):
            actions = frozenset(item for item in entry["actions"] if isinstance(item, str))
            found[key] = found.get(key, frozenset()) | actions
    return found
