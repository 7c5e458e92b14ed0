"""Service accounts for the parts of a cluster, so that each may do no more than its role says."""

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace

from sampan.errors import SampanError
from sampan.kube.client.requests import Client, Endpoint, transport_of
from sampan.kube.client.resources import SERVICE_ACCOUNTS
from sampan.specs.kubernetes.status import StatusError, is_already_there, is_not_found

log = logging.getLogger("sampan.kube")

NAMESPACE = "kube-system"
LIFE = 3600  # seconds of a token, renewed at half of it
PAUSE = 0.5  # seconds between attempts
SOON = 0.02  # and until a token is asked for of an account that was made


class Accounts:
    """Clients that act as service accounts of kube-system, which `client` may make and give tokens for."""

    def __init__(self, client: Client, endpoint: Endpoint, stack: AsyncExitStack) -> None:
        """Their connections are closed with the stack."""
        self._client = client
        self._endpoint = replace(endpoint, certificate="", key="")
        self._transport = transport_of(self._endpoint)  # who asks is in each request, so all share it
        stack.push_async_callback(self._transport.close)

    async def client(self, name: str, group: asyncio.TaskGroup) -> Client:
        """Waits until there is a token; keeps it fresh in the group."""
        found = Client(self._endpoint, self._transport)
        await self._insist(name, found)
        group.create_task(self._keep(name, found))
        return found

    async def _keep(self, name: str, client: Client) -> None:
        while True:
            await asyncio.sleep(LIFE / 2)
            await self._insist(name, client)

    async def _insist(self, name: str, client: Client) -> None:
        pause = await self._renew(name, client)
        while pause is not None:
            await asyncio.sleep(pause)
            pause = await self._renew(name, client)

    async def _renew(self, name: str, client: Client) -> float | None:
        """None: it has a token; else in how many seconds to ask again."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": LIFE},
        }
        path = SERVICE_ACCOUNTS.path(NAMESPACE, name, "token")
        try:
            answer = await self._client.request("POST", path, request)
        except (StatusError, SampanError) as error:
            if is_not_found(error) and await self._make(name):
                return SOON
            log.info("token for %s: %s", name, error)
            return PAUSE
        client.token = answer["status"]["token"]
        return None

    async def _make(self, name: str) -> bool:
        """Is there an account now?"""
        account = {"metadata": {"name": name, "namespace": NAMESPACE}}
        try:
            await self._client.create(SERVICE_ACCOUNTS, NAMESPACE, account)
        except (StatusError, SampanError) as error:
            if is_already_there(error):
                return True
            log.info("account %s: %s", name, error)
            return False
        return True
