"""What is to be done for a Deployment, while it is being decided: nothing is written yet. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sampan.kube.client.recorder import NORMAL
from sampan.kube.client.requests import Object
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.deployments import history, scaling, sets, status
from sampan.kube.controllers.events import Event
from sampan.specs.kubernetes.hashes import template_hash
from sampan.specs.kubernetes.objects import annotations_of

LONGEST_NAME = 253


@dataclass(frozen=True)
class Write:
    """`verb`: create, update or delete, of a ReplicaSet; the events are told once that is done."""

    verb: str
    value: Object
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class View:
    """A Deployment, its ReplicaSets, and their pods by the sets' uids."""

    deployment: Object
    sets: Sequence[Object]
    pods: Mapping[str, Sequence[Object]]
    now: float


@dataclass(frozen=True)
class Plan:
    """Writes of sets in their order, then the Deployment's own: its status, or `restored`, all of it."""

    writes: tuple[Write, ...]
    deployment: Object
    events: tuple[Event, ...] = ()
    restored: bool = False
    again: float | None = None
    waits: tuple[str, str, str] | None = None


@dataclass
class Draft:
    view: View
    deployment: Object
    new: Object | None
    old: list[Object]
    writes: dict[str, Write] = field(default_factory=dict)

    # --- sets

    def update(self, one: Object, changed: Object, events: Iterable[Event] = ()) -> Object:
        """Write a set as `changed`; several changes of one are one write."""
        name = changed["metadata"]["name"]
        known = self.writes.get(name)
        verb, before = (known.verb, known.events) if known is not None else ("update", ())
        self.writes[name] = Write(verb, changed, (*before, *events))
        if self.new is one:
            self.new = changed
        self.old = [changed if each is one else each for each in self.old]
        return changed

    def scale(self, one: Object, size: int) -> bool:
        """Give a set so many replicas; False if it has them."""
        if sets.replicas(one) == size:
            return False
        self.resize(one, size)
        return True

    def resize(self, one: Object, size: int) -> None:
        """The same, and let it know of the Deployment's size in any case."""
        before = sets.replicas(one)
        annotations = {**annotations_of(one), **scaling.size_annotations(self.deployment)}
        if before == size and annotations == annotations_of(one):
            return
        changed = sets.changed(one, spec={"replicas": size}, annotations=annotations)
        direction = "up" if before < size else "down"
        message = f"Scaled {direction} replica set {one['metadata']['name']} from {before} to {size}"
        self.update(one, changed, [Event(NORMAL, "ScalingReplicaSet", message)] if before != size else ())

    def delete(self, ones: Iterable[Object]) -> None:
        for one in ones:
            self.writes[one["metadata"]["name"]] = Write("delete", one)

    # --- the newest set

    def keep_new(self) -> None:
        """Let the newest set and the Deployment know its revision, if there is one."""
        if self.new is None:
            return
        annotations = history.annotated(self.deployment, self.new, history.next_revision(self.old))
        delay = self.deployment["spec"].get("minReadySeconds") or 0
        same_delay = (self.new["spec"].get("minReadySeconds") or 0) == delay
        if annotations != annotations_of(self.new) or not same_delay:
            spec = {"minReadySeconds": delay}
            self.update(self.new, sets.changed(self.new, spec=spec, annotations=annotations))
        self._tell_revision(annotations_of(self.new).get(sets.REVISION, ""))
        if status.has_deadline(self.deployment) and not status.progressing(self.deployment):
            self._progress(status.FOUND, f'Found new replica set "{self.new["metadata"]["name"]}"')

    def need_new(self) -> None:
        """Create it, if there is none."""
        if self.new is not None:
            return
        own = history.next_revision(self.old)
        made = new_set(self.deployment)
        made["spec"]["replicas"] = size = scaling.replicas_of_new(self.deployment, [*self.old, made], made)
        made["metadata"]["annotations"] = history.annotated(self.deployment, made, own, created=True)
        name = made["metadata"]["name"]
        message = f"Scaled up replica set {name} from 0 to {size}"
        events = (Event(NORMAL, "ScalingReplicaSet", message),) if size else ()
        self.writes[name] = Write("create", made, events)
        self.new = made
        self._tell_revision(str(own))
        if status.has_deadline(self.deployment):
            self._progress(status.CREATED, f'Created new replica set "{name}"')

    def _tell_revision(self, own: str) -> None:
        metadata = self.deployment["metadata"]
        annotations = {**annotations_of(self.deployment), sets.REVISION: own}
        self.deployment = {**self.deployment, "metadata": {**metadata, "annotations": annotations}}

    def _progress(self, reason: str, message: str) -> None:
        self.tell(status.condition(status.PROGRESSING, "True", reason, message, self.view.now))

    def tell(self, condition: Object) -> None:
        known = self.deployment.get("status") or {}
        self.deployment = {**self.deployment, "status": status.with_condition(known, condition)}

    # --- the end

    def clean_up(self) -> None:
        self.delete(history.superfluous(self.deployment, self.old))

    def plan(self, *, rollout: bool) -> Plan:
        """With the status; `rollout`: also with how that gets on."""
        make = status.rolled if rollout else status.counted
        now = self.view.now
        own = make(self.deployment, self.old, self.new, now)
        return Plan(
            tuple(self.writes.values()),
            {**self.deployment, "status": own},
            again=status.next_check(self.deployment, own, now) if rollout else None,
            waits=status.waits_for({**self.deployment, "status": own}, self.old, self.new),
        )


def new_set(deployment: Object) -> Object:
    """The ReplicaSet of a Deployment's template, without pods. Its name is always the same."""
    spec, metadata = deployment["spec"], deployment["metadata"]
    own = template_hash(spec["template"], (deployment.get("status") or {}).get("collisionCount"))
    given = spec["template"].get("metadata") or {}
    labels = {**(given.get("labels") or {}), sets.HASH: own}
    selector = spec["selector"]
    selector = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), sets.HASH: own}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name'][: LONGEST_NAME - len(own) - 1]}-{own}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": spec.get("minReadySeconds") or 0,
            "selector": selector,
            "template": {**spec["template"], "metadata": {**given, "labels": labels}},
        },
    }
