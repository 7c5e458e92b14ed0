"""The built-in token endpoint: bearer tokens for the users of the htpasswd file.

Docker Registry v2 token authentication: `GET /token?service=...&scope=repository:NAME:pull,push` with basic
credentials or none; and the OAuth 2 form by POST (grant_type=password), which containerd tries first. A token
holds those of the asked actions that the rules allow.
"""

import os
import secrets
from pathlib import Path
from typing import Any

from sampan.registry.auth.access import Rules
from sampan.registry.auth.jwt import Claims, Verifier, sign
from sampan.registry.blobs import Clock
from sampan.registry.layout import sync_directory
from sampan.specs.golang.time import SECOND, rfc3339

ISSUER = "sampan-registry"


def load_key(path: Path) -> bytes:
    """The root's signing key, made by whichever worker comes first."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(32))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(beside)
    sync_directory(path.parent)
    return path.read_bytes()


class TokenIssuer:
    def __init__(self, key: bytes, service: str, expiry: float, rules: Rules, clock: Clock) -> None:
        self._key = key
        self._service = service
        self._expiry = expiry
        self._rules = rules
        self._clock = clock
        self._verifier = Verifier([key], service, None, clock)

    def issue(self, user: str | None, scopes: list[str]) -> dict[str, Any]:
        """The answer of the token endpoint to `user` (None: nobody) asking for `scopes`."""
        now = int(self._clock())
        access = [entry for scope in scopes for entry in self._granted(user, scope)]
        claims = {
            "iss": ISSUER,
            "sub": user or "",
            "aud": self._service,
            "exp": now + int(self._expiry),
            "nbf": now,
            "iat": now,
            "jti": secrets.token_hex(16),
            "access": access,
        }
        token = sign(claims, self._key)
        issued = rfc3339(int(now) * SECOND)
        # Docker reads `token`, OAuth 2 clients `access_token`.
        return {"token": token, "access_token": token, "expires_in": int(self._expiry), "issued_at": issued}

    def _granted(self, user: str | None, scope: str) -> list[dict[str, Any]]:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        asked = [action for action in actions.split(",") if action]
        kind = kind.partition("(")[0]  # repository(plugin): a class is of no meaning here
        if kind == "registry" and name == "catalog" and user is not None:
            return [{"type": kind, "name": name, "actions": ["*"]}]
        if kind != "repository" or not name:
            return []
        if "*" in asked:
            asked = ["pull", "push", "delete"]
        granted = [action for action in asked if self._rules.allow(user, name, action)]
        return [{"type": kind, "name": name, "actions": granted}] if granted else []

    def verify(self, token: str) -> Claims:
        """The claims of a token of ours that is still good. Raises BadToken."""
        return self._verifier.verify(token)
