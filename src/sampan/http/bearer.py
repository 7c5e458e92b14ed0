"""The client's side of the two ways registries ask who one is: Basic (RFC 7617) and Bearer tokens.

Bearer tokens as in the distribution project's token and OAuth 2 specifications. A token is kept with the
scope it was given for until it expires. Nothing here is ever sent to a host that was not asked for it: the
registry itself, and the realm it names.
"""

import base64
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sampan.errors import Failed, Unauthorized

CLIENT_ID = "sampan"
DEFAULT_LIFE = 60.0  # seconds, where the answer does not say
NO_CREDENTIALS = "no basic auth credentials"
MARGIN = 10.0  # seconds before its end at which a token counts as expired
_PARAMETER = re.compile(r'([a-zA-Z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True)
class Credentials:
    """What X-Registry-Auth carries; all empty: anonymous."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""
    server: str = ""

    @property
    def basic(self) -> str:
        """The Authorization header of name and password."""
        plain = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(plain).decode()}"


@dataclass(frozen=True)
class Challenge:
    scheme: str  # in lower case
    parameters: Mapping[str, str]


def parse_challenges(headers: Sequence[str]) -> list[Challenge]:
    """WWW-Authenticate, RFC 9110 section 11.6.1; one challenge in each header line, as registries send."""
    found = []
    for header in headers:
        scheme, _, rest = header.strip().partition(" ")
        parameters = {
            name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
            for name, quoted, plain in _PARAMETER.findall(rest)
        }
        found.append(Challenge(scheme.lower(), parameters))
    return found


@dataclass(frozen=True)
class TokenAnswer:
    """What a token service said: its status, and the JSON of its body."""

    status: int
    document: Any


# (method, URL, headers, query, form) -> answer
Ask = Callable[
    [str, str, Mapping[str, str], Sequence[tuple[str, str]], Mapping[str, str]], Awaitable[TokenAnswer]
]


class Authorizer:
    """What to say to one endpoint. `ask` makes the request for a token; `secure`: the realm must be https."""

    def __init__(
        self,
        credentials: Credentials,
        ask: Ask,
        *,
        secure: bool,
        offline: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._ask = ask
        self._secure = secure
        self._offline = offline
        self._clock = clock
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}
        self.identity_token = ""

    async def header(self, scopes: tuple[str, ...]) -> str:
        """The Authorization header for a request, "" for none yet. Raises Unauthorized, Failed."""
        if self._credentials.registry_token:
            return f"Bearer {self._credentials.registry_token}"
        if self._challenge is None:
            return ""
        if self._challenge.scheme == "basic":
            return self._basic()
        return f"Bearer {await self._token(scopes)}"

    def challenged(self, headers: Sequence[str], scopes: tuple[str, ...]) -> bool:
        """Take in the challenge of a 401; whether asking again makes sense."""
        chosen: Challenge | None = None
        for challenge in parse_challenges(headers):
            if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                chosen = challenge
                break
            if challenge.scheme == "basic":
                chosen = challenge
        if chosen is None or self._credentials.registry_token:
            return False
        again = self._challenge != chosen or scopes in self._tokens
        self._challenge = chosen
        self._tokens.pop(scopes, None)
        return again

    def _basic(self) -> str:
        if not self._credentials.username:
            raise Unauthorized(NO_CREDENTIALS)
        return self._credentials.basic

    async def _token(self, scopes: tuple[str, ...]) -> str:
        token, expires = self._tokens.get(scopes, ("", 0.0))
        if token and self._clock() < expires:
            return token
        token, life = await self._fetch(scopes)
        self._tokens[scopes] = (token, self._clock() + max(life, DEFAULT_LIFE) - MARGIN)
        return token

    async def _fetch(self, scopes: tuple[str, ...]) -> tuple[str, float]:
        assert self._challenge is not None
        realm = self._challenge.parameters["realm"]
        parts = urlsplit(realm)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise Failed(f"invalid token realm {realm[:200]!r}")
        if self._secure and parts.scheme != "https":
            raise Failed(f"refusing to send credentials without TLS to {parts.netloc}")
        service = self._challenge.parameters.get("service", "")
        if self._credentials.identity_token:
            answer = await self._oauth(realm, service, scopes)
            if answer.status not in (404, 405):
                return self._read(answer)
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        headers: dict[str, str] = {}
        if self._credentials.username:
            headers["Authorization"] = self._credentials.basic
            query += [("account", self._credentials.username)]
            if self._offline:
                query += [("client_id", CLIENT_ID), ("offline_token", "true")]
        return self._read(await self._ask("GET", realm, headers, query, {}))

    async def _oauth(self, realm: str, service: str, scopes: tuple[str, ...]) -> TokenAnswer:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._credentials.identity_token,
            "service": service,
            "client_id": CLIENT_ID,
            "scope": " ".join(scopes),
        }
        return await self._ask("POST", realm, {}, [], form)

    def _read(self, answer: TokenAnswer) -> tuple[str, float]:
        if answer.status in (400, 401, 403):
            raise Unauthorized("unauthorized: incorrect username or password")
        if answer.status != 200:
            raise Failed(f"fetching a token failed with status {answer.status}")
        document = answer.document if isinstance(answer.document, dict) else {}
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise Failed("authorization server did not include a token in the response")
        if isinstance(refresh := document.get("refresh_token"), str):
            self.identity_token = refresh
        life = document.get("expires_in")
        return token, float(life) if isinstance(life, int | float) else DEFAULT_LIFE
