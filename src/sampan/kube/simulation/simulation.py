"""One question after the other: what the API server says of an object, its pods' places, what it disturbs."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sampan.errors import NotFound
from sampan.kube.client.discovery import Discovered, discover
from sampan.kube.client.requests import Client, Object
from sampan.kube.simulation import workloads
from sampan.kube.simulation.placing import Landing, Placing
from sampan.specs.kubernetes import quotas
from sampan.specs.kubernetes.labels import from_object
from sampan.specs.kubernetes.objects import is_controlled_by, labels_of, owner
from sampan.specs.kubernetes.podamounts import ZERO, amounts
from sampan.specs.kubernetes.pods import MIRROR, is_finished, node_name
from sampan.specs.kubernetes.status import StatusError
from sampan.specs.terminal import harmless

APPLY = "application/apply-patch+yaml"
DRY = {"dryRun": "All", "fieldManager": "sampan-simulate"}


@dataclass
class Outcome:
    """Of one object, or of one pod of a node that is drained."""

    kind: str
    namespace: str
    name: str
    change: str = ""  # "created", "configured", "unchanged", "refused", "evicted", ...
    lines: list[str] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)  # one of each pod that finds a place
    unplaced: list[str] = field(default_factory=list)  # why not, one of each pod

    def text(self) -> str:
        """A few lines for a terminal."""
        where = f"{self.namespace}/" if self.namespace else ""
        lines = [f"{self.kind} {where}{self.name}: {self.change}", *(f"  {line}" for line in self.lines)]
        if self.nodes:
            lines.append(f"  {len(self.nodes)} pods land on {workloads.grouped(self.nodes)}")
        lines += [f"  a pod finds no node: {why}" for why in dict.fromkeys(self.unplaced)]
        return "\n".join(map(harmless, lines)) + "\n"

    def json(self) -> dict[str, Any]:
        """What `-o json` prints."""
        return asdict(self)


@dataclass
class Simulation:
    """`pods`, `nodes`, `budgets`, `quotas_of` as the cluster has them now."""

    client: Client
    placing: Placing
    nodes: Sequence[Object]
    pods: Sequence[Object]
    budgets: Sequence[Object]
    quotas: Sequence[Object]
    namespace: str
    replica_sets: Sequence[Object] = ()
    clock: Callable[[], float] = time.time
    _kinds: Mapping[tuple[str, str], Discovered] = field(default_factory=dict)
    _charged: list[Object] = field(default_factory=list)  # pods that would be there by now

    async def learn(self) -> None:
        """What the server knows of kinds."""
        found = await discover(self.client)
        self._kinds = {(one.path.api_version, one.kind): one for one in found}

    async def apply(self, value: Object) -> Outcome:
        """As if it were applied. The server is asked what it would make of it."""
        metadata = value.get("metadata") or {}
        kind = str(value.get("kind", "object"))
        known = self._kinds.get((str(value.get("apiVersion")), kind))
        if known is None:
            outcome = Outcome(kind.lower(), "", str(metadata.get("name", "")), "refused")
            outcome.lines.append(f"there is no kind {kind} in {value.get('apiVersion')}")
            return outcome
        namespace = str(metadata.get("namespace") or self.namespace) if known.path.namespaced else ""
        outcome = Outcome(
            kind.lower(), namespace, str(metadata.get("name") or metadata.get("generateName", ""))
        )
        old = await self._find(known, namespace, metadata.get("name"))
        try:
            new = await self._dry_run(known, namespace, value)
        except StatusError as error:
            outcome.change = "refused"
            outcome.lines.append(str(error))
            return outcome
        outcome.change = "created" if old is None else ("unchanged" if _same(old, new) else "configured")
        await self._consequences(outcome, old, {**new, "kind": kind, "apiVersion": value["apiVersion"]})
        return outcome

    async def _find(self, known: Discovered, namespace: str, name: object) -> Object | None:
        return await self.client.find(known.path, namespace, str(name)) if name else None

    async def _dry_run(self, known: Discovered, namespace: str, value: Object) -> Object:
        metadata = value.get("metadata") or {}
        if not metadata.get("name"):
            made: Object = await self.client.request("POST", known.path.path(namespace), value, query=DRY)
            return made
        path = known.path.path(namespace, str(metadata["name"]))
        query = {**DRY, "force": "true"}
        applied: Object = await self.client.request("PATCH", path, value, query=query, content_type=APPLY)
        return applied

    async def _consequences(self, outcome: Outcome, old: Object | None, new: Object) -> None:
        if new["kind"] not in workloads.KINDS or outcome.change == "unchanged":
            return
        pods = workloads.pods_of(new, self.nodes)
        if (wanted := workloads.wanted(new)) > workloads.MOST:
            outcome.lines.append(f"of its {wanted} pods the first {workloads.MOST} are looked at")
        self.placing.suppose(workloads.owner_of(new))
        going: list[Object] = []
        if old is not None and new["kind"] != "Pod":
            there = self._controlled(old)
            if workloads.differs(old, new):
                going = there
                outcome.lines += _rollout(new, len(there))
            else:
                outcome.lines.append(f"{len(pods) - len(there):+d} pods")
                pods = pods[len(there) :]
        if pods and new["kind"] != "Pod":
            pods = await self._admitted(outcome, pods)
        surge = workloads.steps(new)[0] if new["kind"] == "Deployment" else 0
        for number, pod in enumerate(pods):
            if number >= surge and going:
                self.placing.remove(going.pop())
            self._land(outcome, self.placing.place(pod))
        for pod in going:
            self.placing.remove(pod)

    def _controlled(self, value: Object) -> list[Object]:
        """Its pods, its own or those of its ReplicaSets."""
        uid = value["metadata"]["uid"]
        uids = {uid, *(one["metadata"]["uid"] for one in self.replica_sets if is_controlled_by(one, uid))}
        return [
            pod
            for pod in self.pods
            if not is_finished(pod) and (by := owner(pod)) is not None and by["uid"] in uids
        ]

    async def _admitted(self, outcome: Outcome, pods: list[Object]) -> list[Object]:
        """As the server would make them of the template; as many as the quotas leave room for."""
        known = self._kinds["v1", "Pod"]
        # The owner may not be there yet, so nobody may be named as such.
        metadata = {key: part for key, part in pods[0]["metadata"].items() if key != "ownerReferences"}
        first = {**pods[0], "metadata": metadata}
        try:
            made = await self._dry_run(known, outcome.namespace, first)
        except StatusError as error:
            outcome.lines.append(f"its pods would be refused: {error}")
            return []
        room, why = self._room(made, len(pods))
        if why:
            outcome.lines.append(f"{len(pods) - room} of {len(pods)} pods would be refused: {why}")
        self._charged += [made] * room
        spec = made.get("spec") or {}
        return [{**pod, "spec": {**spec, "affinity": pod["spec"].get("affinity")}} for pod in pods[:room]]

    def _room(self, pod: Object, wanted: int) -> tuple[int, str]:
        """How many more such pods the quotas allow, and the quota that ends it."""
        namespace = pod["metadata"]["namespace"]
        found = [
            self._room_in(one, pod, wanted)
            for one in self.quotas
            if one["metadata"].get("namespace") == namespace
        ]
        return min(found, key=lambda room: room[0], default=(wanted, ""))

    def _room_in(self, quota: Object, pod: Object, wanted: int) -> tuple[int, str]:
        now = self.clock()
        status = quota.get("status") or {}
        hard, used = amounts(status.get("hard")), amounts(status.get("used"))
        own = quotas.charged(quota, "pods", pod, now)
        others = [quotas.charged(quota, "pods", other, now) for other in self._charged]
        totals = {name: sum((one.get(name, ZERO) for one in others), used.get(name, ZERO)) for name in own}
        for number in range(wanted):
            for name in own:
                totals[name] = totals[name] + own[name]
                if name in hard and totals[name] > hard[name]:
                    of = f"{name}={hard[name]}, used: {used.get(name, ZERO)}"
                    return number, f"quota {quota['metadata']['name']} allows {of}"
        return wanted, ""

    def _land(self, outcome: Outcome, landing: Landing) -> None:
        if landing.node:
            outcome.nodes.append(landing.node)
            return
        more = f"; it would drive away {', '.join(landing.victims)}" if landing.victims else ""
        outcome.unplaced.append(landing.message + more)

    def drain(self, name: str) -> list[Outcome]:
        """As `kubectl drain` would: what goes, what may not, and where it comes back."""
        node = next((one for one in self.nodes if one["metadata"]["name"] == name), None)
        if node is None:
            raise NotFound(f"there is no node {name}")
        self.placing.close(node)
        allowed = {
            id(one): int((one.get("status") or {}).get("disruptionsAllowed", 0)) for one in self.budgets
        }
        return [self._evict(pod, allowed) for pod in self.pods if node_name(pod) == name]

    def _evict(self, pod: Object, allowed: dict[int, int]) -> Outcome:
        metadata = pod["metadata"]
        outcome = Outcome("pod", metadata.get("namespace", ""), metadata["name"])
        by = owner(pod)
        if MIRROR in (metadata.get("annotations") or {}) or (by is not None and by["kind"] == "DaemonSet"):
            outcome.change = "stays"
            return outcome
        covering = [one for one in self.budgets if _covers(one, pod)]
        blocking = next((one for one in covering if allowed[id(one)] < 1), None)
        if blocking is not None and not is_finished(pod):
            outcome.change = "blocked"
            outcome.lines.append(f"PodDisruptionBudget {blocking['metadata']['name']} allows no disruption")
            return outcome
        for one in covering:
            allowed[id(one)] -= 1
        outcome.change = "evicted"
        self.placing.remove(pod)
        if by is None:
            outcome.lines.append("nobody makes it again: kubectl drain wants --force")
        elif not is_finished(pod):
            self._land(outcome, self.placing.place(_anew(pod)))
        return outcome


def _covers(budget: Object, pod: Object) -> bool:
    """Does a disruption budget cover the pod?"""
    if budget["metadata"]["namespace"] != pod["metadata"].get("namespace"):
        return False
    selector = from_object((budget.get("spec") or {}).get("selector"))
    return selector.matches(labels_of(pod))


def _anew(pod: Object) -> Object:
    """As its owner makes it again."""
    metadata = {
        key: pod["metadata"][key]
        for key in ("namespace", "labels", "ownerReferences")
        if key in pod["metadata"]
    }
    spec = {key: part for key, part in (pod.get("spec") or {}).items() if key != "nodeName"}
    return {"metadata": {**metadata, "name": pod["metadata"]["name"]}, "spec": spec}


def _rollout(new: Object, there: int) -> list[str]:
    """What an update of the template means for the pods there are."""
    if not there:
        return []
    kind = new["kind"]
    if kind == "Deployment":
        surge, missing = workloads.steps(new)
        return [f"{there} pods are replaced, up to {surge} beside and {missing} missing at a time"]
    if kind in ("StatefulSet", "DaemonSet"):
        return [f"{there} pods are replaced, one after the other"]
    return [f"{there} pods stay as they are: only new ones are made of the new template"]


def _same(old: Object, new: Object) -> bool:
    """But for what every write changes."""

    def rest(value: Object) -> Object:
        ignored = ("managedFields", "resourceVersion", "generation")
        metadata = {key: part for key, part in value["metadata"].items() if key not in ignored}
        return {
            **{k: v for k, v in value.items() if k not in ("status", "kind", "apiVersion")},
            "metadata": metadata,
        }

    return rest(old) == rest(new)
