"""One other registry, asked over HTTP with the credentials the configuration gives for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import quote

import aiohttp

import sampan
from sampan.errors import SampanError
from sampan.http.bearer import Authorizer, Credentials
from sampan.http.transport import Proxies, Refused, Tls, Transport, Unreachable
from sampan.registry.cache.config import UpstreamConfig
from sampan.registry.documents import KNOWN
from sampan.registry.errors import Denied, TooManyRequests, Unavailable
from sampan.registry.patterns import matches

ACCEPT = ", ".join(KNOWN)
USER_AGENT = f"sampan-registry/{sampan.__version__}"


class Upstream:
    def __init__(self, config: UpstreamConfig) -> None:
        """Raises Invalid for a password file or authorities that cannot be read."""
        self.config = config
        self._credentials = Credentials(config.username, config.secret())
        self._tls = Tls(verify=not config.insecure, authorities=(config.ca,) if config.ca else ())
        self._tls.context()
        self._transport = Transport(Proxies.of_environment(), silence=config.timeout, agent=USER_AGENT)
        self._authorizers: dict[str, Authorizer] = {}

    def serves(self, name: str) -> bool:
        return matches(self.config.repository, name)

    async def close(self) -> None:
        await self._transport.close()

    @asynccontextmanager
    async def request(
        self, method: str, name: str, path: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is 2xx, 304, 404 or 416 for `/v2/<name there>/<path>`.

        Raises Unavailable when there is none or a 5xx, Denied for 401 and 403, TooManyRequests.
        """
        base, remote = self.config.remote(name)
        url = f"{base}/v2/{quote(remote, safe='/')}/{path}"
        scopes = (f"repository:{remote}:pull",)
        secure = base.startswith("https:")
        authorizer = self._authorizer(base, secure)
        try:
            for attempt in range(2):
                authorization = await _authorization(authorizer, scopes, name)
                sent = {**(headers or {}), **({"Authorization": authorization} if authorization else {})}
                async with self._transport.request(
                    method, url, tls=self._tls, headers=sent, secure=secure, follow=True
                ) as response:
                    challenges = response.headers.getall("WWW-Authenticate", [])
                    # Asked again also when another request has taken in the challenge meanwhile.
                    retry = response.status == 401 and not attempt
                    if retry and (authorizer.challenged(challenges, scopes) or not authorization):
                        continue
                    _check(response, name)
                    yield response
                    return
        except (Unreachable, Refused) as error:
            raise Unavailable(f"upstream of {name} cannot be reached: {error.message}") from None

    def _authorizer(self, base: str, secure: bool) -> Authorizer:
        if base not in self._authorizers:
            ask = partial(self._transport.ask, self._tls)
            self._authorizers[base] = Authorizer(self._credentials, ask, secure=secure)
        return self._authorizers[base]


async def _authorization(authorizer: Authorizer, scopes: tuple[str, ...], name: str) -> str:
    try:
        return await authorizer.header(scopes)
    except (Unreachable, Refused):
        raise
    except SampanError as error:
        raise Denied(f"upstream of {name}: {error.message}") from None


def _check(response: aiohttp.ClientResponse, name: str) -> None:
    status = response.status
    if 200 <= status < 300 or status in (304, 404, 416):
        return
    if status in (401, 403):
        raise Denied(f"upstream of {name} refuses: status {status}")
    if status == 429:
        after = response.headers.get("Retry-After", "")
        headers = {"Retry-After": after} if after.isdigit() else {}
        raise TooManyRequests(f"upstream of {name} limits the rate of requests", headers=headers)
    raise Unavailable(f"upstream of {name} answered {status}")
