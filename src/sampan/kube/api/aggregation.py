"""Group versions that other servers serve: requests for them are handed on, once it is known who may ask.

k8s.io/kube-aggregator/pkg/apiserver/handler_proxy.go
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote

from aiohttp import web

from sampan.kube.access.inflight import refusal
from sampan.kube.access.user import User
from sampan.kube.api import answers
from sampan.kube.api.auditing import audit_headers
from sampan.kube.api.extensions import Extension, Extensions
from sampan.kube.api.forwardedheaders import Unspeakable, request_headers
from sampan.kube.api.forwarding import forward, unreached
from sampan.kube.api.peers import BadBundle, Peer, Peers
from sampan.kube.api.serviceaddresses import NoAddress, choose
from sampan.kube.api.tunnels import is_upgrade, tunnel
from sampan.kube.kinds.resource import Reader
from sampan.tasks import Tasks

log = logging.getLogger("sampan.kube")

MOST = 100  # requests at once that wait for one server; a slow one must not use up what there is for all
PLAIN = "!$&'()*+,;=:@~"  # what a part of a path may have as it is. RFC 3986, 3.3


class Aggregation:
    """`handle` is for requests whose group version `extensions` has."""

    def __init__(self, extensions: Extensions, reader: Reader, peers: Peers) -> None:
        self._extensions = extensions
        self._reader = reader
        self._peers = peers
        self._waiting: Counter[str] = Counter()
        self._tunnels = Tasks()

    async def close(self) -> None:
        """End what was begun."""
        await self._tunnels.stop()

    def find(self, path: Sequence[str]) -> Extension | None:
        """Who serves a path, given by its parts; None: this server."""
        if len(path) >= 3 and path[0] == "apis":
            return self._extensions.find(path[1], path[2])
        if len(path) >= 2 and path[0] == "api":
            return self._extensions.find("", path[1])
        if len(path) == 5 and tuple(path[:3]) == ("openapi", "v3", "apis"):
            return self._extensions.find(path[3], path[4])
        return None

    async def handle(
        self, request: web.BaseRequest, to: Extension, parts: Sequence[str], user: User, *, lasts: bool
    ) -> web.StreamResponse:
        """`lasts`: the request is a watch, or something else that ends when its client likes."""
        path = forwarded_path(request.raw_path, parts)
        if path is None:
            return answers.plain("404 page not found\n", 404)
        if not to.available:
            return answers.plain("service unavailable\n", 503)
        try:
            peer = self.peer(to)
            headers = request_headers(request.headers, user, request.remote or "", peer.authority)
        except NoAddress as error:
            log.warning("APIService %s: %s", to.name, error)
            return answers.plain("service unavailable\n", 503)
        except BadBundle as error:
            return answers.plain(f"{error}\n", 500)
        except Unspeakable as error:
            return unreached(str(error))
        headers.update(audit_headers(request))
        if is_upgrade(request):
            return await tunnel(request, peer, path, headers, self._tunnels)
        with self._place(to, lasts=lasts):
            return await forward(self._peers.session(), request, peer, path, headers, lasts=lasts)

    def peer(self, to: Extension, *, verify: bool = True) -> Peer:
        """The server at one of its addresses. Raises NoAddress, BadBundle."""
        host, port = choose(self._reader, to.namespace, to.service, to.port)
        context = self._peers.context(to.bundle, verify=verify and not to.skip_verify)
        return Peer(host, port, to.host, context)

    @contextmanager
    def _place(self, to: Extension, *, lasts: bool) -> Iterator[None]:
        if lasts:
            yield
            return
        if self._waiting[to.name] >= MOST:
            raise refusal()
        self._waiting[to.name] += 1
        try:
            yield
        finally:
            self._waiting[to.name] -= 1
            self._waiting += Counter()  # forgets who has none


def forwarded_path(raw: str, parts: Sequence[str]) -> str | None:
    """The path, as it was understood here when it was decided who may ask, with its query.

    None: another server could take it for another one.
    """
    if any(one in (".", "..") for one in parts):
        return None
    path, mark, query = raw.partition("?")
    end = "/" if path.endswith("/") else ""
    return "/" + "/".join(quote(one, safe=PLAIN) for one in parts) + end + mark + query
