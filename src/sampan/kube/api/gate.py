"""Who sends a request, as whom, and whether they may: what stands before everything else."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from aiohttp import web

from sampan.kube.access.authentication import Authenticator
from sampan.kube.access.authorization import Authorizer, refusal
from sampan.kube.access.impersonation import impersonated, is_asked
from sampan.kube.access.user import Attributes, User


class Gate:
    def __init__(
        self, authenticator: Authenticator, authorizer: Authorizer, clock: Callable[[], float]
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._clock = clock
        # What a connection has shown stays the same while it lasts.
        self._shown: WeakKeyDictionary[object, bytes | None] = WeakKeyDictionary()

    async def authenticate(self, request: web.BaseRequest, path: str) -> User:
        """The user that the request acts as; raises StatusError."""
        headers = request.headers
        now = datetime.fromtimestamp(self._clock(), UTC)
        verified = await self._authenticator.authenticate(self._certificate(request), headers, path, now)
        if is_asked(headers):
            return await impersonated(verified.user, headers, self._authorizer)
        return verified.user

    def _certificate(self, request: web.BaseRequest) -> bytes | None:
        protocol = request.protocol
        try:
            return self._shown[protocol]
        except KeyError:
            pass
        session = request.get_extra_info("ssl_object")
        found = session.getpeercert(True) if isinstance(session, ssl.SSLObject) or session else None
        self._shown[protocol] = found
        return found

    async def check(self, attributes: Attributes) -> None:
        """Raises the StatusError of a request that is not allowed."""
        decision = await self._authorizer.authorize(attributes)
        if not decision.allowed:
            raise refusal(attributes, decision.reason)
