"""Tokens of other issuers: OpenID Connect, with claims mapped to users by names or expressions.

Kubernetes: staging/src/k8s.io/apiserver/plugin/pkg/authenticator/token/oidc.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from sampan.kube.access.expressions import Expression, Failed
from sampan.kube.access.tokenchecks import Refused, Verified
from sampan.kube.access.user import User
from sampan.kube.pki import jws
from sampan.specs.golang.quote import quote

log = logging.getLogger("sampan.kube")
_AGAIN = 10.0  # seconds between two looks at an issuer's keys, whoever's token names an unknown one
_KEPT = 3600.0  # seconds until keys are looked at anyway


@dataclass(frozen=True)
class Source:
    """Where a part of the user comes from: a claim with a prefix, or an expression."""

    claim: str = ""
    prefix: str = ""
    expression: Expression | None = None

    def __bool__(self) -> bool:
        return bool(self.claim or self.expression)


@dataclass(frozen=True)
class Rule:
    """What must hold: a claim with this value, or an expression that is true."""

    claim: str = ""
    value: str = ""
    expression: Expression | None = None
    message: str = ""


@dataclass(frozen=True)
class Settings:
    url: str
    audiences: tuple[str, ...]
    username: Source
    discovery_url: str = ""
    groups: Source = Source()
    uid: Source = Source()
    extra: tuple[tuple[str, Expression], ...] = ()
    claim_rules: tuple[Rule, ...] = ()
    user_rules: tuple[Rule, ...] = ()
    algorithms: tuple[str, ...] = ("RS256",)
    own_audiences: tuple[str, ...] = field(default=())  # this server's, which a good token is good for


class Oidc:
    """One issuer."""

    def __init__(
        self,
        settings: Settings,
        fetch: Callable[[str], Awaitable[bytes]],
        clock: Callable[[], datetime],
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`fetch` gets an address; raises OSError or TimeoutError."""
        self._close = close
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._keys: list[tuple[str, jws.PublicKey]] = []
        self._looked = 0.0

    async def verify(self, token: str, audiences: Sequence[str]) -> Verified | None:
        """See TokenCheck."""
        settings = self._settings
        try:
            header, claims = jws.parse(token)
        except jws.BadToken:
            return None
        if claims.get("iss") != settings.url:
            return None
        fitting = settings.own_audiences
        if audiences:
            fitting = tuple(one for one in fitting if one in audiences)
            if not fitting:
                return None
        if header.get("alg") not in settings.algorithms:
            raise Refused(f"oidc: the algorithm {header.get('alg')!r} is not among the allowed ones")
        await self._check_signature(token, header)
        self._check_claims(claims)
        return Verified(self._user(claims), fitting)

    async def close(self) -> None:
        """Let go of connections."""
        if self._close:
            await self._close()

    async def _check_signature(self, token: str, header: Mapping[str, Any]) -> None:
        now = self._clock().timestamp()
        known = any(name == header.get("kid") for name, _ in self._keys)
        if (not known and now - self._looked >= _AGAIN) or now - self._looked >= _KEPT:
            self._looked = now
            try:
                self._keys = await self._published()
            except (OSError, TimeoutError, ValueError) as error:
                log.warning("oidc: the keys of %s: %s", self._settings.url, error)
        try:
            jws.verify(token, header, self._keys)
        except jws.BadToken as error:
            raise Refused("oidc: verify token: failed to verify signature") from error

    async def _published(self) -> list[tuple[str, jws.PublicKey]]:
        settings = self._settings
        at = settings.discovery_url or f"{settings.url.rstrip('/')}/.well-known/openid-configuration"
        found = orjson.loads(await self._fetch(at))
        if not isinstance(found, dict) or found.get("issuer") != settings.url:
            raise ValueError(f"{at} is the configuration of another issuer")
        address = found.get("jwks_uri")
        if not isinstance(address, str) or not address.startswith("https://"):
            raise ValueError(f"{at} names no https:// address of keys")
        return jws.from_jwks(orjson.loads(await self._fetch(address)))

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        now = self._clock().timestamp()
        end, start = claims.get("exp"), claims.get("nbf")
        if not isinstance(end, (int, float)) or now > end:
            raise Refused("oidc: verify token: token is expired")
        if isinstance(start, (int, float)) and now + 300 < start:  # as go-oidc allows
            raise Refused("oidc: verify token: token is not valid yet")
        said = claims.get("aud")
        own = said if isinstance(said, list) else [said]
        if not any(one in self._settings.audiences for one in own):
            wanted = " ".join(quote(one) for one in self._settings.audiences)
            raise Refused(f"oidc: expected audience in [{wanted}], got {said!r}")
        for rule in self._settings.claim_rules:
            _check(rule, claims, "claims")

    def _user(self, claims: Mapping[str, Any]) -> User:
        settings = self._settings
        name = _text(settings.username, claims, "username")
        # An address that its owner never confirmed names nobody.
        if settings.username.claim == "email" and claims.get("email_verified", True) is not True:
            raise Refused("oidc: email not verified")
        if not name:
            raise Refused("oidc: the username is empty")
        uid = _text(settings.uid, claims, "uid") if settings.uid else ""
        extra = {}
        for key, expression in settings.extra:
            values = _strings(_value(expression, claims), f"extra {key}")
            if values:
                extra[key] = values
        user = User(name, uid, _groups(settings.groups, claims), extra)
        about = {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in extra.items()},
        }
        for rule in settings.user_rules:
            _check(rule, about, "user")
        return user


def _value(expression: Expression, about: Mapping[str, Any]) -> Any:
    try:
        return expression.value(about)
    except Failed as failure:
        raise Refused(f"oidc: {failure}") from failure


def _check(rule: Rule, about: Mapping[str, Any], what: str) -> None:
    if rule.expression is None:
        if about.get(rule.claim) != rule.value:
            raise Refused(f"oidc: required claim {rule.claim} value does not match")
    elif _value(rule.expression, about) is not True:
        told = rule.message or f"{what} do not satisfy {rule.expression.source}"
        raise Refused(f"oidc: error evaluating {what} validation: {told}")


def _text(mapping: Source, claims: Mapping[str, Any], what: str) -> str:
    if mapping.expression:
        value = _value(mapping.expression, claims)
    elif mapping.claim not in claims:
        raise Refused(f"oidc: parse {what} claims {quote(mapping.claim)}: claim not present")
    else:
        value = claims[mapping.claim]
    if not isinstance(value, str):
        raise Refused(f"oidc: the {what} is no string")
    return mapping.prefix + value


def _groups(mapping: Source, claims: Mapping[str, Any]) -> tuple[str, ...]:
    if not mapping:
        return ()
    if mapping.expression:
        return _strings(_value(mapping.expression, claims), "groups")
    found = _strings(claims.get(mapping.claim), "groups")
    return tuple(mapping.prefix + one for one in found)


def _strings(value: Any, what: str) -> tuple[str, ...]:
    """A string is a list of itself; the empty one, and null, are none."""
    if value is None or value == "":
        return ()
    values = [value] if isinstance(value, str) else value
    try:
        found = tuple(values)
    except TypeError:
        raise Refused(f"oidc: {what} are no strings") from None
    if isinstance(value, Mapping) or not all(isinstance(one, str) for one in found):
        raise Refused(f"oidc: {what} are no strings")
    return tuple(one for one in found if one)
