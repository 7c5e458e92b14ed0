"""Letting requests in: credentials are checked, rights compared, refusals worded as clients need them.

401 UNAUTHORIZED with a challenge asks for (other) credentials; 403 DENIED says that none of this user's would
do. RFC 7235, RFC 6750, Docker Registry v2 token authentication specification.
"""

import base64
import binascii
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from aiohttp import web

from sampan.registry.auth.access import Actor, BadToken, Need, Rules, grants
from sampan.registry.auth.config import AuthConfig, TokenConfig
from sampan.registry.auth.htpasswd import Htpasswd
from sampan.registry.blobs import Clock
from sampan.registry.errors import Denied, RegistryError, Unauthorized
from sampan.registry.layout import Layout

if TYPE_CHECKING:
    from sampan.registry.auth.jwt import Verifier
    from sampan.registry.auth.tokens import TokenIssuer

SERVICE = "sampan-registry"


class Gate(ABC):
    """One for all doors: the API's, the page's, the token endpoint's."""

    signs_in = False  # by name and password, which browsers ask for
    users: Htpasswd | None = None  # who have passwords

    async def admit(self, request: web.BaseRequest, need: Need) -> Actor:
        """Who is asking, if they may. Raises Unauthorized, Denied."""
        actor = await self.identify(request, need)
        if not actor.fits(need):
            raise self.refusal(request, actor, need)
        return actor

    async def close(self) -> None:
        """End what is being checked."""
        if self.users is not None:
            await self.users.close()

    @abstractmethod
    async def identify(self, request: web.BaseRequest, need: Need) -> Actor:
        """Who is asking, whatever they may do. Raises Unauthorized for invalid credentials."""

    @abstractmethod
    def refusal(self, request: web.BaseRequest, actor: Actor, need: Need) -> RegistryError:
        """Unauthorized where other credentials, or any, could help; else Denied."""


def make_gate(config: AuthConfig, layout: Layout, clock: Clock) -> Gate:
    """The gate the configuration describes. Raises Invalid for files that cannot be used."""
    rules = Rules(config.rule)
    if config.kind == "htpasswd":
        return BasicGate(Htpasswd(config.htpasswd), rules, config.realm)
    if config.kind == "token" and not config.token.realm:
        from sampan.registry.auth.tokens import TokenIssuer, load_key

        service = config.token.service or SERVICE
        issuer = TokenIssuer(load_key(layout.token_key), service, config.token.expiry, rules, clock)
        return OwnTokenGate(issuer, Htpasswd(config.htpasswd), rules, service)
    if config.kind == "token":
        from sampan.registry.auth.jwt import Verifier
        from sampan.registry.auth.keys import load_keys

        keys = load_keys(config.token.root_certs)
        verifier = Verifier(keys, config.token.service, config.token.issuer, clock)
        return ForeignTokenGate(verifier, config.token, rules)
    return OpenGate(rules if config.rule else None)


class OpenGate(Gate):
    """No authentication: everybody may do everything, or what rules allow to `anonymous`."""

    def __init__(self, rules: Rules | None) -> None:
        self._rules = rules

    async def identify(self, request: web.BaseRequest, need: Need) -> Actor:
        return Actor(None, self._rules)

    def refusal(self, request: web.BaseRequest, actor: Actor, need: Need) -> RegistryError:
        return denied(need)


class BasicGate(Gate):
    signs_in = True
    users: Htpasswd

    def __init__(self, users: Htpasswd, rules: Rules, realm: str) -> None:
        self.users = users
        self._rules = rules
        self._challenge = f'Basic realm="{quoted(realm)}"'

    async def identify(self, request: web.BaseRequest, need: Need) -> Actor:
        given = basic_credentials(request)
        if given is not None and not await self.users.check(*given, request.remote or ""):
            raise unauthorized(need, self._challenge)
        return Actor(given[0] if given else None, self._rules, entered=given is not None)

    def refusal(self, request: web.BaseRequest, actor: Actor, need: Need) -> RegistryError:
        return denied(need) if actor.entered else unauthorized(need, self._challenge)


class OwnTokenGate(Gate):
    """Tokens of our own endpoint; basic credentials are taken as well, for people with curl."""

    signs_in = True
    users: Htpasswd

    def __init__(self, issuer: "TokenIssuer", users: Htpasswd, rules: Rules, service: str) -> None:
        self.issuer = issuer
        self.users = users
        self._rules = rules
        self._service = service

    async def identify(self, request: web.BaseRequest, need: Need) -> Actor:
        token = bearer_token(request)
        if token is None:
            given = basic_credentials(request)
            if given is not None and not await self.users.check(*given, request.remote or ""):
                raise self._ask(request, need)
            return Actor(given[0] if given else None, self._rules, entered=given is not None)
        try:
            claims = self.issuer.verify(token)
        except BadToken as error:
            raise self._ask(request, need, "invalid_token", str(error)) from None
        return Actor(str(claims.get("sub", "")) or None, self._rules, grants=grants(claims))

    def refusal(self, request: web.BaseRequest, actor: Actor, need: Need) -> RegistryError:
        if not actor.entered:
            return self._ask(request, need)
        helped = (
            not need.repository
            or actor.user is None
            or actor.may_with_any_token(need.repository, need.action)
        )
        return self._ask(request, need, "insufficient_scope") if helped else denied(need)

    def _ask(self, request: web.BaseRequest, need: Need, error: str = "", detail: str = "") -> Unauthorized:
        realm = f"{origin(request)}/token"
        return unauthorized(need, bearer_challenge(realm, self._service, need, error), detail)


class ForeignTokenGate(Gate):
    """Tokens of an external service: what they grant counts; rules only say what needs none."""

    def __init__(self, verifier: "Verifier", config: TokenConfig, rules: Rules) -> None:
        self._verifier = verifier
        self._config = config
        self._rules = rules.for_anonymous()

    async def identify(self, request: web.BaseRequest, need: Need) -> Actor:
        token = bearer_token(request)
        if token is None:
            return Actor(None, self._rules, entered=False)
        try:
            claims = self._verifier.verify(token)
        except BadToken as error:
            raise self._ask(need, "invalid_token", str(error)) from None
        user = str(claims.get("sub", "")) or None
        return Actor(user, self._rules, grants=grants(claims), foreign=True)

    def refusal(self, request: web.BaseRequest, actor: Actor, need: Need) -> RegistryError:
        return self._ask(need, "insufficient_scope" if actor.entered else "")

    def _ask(self, need: Need, error: str = "", detail: str = "") -> Unauthorized:
        return unauthorized(
            need, bearer_challenge(self._config.realm, self._config.service, need, error), detail
        )


def basic_credentials(request: web.BaseRequest) -> tuple[str, str] | None:
    """User and password; None when there are none, or none that can be read."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon and user else None


def bearer_token(request: web.BaseRequest) -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def origin(request: web.BaseRequest) -> str:
    """Where the client reached us; behind a proxy that ends TLS, X-Forwarded-Proto says so."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme).partition(",")[0].strip()
    return f"{'https' if scheme == 'https' else 'http'}://{request.headers.get('Host', request.host)}"


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def bearer_challenge(realm: str, service: str, need: Need, error: str = "") -> str:
    parts = [f'realm="{quoted(realm)}"', f'service="{quoted(service)}"']
    if need.scope:
        parts.append(f'scope="{need.scope}"')
    if error:
        parts.append(f'error="{error}"')
    return "Bearer " + ",".join(parts)


def _detail(need: Need) -> list[dict[str, str]] | None:
    if need.repository:
        return [{"Type": "repository", "Name": need.repository, "Action": need.action}]
    return [{"Type": "registry", "Name": "catalog", "Action": need.action}] if need.action else None


def unauthorized(need: Need, challenge: str, why: str = "") -> Unauthorized:
    message = f"authentication required: token {why}" if why else "authentication required"
    return Unauthorized(message, _detail(need), {"WWW-Authenticate": challenge})


def denied(need: Need) -> Denied:
    return Denied("requested access to the resource is denied", _detail(need))
