"""Keeps the condition Available of APIServices: by what is known of the Service, and by asking its server.

k8s.io/kube-aggregator/pkg/controllers/status
"""

import asyncio
import random
from dataclasses import replace

from sampan.kube.api.asking import NoAnswer, ask
from sampan.kube.api.attendants import RESYNC, Attendants
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensions import API_SERVICES, Extension, Extensions
from sampan.kube.api.ownwrites import OwnWrites
from sampan.kube.api.peers import Peer, Peers
from sampan.kube.api.serviceaddresses import NoAddress, addresses, is_reached, named, slices
from sampan.kube.kinds.apiregistration.availability import (
    LOCAL,
    PASSED,
    Condition,
    failed,
    with_condition,
)
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.golang.quote import quote
from sampan.tasks import Tasks

ATTEMPTS = 5  # addresses of a Service that are asked at once


class Availability:
    def __init__(
        self, catalog: Catalog, reader: Reader, own: OwnWrites, extensions: Extensions, peers: Peers
    ) -> None:
        found = catalog.by_name(API_SERVICES)
        assert found is not None
        self._served = found
        self._reader = reader
        self._own = own
        self._peers = peers
        self._attendants = Attendants(
            extensions, reader, self._look, lambda one: replace(one, available=False)
        )
        self._tasks = Tasks()
        extensions.listeners.append(self._changed)

    def start(self) -> None:
        self._attendants.start()
        for one in self._reader.list(API_SERVICES):
            self._settle_local(one)

    async def stop(self) -> None:
        await self._attendants.stop()
        await self._tasks.stop()

    def _changed(self, resource: str, _namespace: str, name: str) -> None:
        if resource == API_SERVICES and (one := self._reader.get(API_SERVICES, "", name)) is not None:
            self._settle_local(one)

    def _settle_local(self, one: Object) -> None:
        """What this server has itself is there as long as this server is."""
        if one["spec"].get("service") is None and with_condition(one, LOCAL, "") is not one:
            self._tasks.spawn(self._write(one["metadata"]["name"], LOCAL, local=True))

    async def _look(self, to: Extension) -> float | None:
        condition = before_asking(self._reader, to) or await self._ask(to)
        await self._write(to.name, condition)
        return None if condition[1] == "FailedDiscoveryCheck" else RESYNC

    async def _write(self, name: str, condition: Condition, *, local: bool = False) -> None:
        def change(old: Object) -> Object:
            if (old["spec"].get("service") is None) is not local:
                return old  # it has become another one meanwhile
            return with_condition(old, condition, self._own.stamp)

        now = self._reader.get(API_SERVICES, "", name)
        if now is not None and change(now) is not now:
            await self._own.update(self._served, name, change, "status")

    async def _ask(self, to: Extension) -> Condition:
        """One server that answers is enough. Whose certificate it has does not matter here."""
        try:
            found = addresses(self._reader, to.namespace, to.service, to.port)
        except NoAddress as error:
            return failed("FailedDiscoveryCheck", str(error))
        context = self._peers.context("", verify=False)
        asked = random.sample(found, min(ATTEMPTS, len(found)))
        questions = [
            asyncio.ensure_future(self._ask_one(Peer(host, port, to.host, context), to.path))
            for host, port in asked
        ]
        try:
            why = ""
            for question in asyncio.as_completed(questions):
                why = await question
                if not why:
                    return PASSED
            return failed("FailedDiscoveryCheck", why)
        finally:
            for one in questions:
                one.cancel()
            await asyncio.wait(questions)

    async def _ask_one(self, peer: Peer, path: str) -> str:
        """Why it does not serve the group version; "" if it does."""
        url = peer.url(path)
        begin = f"failing or missing response from {url}: "
        try:
            found = await ask(self._peers, peer, path, {}, body=False)
        except NoAnswer as error:
            return f"{begin}Get {quote(url)}: {error}"
        return "" if 200 <= found.status < 300 else f"{begin}bad status from {url}: {found.status}"


def before_asking(reader: Reader, to: Extension) -> Condition | None:
    """What can be known without asking; None: nothing speaks against it."""
    where = f"service/{to.service} in {quote(to.namespace)}"
    service = reader.get("services", to.namespace, to.service)
    if service is None:
        return failed("ServiceNotFound", f"{where} is not present")
    spec = service.get("spec") or {}
    if spec.get("type") != "ClusterIP":
        return None
    port_name = named(spec, to.port)
    if port_name is None:
        return failed("ServicePortError", f"{where} is not listening on port {to.port}")
    found = slices(reader, to.namespace, to.service)
    if not found:
        return failed("EndpointsNotFound", f"cannot find endpointslices for {where}")
    if not is_reached(found, port_name):
        message = f"endpointslices for {where} have no addresses with port name {quote(port_name)}"
        return failed("MissingEndpoints", message)
    return None
