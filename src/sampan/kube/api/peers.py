"""Servers that this one speaks for: how they are known to it, it to them, and the connections to them."""

import base64
import binascii
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

CONNECT = 30.0  # seconds until a connection is there, TLS included
REMEMBERED = 100  # contexts; each takes 100 KB with a system's authorities
LINE = 64 << 10  # bytes of one header


class BadBundle(Exception):
    """In Go's words."""


@dataclass(frozen=True)
class Peer:
    """A server at one of its addresses; `name` is the one its certificate has to have."""

    host: str
    port: int
    name: str
    context: ssl.SSLContext

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self, path: str) -> str:
        return f"https://{self.authority}{path}"


class Peers:
    """`show` has the files of the certificate and key that say who this server is."""

    def __init__(self, show: Callable[[], tuple[str, str]]) -> None:
        self._show = show
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}
        self._session: aiohttp.ClientSession | None = None

    def renewed(self) -> None:
        """The certificate is another one now."""
        self._contexts.clear()

    def context(self, bundle: str, *, verify: bool) -> ssl.SSLContext:
        """`bundle`: authorities in base64, as objects have them; empty: the system's. Raises BadBundle."""
        known = self._contexts.get((bundle, verify))
        if known is None:
            if len(self._contexts) >= REMEMBERED:
                self._contexts.clear()
            known = self._contexts[bundle, verify] = self._make(bundle, verify=verify)
        return known

    def _make(self, bundle: str, *, verify: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self._show())
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        # As Go: a bundle may hold the server's own certificate, and a common name is no name.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.hostname_checks_common_name = False
        if not bundle:
            context.load_default_certs()
            return context
        try:
            context.load_verify_locations(cadata=base64.b64decode(bundle).decode())
        except (ssl.SSLError, binascii.Error, ValueError):
            raise BadBundle("unable to load root certificates: unable to parse bytes as PEM block") from None
        return context

    def session(self) -> aiohttp.ClientSession:
        """For requests; who makes one sees to its time."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                max_line_size=LINE,
                max_field_size=LINE,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
