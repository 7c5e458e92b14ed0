"""What is to be done for a StatefulSet, as it is now. Pure; upstream's stateful_set_control.go

One pod at a time, in order, unless the set is parallel: nothing is begun before all pods of lower numbers are
available, and nothing is taken away while another pod is not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.controllers import revisions
from sampan.kube.controllers.statefulsets import storage
from sampan.kube.controllers.statefulsets.identity import (
    corrected,
    first_ordinal,
    has_its_storage,
    is_itself,
    new_pod,
    ordinal,
    ordinals,
    revision_of,
)
from sampan.kube.controllers.statefulsets.status import status_of
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.pods import is_available, is_finished, is_ready, phase

PARALLEL, ON_DELETE, ROLLING = "Parallel", "OnDelete", "RollingUpdate"
MOST_MISSING = 500  # pods that are made at once: whoever asks for two billion gets them little by little


@dataclass(frozen=True)
class View:
    """What a decision is made of. `claims` by name; `current` and `update` are revisions."""

    owner: Object
    current: Object
    update: Object
    collisions: int
    pods: Sequence[Object]
    claims: Mapping[str, Object]
    now: float

    @property
    def parallel(self) -> bool:
        return bool(self.owner["spec"].get("podManagementPolicy") == PARALLEL)

    def available(self, pod: Object) -> bool:
        """And not on its way out."""
        return not is_going(pod) and is_available(pod, self.min_ready_seconds, self.now)

    @property
    def min_ready_seconds(self) -> int:
        return self.owner["spec"].get("minReadySeconds") or 0


@dataclass(frozen=True)
class Step:
    """What is done for one pod, in the order of the fields; the first failure ends it."""

    pod: Object
    claims: tuple[Object, ...] = ()  # to be created
    leaving: tuple[str, ...] = ()  # claims that must have gone before anything else
    create: bool = False
    owners: tuple[tuple[Object, list[Object]], ...] = ()  # claims, and the owners that they are to have
    contested: tuple[str, ...] = ()  # claims that somebody else controls
    update: Object | None = None  # the pod as it should be
    delete: bool = False

    def __bool__(self) -> bool:
        return any((self.claims, self.leaving, self.create, self.owners, self.update, self.delete))


@dataclass(frozen=True)
class Plan:
    """Stages are done one after the other, as long as all goes well."""

    status: Object
    stages: tuple[tuple[Step, ...], ...] = ()
    outdated: Object | None = None  # after all stages: the pod that makes way for one of the new revision
    waits: str = ""  # for what, in a sentence


def plan(view: View) -> Plan:
    """A set on its way out only has its status told."""
    replicas, condemned = arranged(view)
    status = status_of(view.owner, view.current, view.update, view.collisions, view.pods, view.now)
    if is_going(view.owner):
        return Plan(status)
    steps, waits = _living(view, replicas)
    stages = [steps]
    if not waits:
        stages.append([_with_claims(view, pod) for pod in condemned])
        steps, waits = _condemned(view, replicas, condemned)
        stages.append(steps)
    outdated = None
    if len(replicas) < len(ordinals(view.owner)):
        waits = waits or "more pods are to be created"
    if not waits:
        outdated, waits = _outdated(view, replicas)
    done = tuple(tuple(one for one in stage if one) for stage in stages)
    return Plan(status, tuple(stage for stage in done if stage), outdated, waits)


def arranged(view: View) -> tuple[list[Object], list[Object]]:
    """The pods that there should be, with those made that are missing and can be created now; and the others,
    highest number first.
    """
    wanted = ordinals(view.owner)
    by_number = {number: pod for pod in view.pods if (number := ordinal(pod)) >= 0}
    missing = (one for one in wanted if one not in by_number)
    replicas = {one: pod for one, pod in by_number.items() if one in wanted}
    replicas |= {one: _made(view, one) for one in islice(missing, MOST_MISSING if view.parallel else 1)}
    condemned = [by_number[one] for one in sorted(by_number, reverse=True) if one not in wanted]
    return [replicas[one] for one in sorted(replicas)], condemned


def _made(view: View, number: int) -> Object:
    """Of the update's revision, or the current one below the partition."""
    revision = view.current if number < first_ordinal(view.owner) + _kept(view.owner) else view.update
    template = revisions.template_of(revision) or view.owner["spec"]["template"]
    return new_pod(view.owner, template, revision["metadata"]["name"], number)


def _kept(owner: Object) -> int:
    """How many pods, from the first, are to stay at the current revision."""
    strategy = owner["spec"].get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        return int(rolling.get("partition") or 0)
    if strategy.get("type") != ROLLING:
        return 0
    return int((owner.get("status") or {}).get("currentReplicas") or 0)


def _is_made(pod: Object) -> bool:
    """Does the server know it?"""
    return "uid" in pod["metadata"]


def _living(view: View, replicas: Iterable[Object]) -> tuple[list[Step], str]:
    steps = []
    for pod in replicas:
        step, waits = _replica(view, pod)
        steps.append(step)
        if waits and not view.parallel:
            return steps, waits
    return steps, ""


def _replica(view: View, pod: Object) -> tuple[Step, str]:
    """What is done for one pod that there should be, and what those of higher numbers wait for."""
    name, number = pod["metadata"]["name"], ordinal(pod)
    if is_finished(pod):
        return Step(pod, delete=not is_going(pod)), f"{name} has ended and is to be made anew"
    if not _is_made(pod):
        if storage.is_stale(view.owner, number, view.claims):
            return Step(pod), f"the claims of {name} are still being deleted with the pod before it"
        step = Step(pod, **_needed_claims(view, pod), create=True, owners=_owners(view, pod))
        return step, f"{name} is to be created"
    if not view.parallel and (waits := _waits_for(view, pod)):
        return _pending(view, pod), waits
    return _kept_right(view, pod), ""


def _waits_for(view: View, pod: Object) -> str:
    """Why pods of higher numbers must wait for this one."""
    name = pod["metadata"]["name"]
    if is_going(pod):
        return f"{name} is being deleted"
    if not (phase(pod) == "Running" and is_ready(pod)):
        return f"{name} is not running and ready"
    if not is_available(pod, view.min_ready_seconds, view.now):
        return f"{name} has not been ready for {view.min_ready_seconds} s"
    return ""


def _owners(view: View, pod: Object) -> tuple[tuple[Object, list[Object]], ...]:
    return storage.disowned(view.owner, pod, view.claims)


def _pending(view: View, pod: Object) -> Step:
    """A pod that has not started may wait for claims that have gone."""
    if phase(pod) != "Pending":
        return Step(pod)
    return replace(_with_claims(view, pod), **_needed_claims(view, pod))


def _needed_claims(view: View, pod: Object) -> dict[str, Any]:
    number = ordinal(pod)
    return {
        "claims": storage.missing(view.owner, number, view.claims),
        "leaving": tuple(storage.leaving(view.owner, number, view.claims)),
    }


def _kept_right(view: View, pod: Object) -> Step:
    """Its name, its claims and their owners are as they should be."""
    step = _with_claims(view, pod)
    stored = has_its_storage(view.owner, pod)
    if phase(pod) == "Pending" or not stored:
        step = replace(step, **_needed_claims(view, pod))
    if is_itself(pod) and stored and not step.owners:
        return step
    return replace(step, update=corrected(view.owner, pod))


def _with_claims(view: View, pod: Object) -> Step:
    owners = _owners(view, pod)
    contested = storage.contested(view.owner, pod, view.claims) if owners else ()
    return Step(pod, owners=owners, contested=tuple(contested))


def _condemned(view: View, replicas: Sequence[Object], condemned: Sequence[Object]) -> tuple[list[Step], str]:
    """The highest number goes first; all at once if the set is parallel."""
    if view.parallel:
        return [Step(pod, delete=not is_going(pod)) for pod in condemned], ""
    if not condemned:
        return [], ""
    pod = condemned[0]
    name = pod["metadata"]["name"]
    if is_going(pod):
        return [], f"{name} is being deleted"
    every = [*replicas, *reversed(condemned)]
    first = next((one for one in every if not view.available(one)), None)
    if pod is not first and not (phase(pod) == "Running" and view.available(pod)):
        waits = first["metadata"]["name"] if first is not None else name
        return [], f"{waits} must be available before {name} is scaled away"
    return [Step(pod, delete=True)], f"{name} is scaled away"


def _outdated(view: View, replicas: Sequence[Object]) -> tuple[Object | None, str]:
    """The highest pod that is not of the update's revision, once those above it are available."""
    strategy = view.owner["spec"].get("updateStrategy") or {}
    if strategy.get("type") == ON_DELETE:
        return None, ""
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    wanted = view.update["metadata"]["name"]
    first = first_ordinal(view.owner) + partition
    for pod in reversed([one for one in replicas if ordinal(one) >= first]):
        name = pod["metadata"]["name"]
        # What has ended goes anyway, to be made anew.
        if revision_of(pod) != wanted and not is_going(pod) and not is_finished(pod):
            return pod, f"{name} makes way for one of revision {wanted}"
        if not view.available(pod):
            return None, f"{name} of the new revision is not available"
    return None, ""
