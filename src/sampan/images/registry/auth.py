"""Credentials as Docker's clients hand them to the daemon."""

import base64
import binascii
from typing import Any

import orjson

from sampan.errors import Invalid
from sampan.http.bearer import Credentials

ANONYMOUS = Credentials()


def decode_header(text: str) -> Credentials:
    """X-Registry-Auth: base64url of a JSON object. Raises Invalid in Docker's words."""
    try:
        padded = text + "=" * (-len(text) % 4)
        document = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        reason = "EOF" if not text else error
        raise Invalid(f"invalid X-Registry-Auth header: {reason}") from None
    return from_document(document)


def from_document(document: Any) -> Credentials:
    """The body of POST /auth, or what the header holds. Raises Invalid."""
    if not isinstance(document, dict):
        raise Invalid("invalid X-Registry-Auth header: not an object")
    names = ("username", "password", "identitytoken", "registrytoken", "serveraddress")
    values = [document.get(name) or "" for name in names]
    if not all(isinstance(value, str) for value in values):
        raise Invalid("invalid X-Registry-Auth header: not a string")
    if not values[0] and isinstance(document.get("auth"), str):
        try:
            plain = base64.b64decode(document["auth"], validate=True).decode()
            values[0], _, values[1] = plain.partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Invalid("invalid X-Registry-Auth header: bad auth") from None
    return Credentials(*values)
