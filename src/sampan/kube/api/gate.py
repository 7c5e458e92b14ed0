"""Who sends a request, as whom, and whether they may: what stands before everything else."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web

from sampan.kube.access.authentication import Authenticator
from sampan.kube.access.authorization import Authorizer, refusal
from sampan.kube.access.impersonation import impersonated, is_asked
from sampan.kube.access.user import Attributes, User
from sampan.kube.api import auditing
from sampan.kube.api.headers import all_readable


class Gate:
    def __init__(
        self, authenticator: Authenticator, authorizer: Authorizer, clock: Callable[[], float]
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._clock = clock

    async def authenticate(self, request: web.BaseRequest, path: str) -> User:
        """The user that the request acts as; raises StatusError."""
        headers = all_readable(request.headers)
        now = datetime.fromtimestamp(self._clock(), UTC)
        verified = await self._authenticator.authenticate(self._certificate(request), headers, path, now)
        if verified.annotations:
            auditing.record(request).notes = verified.annotations
        if is_asked(headers):
            auditing.record(request).sender = verified.user
            return await impersonated(verified.user, headers, self._authorizer)
        return verified.user

    @staticmethod
    def _certificate(request: web.BaseRequest) -> bytes | None:
        session: ssl.SSLObject | None = request.get_extra_info("ssl_object")
        return session.getpeercert(True) if session is not None else None

    async def check(self, request: web.BaseRequest, attributes: Attributes) -> None:
        """Raises the StatusError of a request that is not allowed."""
        decision = await self._authorizer.authorize(attributes)
        auditing.decided(request, decision.allowed, decision.reason)
        if not decision.allowed:
            raise refusal(attributes, decision.reason)
