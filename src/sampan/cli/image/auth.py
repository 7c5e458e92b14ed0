"""Credentials of the client's configuration, as the X-Registry-Auth header takes them."""

from __future__ import annotations

import binascii

from sampan.cli import gojson
from sampan.cli.image.reference import DEFAULT_DOMAIN, domain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_HUB = "https://index.docker.io/v1/"


def header(config: Mapping[str, Any], repository: str) -> dict[str, str]:
    """The header for the registry of `repository`; an empty object when there are no credentials."""
    registry = domain(repository)
    server = _HUB if registry == DEFAULT_DOMAIN else registry
    auths = config.get("auths")
    entry = auths.get(server, {}) if isinstance(auths, dict) else {}
    return {"X-Registry-Auth": encode(_credentials(entry if isinstance(entry, dict) else {}, server))}


def _credentials(entry: Mapping[str, Any], server: str) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        plain = binascii.a2b_base64(str(entry.get("auth") or "")).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        plain = ""
    user, colon, password = plain.partition(":")
    if colon:
        found.update(username=user, password=password.strip("\0"))
    if entry.get("identitytoken"):
        found["identitytoken"] = str(entry["identitytoken"])
    if found:
        found["serveraddress"] = server
    return found


def encode(credentials: Mapping[str, str]) -> str:
    """URL-safe base64 of the JSON."""
    raw = gojson.dumps(dict(credentials)).encode()
    return binascii.b2a_base64(raw, newline=False).decode().replace("+", "-").replace("/", "_")
