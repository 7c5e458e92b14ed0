"""What a Deployment's status says, and whether it gets on. Pure; upstream's sync.go and progress.go"""

from collections.abc import Sequence

from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments.scaling import max_unavailable
from sampan.kube.controllers.deployments.sets import LARGEST, count, replicas, together, total
from sampan.specs.kubernetes import objects, time
from sampan.specs.kubernetes.conditions import find

AVAILABLE, PROGRESSING, FAILURE = "Available", "Progressing", "ReplicaFailure"
PAUSED, RESUMED, TIMED_OUT = "DeploymentPaused", "DeploymentResumed", "ProgressDeadlineExceeded"
FOUND, CREATED, CREATE_ERROR = "FoundNewReplicaSet", "NewReplicaSetCreated", "ReplicaSetCreateError"
UPDATED, COMPLETE = "ReplicaSetUpdated", "NewReplicaSetAvailable"


def condition(kind: str, status: str, reason: str, message: str, now: float) -> Object:
    stamp = time.text(now)
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": stamp,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }


def with_condition(status: Object, new: Object) -> Object:
    """At the end, unless it says nothing new; it keeps the time since when it is so."""
    known = find(status.get("conditions"), new["type"])
    if known is not None and known["status"] == new["status"]:
        if known.get("reason", "") == new["reason"]:
            return status
        new = {**new, "lastTransitionTime": known.get("lastTransitionTime")}
    return {**status, "conditions": [*without_condition(status, new["type"])["conditions"], new]}


def without_condition(status: Object, kind: str) -> Object:
    return {**status, "conditions": [one for one in status.get("conditions") or () if one["type"] != kind]}


def has_deadline(deployment: Object) -> bool:
    return deployment["spec"].get("progressDeadlineSeconds") not in (None, LARGEST)


def progressing(deployment: Object) -> Object:
    """The condition, or an empty one."""
    return objects.condition(deployment, PROGRESSING) or {}


def counted(deployment: Object, old: Sequence[Object], new: Object | None, now: float) -> Object:
    """The status but for progress: what the sets say they have, and whether enough of it is available."""
    sets = together(old, new)
    available = total(sets, "availableReplicas")
    known = deployment.get("status") or {}
    found: Object = {"observedGeneration": deployment["metadata"].get("generation", 0)}
    numbers = {
        "replicas": total(sets, "replicas"),
        "updatedReplicas": total([new] if new is not None else [], "replicas"),
        "readyReplicas": total(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(total(sets) - available, 0),
    }
    found.update((name, min(number, LARGEST)) for name, number in numbers.items() if number)
    terminating = _terminating(sets)
    if terminating is not None:
        found["terminatingReplicas"] = terminating
    if known.get("collisionCount") is not None:
        found["collisionCount"] = known["collisionCount"]
    found["conditions"] = list(known.get("conditions") or ())
    if available >= replicas(deployment) - max_unavailable(deployment):
        row = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        row = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return with_condition(found, condition(AVAILABLE, *row, now))


def _terminating(sets: Sequence[Object]) -> int | None:
    """None as long as one of them does not tell; one that is quite new has none."""
    known = 0
    for one in sets:
        status = one.get("status") or {}
        if status.get("terminatingReplicas") is None:
            if not status.get("observedGeneration"):
                continue
            return None
        known += status["terminatingReplicas"]
    return known


def is_complete(deployment: Object, status: Object) -> bool:
    wanted = replicas(deployment)
    counts = (status.get(name) or 0 for name in ("updatedReplicas", "replicas", "availableReplicas"))
    observed = status.get("observedGeneration") or 0
    return all(each == wanted for each in counts) and observed >= deployment["metadata"].get("generation", 0)


def rolled(deployment: Object, old: Sequence[Object], new: Object | None, now: float) -> Object:
    """The status with how the rollout gets on, and what of its sets cannot have pods."""
    status = counted(deployment, old, new, now)
    if not has_deadline(deployment):
        status = without_condition(status, PROGRESSING)
    else:
        status = _with_progress(deployment, status, new, now)
    failure = _failure(new, old)
    if failure is None:
        return without_condition(status, FAILURE)
    return with_condition(status, failure)


def _with_progress(deployment: Object, status: Object, new: Object | None, now: float) -> Object:
    known = progressing(deployment)
    replaced = status.get("replicas") == status.get("updatedReplicas")
    if replaced and known.get("reason") == COMPLETE:
        return status  # no rollout, but pods that come and go
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new is not None else _named(deployment)
    if is_complete(deployment, status):
        message = f"{name} has successfully progressed."
        return with_condition(status, condition(PROGRESSING, "True", COMPLETE, message, now))
    if _gets_on(deployment, status):
        found = condition(PROGRESSING, "True", UPDATED, f"{name} is progressing.", now)
        if known.get("status") == "True":
            found["lastTransitionTime"] = known.get("lastTransitionTime")
        return with_condition(without_condition(status, PROGRESSING), found)
    if has_timed_out(deployment, status, now):
        message = f"{name} has timed out progressing."
        return with_condition(status, condition(PROGRESSING, "False", TIMED_OUT, message, now))
    return status


def _named(deployment: Object) -> str:
    return f'Deployment "{deployment["metadata"]["name"]}"'


def _gets_on(deployment: Object, status: Object) -> bool:
    """More new pods, fewer old ones, more that are ready or available."""
    before = deployment.get("status") or {}

    def change(name: str) -> int:
        return int((status.get(name) or 0) - (before.get(name) or 0))

    fewer_old = change("replicas") < change("updatedReplicas")
    more = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return fewer_old or any(change(name) > 0 for name in more)


def has_timed_out(deployment: Object, status: Object, now: float) -> bool:
    known = find(status.get("conditions"), PROGRESSING)
    if known is None or not has_deadline(deployment) or known.get("reason") == COMPLETE:
        return False
    if known.get("reason") == TIMED_OUT:
        return True
    since = time.seconds(known.get("lastUpdateTime")) or 0.0
    return bool(since + deployment["spec"]["progressDeadlineSeconds"] < now)


def next_check(deployment: Object, status: Object, now: float) -> float | None:
    """In how many seconds the deadline for progress has passed, if nothing happens before."""
    known = find(status.get("conditions"), PROGRESSING)
    if known is None or not has_deadline(deployment) or known.get("reason") in (TIMED_OUT, COMPLETE):
        return None
    if deployment["spec"].get("paused") or is_complete(deployment, status):
        return None
    since = time.seconds(known.get("lastUpdateTime")) or 0.0
    return max(since + float(deployment["spec"]["progressDeadlineSeconds"]) - now, 0.0) + 1


def _failure(new: Object | None, old: Sequence[Object]) -> Object | None:
    """Why a set cannot have its pods; the newest's reason before those of the others."""
    for one in ([new] if new is not None else []) + list(old):
        found = objects.condition(one, FAILURE)
        if found is not None:
            return {**found, "lastUpdateTime": found.get("lastTransitionTime")}
    return None


def pausing(deployment: Object, now: float) -> Object | None:
    """The condition that tells that it is paused, or is so no more; None if that is no news."""
    known = progressing(deployment)
    if not has_deadline(deployment) or known.get("reason") == TIMED_OUT:
        return None
    paused, told = bool(deployment["spec"].get("paused")), known.get("reason") == PAUSED
    if paused and not told:
        return condition(PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now)
    if told and not paused:
        return condition(PROGRESSING, "Unknown", RESUMED, "Deployment is resumed", now)
    return None


def waits_for(deployment: Object, old: Sequence[Object], new: Object | None) -> tuple[str, str, str] | None:
    """Why it is not done: a reason, a sentence, and what would help. None if it is."""
    status = deployment.get("status") or {}
    if is_complete(deployment, status):
        return None
    failure = _failure(new, old)
    if failure is not None:
        return FAILURE, str(failure.get("message", "")), "let its pods be created"
    if deployment["spec"].get("paused"):
        return PAUSED, "it is paused", f"kubectl rollout resume deployment/{deployment['metadata']['name']}"
    available = count(new, "availableReplicas") if new is not None else 0
    message = f"{available} of {replicas(deployment)} new pods are available"
    remaining = total(old, "replicas")
    if remaining:
        message += f", {remaining} old ones remain"
    late = progressing(deployment).get("reason") == TIMED_OUT
    return TIMED_OUT if late else "WaitsForPods", message, "see why its pods are not ready"
