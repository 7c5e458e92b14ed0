"""Who asks: certificates, a proxy's headers, tokens, nobody.

Kubernetes: pkg/kubeapiserver/authenticator/config.go, staging/src/k8s.io/apiserver/pkg/authentication.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from multidict import CIMultiDictProxy

from sampan.kube.access.clientcertificates import ClientCertificates, RequestHeaders
from sampan.kube.access.tokenchecks import Refused, Verified
from sampan.kube.access.user import ANONYMOUS, User
from sampan.specs.kubernetes.status import StatusError

Headers = CIMultiDictProxy[str]
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
# How browsers send a token with a websocket: they cannot set headers.
_PROTOCOL = "base64url.bearer.authorization.k8s.io."
_REMEMBERED = 4096
_GOOD_FOR = 10.0  # seconds; upstream's --authentication-token cache of successes


class TokenCheck(Protocol):
    """One kind of tokens: None is not mine; raises Refused for one that is, but does not count."""

    async def verify(self, token: str, audiences: Sequence[str]) -> Verified | None: ...


class Tokens:
    """All kinds of tokens, one after the other; what was good stays so for ten seconds."""

    def __init__(self, checks: Sequence[TokenCheck], clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._checks = checks
        self._clock = clock
        self._known: dict[tuple[str, tuple[str, ...]], tuple[float, Verified]] = {}

    async def verify(self, token: str, audiences: Sequence[str] = ()) -> Verified:
        """Whose token it is. Raises Refused, with what may be told."""
        key = (token, tuple(audiences))
        until, found = self._known.get(key, (0.0, None))
        now = self._clock()
        if found is not None and now < until:
            return found
        found = await self._ask(token, audiences)
        while len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known.pop(key, None)
        self._known[key] = (now + _GOOD_FOR, found)
        return found

    async def close(self) -> None:
        """Let go of connections."""
        for check in self._checks:
            close = getattr(check, "close", None)
            if close:
                await close()

    async def _ask(self, token: str, audiences: Sequence[str]) -> Verified:
        refusals = []
        for check in self._checks:
            try:
                found = await check.verify(token, audiences)
            except Refused as refusal:
                refusals.append(str(refusal))
                continue
            if found is not None:
                return found._replace(user=_authenticated(found.user))
        told = list(dict.fromkeys(refusals))
        if not told:
            raise Refused("invalid bearer token")
        raise Refused(told[0] if len(told) == 1 else f"[{', '.join(told)}]")


class Anonymous:
    """Whether who shows nothing may go on as nobody; `paths`: only there, None: everywhere."""

    def __init__(self, enabled: bool = True, paths: Iterable[str] | None = None) -> None:
        self._enabled = enabled
        self._paths = None if paths is None else frozenset(paths)

    def allows(self, path: str) -> bool:
        return self._enabled and (self._paths is None or path in self._paths)


class Authenticator:
    """Raises Unauthorized if what somebody shows is no good, or nothing is shown and that is not allowed."""

    def __init__(
        self,
        tokens: Tokens,
        certificates: ClientCertificates | None = None,
        proxies: RequestHeaders | None = None,
        anonymous: Anonymous | None = None,
    ) -> None:
        self.tokens = tokens
        self._certificates = certificates
        self._proxies = proxies
        self._anonymous = anonymous or Anonymous()

    async def authenticate(
        self, certificate: bytes | None, headers: Headers, path: str, now: datetime
    ) -> Verified:
        """`certificate` is what TLS has verified, in DER. The user, and notes for the audit log."""
        refused = False
        if certificate and self._proxies:
            user = self._proxies.user(certificate, headers, now)
            if user:
                return Verified(_authenticated(user))
        if certificate and self._certificates:
            owner = self._certificates.user(certificate, now)
            if isinstance(owner, User):
                return Verified(_authenticated(owner))
            refused = owner is None
        token = bearer(headers)
        if token:
            try:
                return await self.tokens.verify(token)
            except Refused:
                refused = True
        if refused or not self._anonymous.allows(path):
            raise unauthorized()
        return Verified(ANONYMOUS)


def unauthorized() -> StatusError:
    """Nothing is told of why."""
    return StatusError("Unauthorized", "Unauthorized")


def bearer(headers: Headers) -> str:
    """The token that a request shows; "" if there is none."""
    # More words than one after the scheme: the first is the token.
    words = headers.get("Authorization", "").strip().split(" ", 2)
    if len(words) > 1 and words[0].lower() == "bearer":
        return words[1]
    return _websocket_bearer(headers)


def _websocket_bearer(headers: Headers) -> str:
    for value in headers.getall("Sec-WebSocket-Protocol", ()):
        for protocol in value.split(","):
            text = protocol.strip()
            if text.startswith(_PROTOCOL):
                return _decoded(text[len(_PROTOCOL) :])
    return ""


def _decoded(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return "?"  # shown, and no good


def without_bearer(protocols: Iterable[str]) -> list[str]:
    """The protocols of a websocket that are to be negotiated about: all but the one that is a token."""
    return [one for one in protocols if not one.startswith(_PROTOCOL)]


def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def user_info(user: User) -> dict[str, object]:
    """authentication.k8s.io UserInfo, as JSON has it."""
    fields: Mapping[str, object] = {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
    return {key: value for key, value in fields.items() if value}
