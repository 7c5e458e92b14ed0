"""What is looked at for an answer, asked of the API server."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sampan.errors import SampanError
from sampan.kube.client.discovery import discover
from sampan.kube.client.requests import METADATA_LIST, Client, Object, ResourcePath
from sampan.kube.client.resources import (
    API_SERVICES,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    EVENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    RESOURCE_QUOTAS,
    SERVICES,
)
from sampan.kube.explain import places, pods, workloads
from sampan.kube.explain.explanation import Explanation, Seen
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.pods import node_name
from sampan.specs.kubernetes.status import StatusError, is_not_found

MOST_LEFT = 200  # objects of a namespace that are looked at


class Looking:
    """Raises StatusError for the object that is asked about; what else cannot be seen is told as unseen."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._unseen: set[str] = set()

    async def _list(
        self, resource: ResourcePath, namespace: str = "", query: Mapping[str, str] | None = None
    ) -> list[Object]:
        try:
            page = await self._client.request("GET", resource.path(namespace), query=query)
        except (StatusError, SampanError):
            self._unseen.add(resource.plural)
            return []
        return list(page.get("items") or ())

    async def _seen(self, kind: str, value: Object, **around: Sequence[Object]) -> Seen:
        metadata = value["metadata"]
        query = {"fieldSelector": f"involvedObject.uid={metadata['uid']}"}
        events, decisions = await asyncio.gather(
            self._list(EVENTS, metadata.get("namespace", ""), query), self._decisions(metadata["uid"])
        )
        events.sort(key=_time)
        return Seen(kind, value, events, decisions, around, now=self._clock(), unseen=frozenset(self._unseen))

    async def _decisions(self, uid: str) -> list[Mapping[str, Any]]:
        try:
            found = await self._client.request("GET", "/decisions", query={"uid": uid})
        except (StatusError, SampanError):
            return []
        return list(found) if isinstance(found, list) else []

    async def pod(self, namespace: str, name: str) -> Explanation:
        value = await self._client.get(PODS, namespace, name)
        nodes, services = await asyncio.gather(self._node_of(value), self._list(SERVICES, namespace))
        return pods.explain(await self._seen("pod", value, nodes=nodes, services=services))

    async def _node_of(self, pod: Object) -> list[Object]:
        name = node_name(pod)
        if not name:
            return []
        try:
            return [await self._client.get(NODES, "", name)]
        except StatusError as error:
            if not is_not_found(error):
                self._unseen.add(NODES.plural)
            return []

    async def deployment(self, namespace: str, name: str) -> Explanation:
        value = await self._client.get(DEPLOYMENTS, namespace, name)
        return workloads.deployment(await self._with_children("deployment", value, REPLICA_SETS))

    async def job(self, namespace: str, name: str) -> Explanation:
        value = await self._client.get(JOBS, namespace, name)
        return workloads.job(await self._with_children("job", value))

    async def _with_children(self, kind: str, value: Object, between: ResourcePath | None = None) -> Seen:
        namespace = value["metadata"]["namespace"]
        owned: list[Object] = []
        if between is not None:
            owned = workloads.controlled(value, await self._list(between, namespace))
        of = [one for owner in (value, *owned) for one in [owner["metadata"]["uid"]]]
        found = [one for one in await self._list(PODS, namespace) if workloads.controller_uid(one) in of]
        children = [
            await self._seen("pod", pod, nodes=await self._node_of(pod))
            for pod in workloads.worst_first(found)
        ]
        seen = await self._seen(kind, value)
        decisions = [*seen.decisions]
        for owner in owned:
            decisions += await self._decisions(owner["metadata"]["uid"])
        return replace(seen, decisions=decisions, children=children)

    async def namespace(self, _namespace: str, name: str) -> Explanation:
        value = await self._client.get(NAMESPACES, "", name)
        going = is_going(value)
        left = await self._left(name) if going else []
        quotas, services = await asyncio.gather(self._list(RESOURCE_QUOTAS, name), self._list(API_SERVICES))
        return places.namespace(
            await self._seen("namespace", value, left=left, resourcequotas=quotas, apiservices=services)
        )

    async def _left(self, namespace: str) -> list[Object]:
        """Whatever is in it, metadata only; what holds on by finalizers first."""
        found: list[Object] = []
        for one in await discover(self._client):
            if (
                not (one.path.namespaced and one.preferred and "list" in one.verbs)
                or one.path.plural == "events"
            ):
                continue
            try:
                page = await self._client.request(
                    "GET", one.path.path(namespace), query={"limit": str(MOST_LEFT)}, accept=METADATA_LIST
                )
            except (StatusError, SampanError):
                self._unseen.add(one.path.plural)
                continue
            found += [{**value, "kind": one.kind} for value in page.get("items") or ()]
        return sorted(found, key=lambda value: not value["metadata"].get("finalizers"))[:MOST_LEFT]

    async def node(self, _namespace: str, name: str) -> Explanation:
        value = await self._client.get(NODES, "", name)
        on, budgets = await asyncio.gather(
            self._list(PODS, query={"fieldSelector": f"spec.nodeName={name}"}), self._list(DISRUPTION_BUDGETS)
        )
        return places.node(await self._seen("node", value, pods=on, poddisruptionbudgets=budgets))

    def of(self, kind: str) -> Callable[[str, str], Awaitable[Explanation]]:
        """Raises KeyError."""
        return {
            "pod": self.pod,
            "deployment": self.deployment,
            "job": self.job,
            "namespace": self.namespace,
            "node": self.node,
        }[kind]


def _time(event: Object) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(one) for one in times if one), "")
