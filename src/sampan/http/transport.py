"""HTTP to registries: connections shared by all transfers, redirects and limits under our own rules.

The one client of them: of the engine, of the registry's cache, and of the command line's `manifest`.
"""

import asyncio
import ipaddress
import os
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import orjson
from yarl import URL

import sampan
from sampan.errors import Failed, Invalid
from sampan.http.bearer import TokenAnswer

CONNECT = 15.0  # seconds for TCP and TLS together, as Docker
SILENCE = 30.0  # seconds without a byte
WHOLE = 60.0  # seconds for a small answer, however slowly it drips
DIGESTION = 600.0  # seconds for a registry to take in what it was sent
WRITING = aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_read=DIGESTION)
MAX_REDIRECTS = 10
MAX_TOKEN = 1 << 20
BUFFER = 1 << 20
REDIRECTS = (301, 302, 303, 307, 308)
USER_AGENT = f"sampan/{sampan.__version__}"


class Unreachable(Failed):
    """There was no answer at all: no route, no name, no TLS, a cut or a silence."""


class Refused(Failed):
    """The answer breaks the protocol, or a bound of ours; the same registry will not do better."""


@dataclass(frozen=True)
class Tls:
    """How a server is trusted, and how we show who we are: paths of PEM files."""

    verify: bool = True
    authorities: tuple[str, ...] = ()
    client: tuple[tuple[str, str], ...] = ()  # (certificate, key); key "" when it is in the same file

    def context(self) -> ssl.SSLContext:
        """Raises Invalid for unreadable files. Blocks: the host's authorities take some 10 ms to load."""
        context = ssl.create_default_context()
        try:
            for authority in self.authorities:
                context.load_verify_locations(authority)
            for certificate, key in self.client:
                context.load_cert_chain(certificate, key or None)
        except (OSError, ssl.SSLError) as error:
            raise Invalid(f"certificates of the registry: {error}") from error
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True)
class Proxies:
    """For http and https, and what is reached without."""

    http: str = ""
    https: str = ""
    none: str = ""

    @classmethod
    def of_environment(cls) -> "Proxies":
        """HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case."""
        from urllib.request import getproxies_environment

        found: dict[str, str] = getproxies_environment()
        return cls(found.get("http", ""), found.get("https", ""), found.get("no", ""))

    def of(self, url: str) -> str | None:
        """As Go's http.ProxyFromEnvironment: never for the loopback, and NO_PROXY may hold networks."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        if not proxy or self._is_direct(parts.hostname or "", parts.netloc):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"

    def _is_direct(self, host: str, authority: str) -> bool:
        from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host == "localhost" or bool(proxy_bypass_environment(authority, {"no": self.none}))
        if address.is_loopback:
            return True
        for text in self.none.split(","):
            try:
                if address in ipaddress.ip_network(text.strip(), strict=False):
                    return True
            except ValueError:
                continue
        return bool(proxy_bypass_environment(authority, {"no": self.none}))


class Transport:
    """Connections to all registries; one session for each way to trust.

    `silence`: seconds without a byte before an answer is given up.
    """

    def __init__(
        self, proxies: Proxies = Proxies(), *, silence: float = SILENCE, agent: str = USER_AGENT
    ) -> None:
        self.proxies = proxies
        self._agent = agent
        self._reading = aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_read=silence)
        self._patience = max(0.0, silence - SILENCE)  # a server that may be silent longer gets more in all
        self._sessions: dict[Tls, aiohttp.ClientSession] = {}
        self._making = asyncio.Lock()

    async def close(self) -> None:
        """End the connections that are kept; nothing may be under way."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _session(self, tls: Tls) -> aiohttp.ClientSession:
        async with self._making:
            if tls not in self._sessions:
                context = await asyncio.to_thread(tls.context)
                self._sessions[tls] = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=context, limit=0, happy_eyeballs_delay=0.25),
                    # A blob compressed once more on the way would have another digest.
                    headers={"User-Agent": self._agent, "Accept-Encoding": "identity"},
                    auto_decompress=False,
                    read_bufsize=BUFFER,
                    cookie_jar=aiohttp.DummyCookieJar(),
                )
            return self._sessions[tls]

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        tls: Tls,
        headers: Mapping[str, str],
        secure: bool,
        data: Any = None,
        follow: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request. Raises Unreachable, Refused.

        Redirects are followed for reading only, never from TLS to none, and take no credentials along to
        another host.
        """
        session = await self._session(tls)
        sent = dict(headers)
        reading = method in ("GET", "HEAD")
        for _ in range(MAX_REDIRECTS + 1):
            try:
                # A body may take as long as it takes, and so may what a registry does with it at its end.
                async with asyncio.timeout(WHOLE + self._patience if reading else None):
                    response = await session.request(
                        method,
                        URL(url, encoded=True),
                        headers=sent,
                        data=data,
                        allow_redirects=False,
                        proxy=self.proxies.of(url),
                        timeout=self._reading if reading else WRITING,
                    )
            except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
                raise translate(error, method, url) from error
            try:
                target = response.headers.get("Location", "")
                if not (follow and response.status in REDIRECTS and target):
                    yield response
                    return
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                raise translate(error, method, url) from error
            finally:
                response.release()
            url, sent = redirected(url, target, sent, secure=secure)
        raise Refused(f"{method} {shown(url)}: stopped after {MAX_REDIRECTS} redirects")

    async def ask(
        self,
        tls: Tls,
        method: str,
        url: str,
        headers: Mapping[str, str],
        query: Sequence[tuple[str, str]],
        form: Mapping[str, str],
    ) -> TokenAnswer:
        """A request to a token server. Raises Unreachable, Refused."""
        whole = str(URL(url).extend_query(query)) if query else url
        data = aiohttp.FormData(dict(form)) if form else None
        async with self.request(
            method, whole, tls=tls, headers=headers, secure=url.startswith("https:"), data=data
        ) as response:
            body = await limited(response, MAX_TOKEN)
        try:
            return TokenAnswer(response.status, orjson.loads(body))
        except orjson.JSONDecodeError:
            return TokenAnswer(response.status, None)


def redirected(
    url: str, target: str, headers: Mapping[str, str], *, secure: bool
) -> tuple[str, dict[str, str]]:
    """Where to, and the headers that may go there. Raises Refused."""
    try:
        whole = urljoin(url, target)
        before, after = urlsplit(url), urlsplit(whole)
        valid = after.scheme in ("http", "https") and bool(after.hostname) and after.username is None
        same = (before.scheme, before.hostname, before.port) == (after.scheme, after.hostname, after.port)
    except ValueError:
        valid = same = False
    if not valid:
        raise Refused(f"{shown(url)} redirects to an invalid address")
    if secure and after.scheme != "https":
        raise Refused(f"{shown(url)} redirects to {after.netloc} without TLS")
    kept = {name: value for name, value in headers.items() if same or name.lower() in ("accept", "range")}
    return whole, kept


async def limited(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body of at most `limit` bytes. Raises Refused, Unreachable."""
    url = str(response.url)
    if (response.content_length or 0) > limit:
        raise Refused(f"{shown(url)}: the answer is larger than {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(WHOLE):
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > limit:
                    response.close()
                    raise Refused(f"{shown(url)}: the answer is larger than {limit} bytes")
                chunks.append(chunk)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        response.close()
        raise translate(error, response.method, url) from error
    return b"".join(chunks)


def translate(error: BaseException, method: str, url: str) -> Unreachable | Refused:
    """A failed exchange in one line, as Go's net/http words it."""
    verb = method.capitalize()
    if isinstance(error, aiohttp.http_exceptions.HttpProcessingError):
        return Refused(f'{verb} "{shown(url)}": malformed HTTP response: {_line(error.message)}')
    if isinstance(error, aiohttp.ClientResponseError):
        return Refused(f'{verb} "{shown(url)}": malformed HTTP response: {_line(error.message)}')
    return Unreachable(f'{verb} "{shown(url)}": {reason(error)}')


def reason(error: BaseException) -> str:
    """Why an exchange failed, without Python in it."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorSSLError) and isinstance(error.os_error, ssl.SSLError):
        if error.os_error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            return "http: server gave HTTP response to HTTPS client"
        return f"tls: {_line(error.os_error.reason or str(error.os_error)).lower().replace('_', ' ')}"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        text = os.strerror(number).lower() if number and number > 0 else str(error.os_error)
        return f"dial tcp {error.host}:{error.port}: connect: {text}"
    if isinstance(error, asyncio.TimeoutError):
        return "the registry does not answer in time"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "unexpected EOF"
    return _line(str(error)) or type(error).__name__


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def shown(url: str) -> str:
    """A URL for messages: without its query, which may hold a signature."""
    return url.partition("?")[0]
