"""Credentials as the X-Registry-Auth header takes them."""

from __future__ import annotations

import binascii

from sampan.cli import gojson
from sampan.cli.credentials import CredentialError, CredentialStore, server_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from sampan.cli.session import Session


def header(session: Session, registry: str) -> dict[str, str]:
    """The header for `registry`; an empty object when there are no credentials."""
    return {"X-Registry-Auth": encode(credentials(session, registry))}


def credentials(session: Session, registry: str) -> dict[str, str]:
    """What is known for `registry`; nothing where a helper program fails: the registry may not mind."""
    try:
        return CredentialStore(session).get(server_of(registry))
    except CredentialError:
        return {}


def encode(found: Mapping[str, str]) -> str:
    """URL-safe base64 of the JSON."""
    raw = gojson.dumps(dict(found)).encode()
    return binascii.b2a_base64(raw, newline=False).decode().replace("+", "-").replace("/", "_")
