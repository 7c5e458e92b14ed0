"""Whether a node still gives signs of life, by its status and its lease; and what is written if not. Pure.

kubernetes.io/docs/reference/node/node-status#heartbeats
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.objects import condition, is_true, labels_of
from sampan.specs.kubernetes.time import seconds, text

FAKE = "sampan.dev/fake"  # a label: nothing stands behind the node, so that nothing can be heard of it
TOLD_BY_KUBELET = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
NEVER = ("NodeStatusNeverUpdated", "Kubelet never posted node status.")
NO_MORE = ("NodeStatusUnknown", "Kubelet stopped posting node status.")


@dataclass(frozen=True)
class Grace:
    """Seconds of silence that a node is granted; defaults as upstream's options."""

    running: float = 50.0
    starting: float = 60.0


@dataclass(frozen=True)
class Health:
    """What was seen of a node, and when it last gave a sign."""

    uid: str
    seen: float  # seconds since 1970
    heartbeat: str | None = None  # of its condition Ready; None if that was never posted
    renewed: str = ""  # when its lease was, as the lease tells


def observe(before: Health | None, node: Object, lease: Object | None, now: float) -> Health:
    """A sign of life is a heartbeat, or a renewal, that was not there before: nobody compares clocks."""
    uid = node["metadata"]["uid"]
    current = condition(node, "Ready")
    heartbeat = None if current is None else current.get("lastHeartbeatTime") or ""
    if before is None or before.uid != uid:
        seen = seconds(node["metadata"].get("creationTimestamp")) if current is None else None
        found = Health(uid, now if seen is None else seen, heartbeat)
    elif heartbeat != before.heartbeat:
        found = replace(before, seen=now, heartbeat=heartbeat)
    else:
        found = before
    renewed = ((lease or {}).get("spec") or {}).get("renewTime") or ""
    # Of one form, so that their order is that of the times.
    if renewed > found.renewed:
        found = replace(found, seen=now, renewed=renewed)
    return found


def is_silent(health: Health, grace: Grace, now: float) -> bool:
    return now > health.seen + (grace.starting if health.heartbeat is None else grace.running)


def is_ready(node: Object) -> bool:
    return is_true(node, "Ready")


def is_fake(node: Object) -> bool:
    return FAKE in labels_of(node)


def unknown(node: Object, now: float) -> list[Object] | None:
    """The conditions of a node that nothing is heard of; None if they say so already.

    NetworkUnavailable is not among them: a node does not tell it of itself.
    """
    conditions: list[Object] = list((node.get("status") or {}).get("conditions") or ())
    at = {one.get("type"): number for number, one in enumerate(conditions)}
    before = list(conditions)
    for kind in TOLD_BY_KUBELET:
        if kind not in at:
            conditions.append(_never(kind, node, now))
        elif conditions[at[kind]].get("status") != "Unknown":
            conditions[at[kind]] = _no_more(conditions[at[kind]], now)
    return conditions if conditions != before else None


def _never(kind: str, node: Object, now: float) -> Object:
    reason, message = NEVER
    return {
        "type": kind,
        "status": "Unknown",
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": node["metadata"].get("creationTimestamp"),
        "lastTransitionTime": text(now),
    }


def _no_more(condition: Object, now: float) -> Object:
    reason, message = NO_MORE
    found = {"status": "Unknown", "reason": reason, "message": message, "lastTransitionTime": text(now)}
    return {**condition, **found}


def not_ready(pods: Iterable[Object], now: float) -> list[Object]:
    """Those of a silent node's pods that still say they are ready, saying that they are not."""
    found = []
    for pod in pods:
        status = pod.get("status") or {}
        conditions = [_unready(one, now) for one in status.get("conditions") or ()]
        if conditions != (status.get("conditions") or []):
            found.append({**pod, "status": {**status, "conditions": conditions}})
    return found


def _unready(condition: Object, now: float) -> Object:
    if condition.get("type") != "Ready" or condition.get("status") == "False":
        return condition
    return {**condition, "status": "False", "lastTransitionTime": text(now)}
