"""One other registry, asked over HTTP with the credentials the configuration gives for it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import aiohttp
import orjson
from yarl import URL

import sampan
from sampan.errors import Invalid, SampanError
from sampan.http.bearer import Authorizer, Credentials, TokenAnswer
from sampan.registry.cache.config import UpstreamConfig
from sampan.registry.documents import KNOWN
from sampan.registry.errors import Denied, RegistryError, TooManyRequests, Unavailable
from sampan.registry.patterns import matches

ACCEPT = ", ".join(KNOWN)
CONNECT = 10.0  # seconds
MAX_TOKEN = 1 << 20
BUFFER = 512 << 10
USER_AGENT = f"sampan-registry/{sampan.__version__}"


class Upstream:
    def __init__(self, config: UpstreamConfig) -> None:
        """Raises Invalid for a password file or authorities that cannot be read."""
        self.config = config
        self._credentials = Credentials(config.username, config.secret())
        self._context = _context(config)
        self._session: aiohttp.ClientSession | None = None
        self._authorizers: dict[str, Authorizer] = {}

    def serves(self, name: str) -> bool:
        return matches(self.config.repository, name)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def request(
        self, method: str, name: str, path: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is 2xx, 304, 404 or 416 for `/v2/<name there>/<path>`.

        Raises Unavailable when there is none or a 5xx, Denied for 401 and 403, TooManyRequests.
        """
        base, remote = self.config.remote(name)
        url = URL(f"{base}/v2/{quote(remote, safe='/')}/{path}", encoded=True)
        scopes = (f"repository:{remote}:pull",)
        authorizer = self._authorizer(base)
        try:
            for attempt in range(2):
                authorization = await authorizer.header(scopes)
                sent = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
                async with self._open().request(method, url, headers=sent, max_redirects=5) as response:
                    challenges = response.headers.getall("WWW-Authenticate", [])
                    # Asked again also when another request has taken in the challenge meanwhile.
                    retry = response.status == 401 and not attempt
                    if retry and (authorizer.challenged(challenges, scopes) or not authorization):
                        continue
                    _check(response, name)
                    yield response
                    return
        except RegistryError:
            raise
        except SampanError as error:  # the authorizer's
            raise Denied(f"upstream of {name}: {error.message}") from None
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise Unavailable(f"upstream of {name} cannot be reached: {_reason(error)}") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context, limit=0),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_read=self.config.timeout),
                # A blob compressed once more on the way would have another digest.
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=True,
                read_bufsize=BUFFER,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _authorizer(self, base: str) -> Authorizer:
        if base not in self._authorizers:
            secure = base.startswith("https:")
            self._authorizers[base] = Authorizer(self._credentials, self._ask, secure=secure)
        return self._authorizers[base]

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        query: Sequence[tuple[str, str]],
        form: Mapping[str, str],
    ) -> TokenAnswer:
        whole = URL(url).extend_query(query) if query else URL(url)
        async with self._open().request(
            method, whole, headers=dict(headers), data=dict(form) or None, allow_redirects=False
        ) as response:
            body = await read_limited(response, MAX_TOKEN)
            try:
                return TokenAnswer(response.status, orjson.loads(body))
            except orjson.JSONDecodeError:
                return TokenAnswer(response.status, None)


def _context(config: UpstreamConfig) -> ssl.SSLContext:
    """Raises Invalid."""
    context = ssl.create_default_context()
    if config.ca:
        try:
            context.load_verify_locations(config.ca)
        except (OSError, ssl.SSLError) as error:
            raise Invalid(f"upstream: cannot read {config.ca}: {error}") from None
    if config.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _check(response: aiohttp.ClientResponse, name: str) -> None:
    status = response.status
    if response.history and response.history[0].url.scheme == "https" and response.url.scheme != "https":
        raise Unavailable(f"upstream of {name} redirects from https to http")
    if 200 <= status < 300 or status in (304, 404, 416):
        return
    if status in (401, 403):
        raise Denied(f"upstream of {name} refuses: status {status}")
    if status == 429:
        after = response.headers.get("Retry-After", "")
        headers = {"Retry-After": after} if after.isdigit() else {}
        raise TooManyRequests(f"upstream of {name} limits our requests", headers=headers)
    raise Unavailable(f"upstream of {name} answered {status}")


async def read_limited(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body. Raises Unavailable past `limit` bytes."""
    found = bytearray()
    async for chunk in response.content.iter_any():
        found += chunk
        if len(found) > limit:
            host = urlsplit(str(response.url)).netloc
            raise Unavailable(f"{host} sends more than the {limit} bytes that were expected")
    return bytes(found)


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
