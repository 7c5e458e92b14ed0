"""A request that another server answers: handed on as it comes, and its answer handed back as that comes.

Nothing is held back but for what is on its way. k8s.io/apimachinery pkg/util/proxy, UpgradeAwareHandler.
"""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sampan.kube.api import answers
from sampan.kube.api.auditing import audit_headers
from sampan.kube.api.bodies import PATIENCE, too_late
from sampan.kube.api.dialfailures import reason
from sampan.kube.api.forwardedheaders import answer_headers
from sampan.kube.api.peers import Peer

REDIRECTED = "the backend attempted to redirect this request, which is not permitted"
BODILESS = (204, 304)


def unreached(why: str) -> web.Response:
    """503, in the words of upstream's proxy."""
    return answers.plain(f"error trying to reach service: {why}\n", 503)


async def forward(
    session: aiohttp.ClientSession,
    request: web.BaseRequest,
    peer: Peer,
    path: str,
    headers: CIMultiDict[str],
    *,
    lasts: bool,
) -> web.StreamResponse:
    """What `peer` answers to `path` (with its query). A request that does not last gets a minute."""
    exchange = _Exchange(request)
    try:
        async with asyncio.timeout(None if lasts else PATIENCE):
            return await exchange.run(session, peer, path, headers)
    except aiohttp.ConnectionTimeoutError:
        return unreached(f"dial tcp {peer.authority}: i/o timeout")
    except TimeoutError:
        if exchange.begun:
            return exchange.cut()
        raise too_late() from None
    except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, ValueError) as error:
        if exchange.begun:
            return exchange.cut()
        return unreached(reason(error))


class _Exchange:
    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self._answer: web.StreamResponse | None = None

    @property
    def begun(self) -> bool:
        """Has the client been told anything?"""
        return self._answer is not None

    def cut(self) -> web.StreamResponse:
        """An end that no client takes for a whole answer."""
        assert self._answer is not None
        if self._request.transport is not None:
            self._request.transport.abort()
        return self._answer

    async def run(
        self, session: aiohttp.ClientSession, peer: Peer, path: str, headers: CIMultiDict[str]
    ) -> web.StreamResponse:
        async with session.request(
            self._request.method,
            URL(peer.url(path), encoded=True),
            headers=headers,
            data=self._body() if self._request.can_read_body else None,
            ssl=peer.context,
            server_hostname=peer.name,
            allow_redirects=False,
        ) as response:
            if 300 <= response.status < 400 and response.headers.get("Location"):
                response.close()
                return answers.plain(REDIRECTED, 502)
            return await self._hand_back(response)

    async def _body(self) -> AsyncIterator[bytes]:
        async for part in self._request.content.iter_any():
            yield part

    async def _hand_back(self, response: aiohttp.ClientResponse) -> web.StreamResponse:
        headers = answer_headers(response.headers)
        headers.update(audit_headers(self._request))
        answer = web.StreamResponse(status=response.status, reason=response.reason, headers=headers)
        bare = self._request.method == "HEAD" or response.status in BODILESS
        if "Content-Length" not in headers and not bare:
            if self._request.version >= (1, 1):
                answer.enable_chunked_encoding()
            else:
                answer.force_close()
        self._answer = answer
        await answer.prepare(self._request)
        if not bare:
            async for part in response.content.iter_any():
                await answer.write(part)
        await answer.write_eof()
        return answer
