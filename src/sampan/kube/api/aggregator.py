"""All of what has to do with servers that this one speaks for, put together."""

from collections.abc import Callable
from dataclasses import dataclass

from sampan.kube.api.aggregation import Aggregation
from sampan.kube.api.availability import Availability
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensiondocuments import ExtensionDocuments
from sampan.kube.api.extensions import API_SERVICES, Extensions
from sampan.kube.api.groupregistration import DEFINITIONS, GroupRegistration
from sampan.kube.api.hooks import Hooks
from sampan.kube.api.listening import follow
from sampan.kube.api.ownwrites import OwnWrites
from sampan.kube.api.peers import Peers
from sampan.kube.api.serviceaddresses import SLICES
from sampan.kube.kinds.resource import Reader
from sampan.kube.store.cache import Cache
from sampan.tasks import Tasks

FOLLOWING = (
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-discovery-controller",
    "apiservice-openapi-controller",
    "apiservice-openapiv3-controller",
)


@dataclass(frozen=True)
class Aggregator:
    extensions: Extensions
    requests: Aggregation
    documents: ExtensionDocuments
    availability: Availability
    registration: GroupRegistration
    peers: Peers
    tasks: Tasks

    async def start(self, cache: Cache, catalog: Catalog, hooks: Hooks) -> None:
        """Follow the cluster from now on; returns once all groups are registered."""
        told = dict.fromkeys((API_SERVICES, "services", "endpoints", SLICES), self.extensions.changed)
        hooks.runs(self.tasks.spawn(follow(cache, catalog, told, self._lost)), *FOLLOWING)
        registered = dict.fromkeys((DEFINITIONS, API_SERVICES), self.registration.changed)
        following = self.tasks.spawn(follow(cache, catalog, registered, self.registration.wake))
        hooks.runs(following, "apiservice-registration-controller")
        self.extensions.load()
        hooks.done("apiservice-wait-for-first-sync")
        self.availability.start()
        self.documents.start()
        await self.registration.settle()
        hooks.runs(self.tasks.spawn(self.registration.run()), "kube-apiserver-autoregistration")

    def _lost(self) -> None:
        self.extensions.load()
        self.extensions.wake()

    async def stop(self) -> None:
        await self.tasks.stop()
        await self.availability.stop()
        await self.documents.stop()
        await self.requests.close()
        await self.peers.close()


def aggregator(
    catalog: Catalog, reader: Reader, own: OwnWrites, show: Callable[[], tuple[str, str]]
) -> Aggregator:
    """`show`: files of the certificate and key that this server shows to the others."""
    extensions, peers = Extensions(reader), Peers(show)
    requests = Aggregation(extensions, reader, peers)
    documents = ExtensionDocuments(extensions, reader, requests, peers)
    availability = Availability(catalog, reader, own, extensions, peers)
    registration = GroupRegistration(catalog, reader, own)
    return Aggregator(extensions, requests, documents, availability, registration, peers, Tasks())
