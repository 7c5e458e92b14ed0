"""Why a namespace does not go, and why a node takes no pods or cannot be emptied. Pure."""

from collections.abc import Sequence

from sampan.kube.client.requests import Object
from sampan.kube.explain.explanation import Explanation, Seen, finalizers, keeper, removal
from sampan.specs.kubernetes.labels import from_object
from sampan.specs.kubernetes.objects import condition, is_going

FINALIZER = "kubernetes"
FAILURES = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
)


def namespace(seen: Seen) -> Explanation:
    """What is left in it stands in `around` under "left"."""
    if not is_going(seen.value):
        return seen.because("Active", "nothing stands in its way", also=_full(seen.near("resourcequotas")))
    for kind in FAILURES:
        told = condition(seen.value, kind)
        if told is not None and told.get("status") == "True":
            unblock = _unserved(seen.near("apiservices")) or ["see what the message names"]
            return seen.because("Terminating", str(told.get("message", kind)), unblock)
    held = [(one, name, who) for one in seen.near("left") for name, who in finalizers(one)]
    if held:
        one, name, who = held[0]
        because = f"{_called(one)} still has the finalizer {name}, to be removed by {who}"
        unblock = [
            f"{_called(other)}: {finalizer}, to be removed by {by}" for other, finalizer, by in held[:10]
        ]
        return seen.because("Terminating", because, unblock)
    others = [one for one in seen.spec.get("finalizers") or () if one != FINALIZER]
    if others:
        because = f"the namespace itself has the finalizer {others[0]} in its spec"
        unblock = [f"{one}: to be removed by {keeper(seen.value, one)}, by /finalize" for one in others]
        return seen.because("Terminating", because, unblock)
    left = [_called(one) for one in seen.near("left")]
    if left:
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        return seen.because("Terminating", f"{left[0]}{more} are still being deleted", also=left[1:4])
    held_itself = removal(seen)
    if held_itself is None and seen.unseen:
        return seen.because("Terminating", "not all of what is left in it could be looked at")
    return held_itself or seen.because(
        "Terminating", "it is empty, and about to go", ["see that the controllers run: sampan kube status"]
    )


def _called(value: Object) -> str:
    return f"{str(value.get('kind', 'object')).lower()} {value['metadata']['name']}"


def _unserved(services: Sequence[Object]) -> list[str]:
    """Aggregated APIs that do not answer hide what they have in the namespace."""
    found = []
    for one in services:
        told = condition(one, "Available") or {}
        if told.get("status") == "False":
            name, reason = one["metadata"]["name"], told.get("reason")
            found.append(f"APIService {name} is not available ({reason}): bring it back, or delete it")
    return found


def _full(quotas: Sequence[Object]) -> list[str]:
    lines = []
    for quota in quotas:
        status = quota.get("status") or {}
        for name, hard in (status.get("hard") or {}).items():
            if (status.get("used") or {}).get(name) == hard:
                lines.append(f"quota {quota['metadata']['name']} is used up: {name}={hard}")
    return lines


def node(seen: Seen) -> Explanation:
    """Its pods stand in `around`, and the budgets that may forbid to evict them."""
    held = removal(seen)
    if held is not None:
        return held
    blocked = _blocked(seen.near("pods"), seen.near("poddisruptionbudgets"))
    ready = condition(seen.value, "Ready") or {}
    if ready.get("status") != "True":
        because = str(ready.get("message") or ready.get("reason") or "nobody has reported of it")
        if ready.get("status") == "Unknown":
            because = f"its node agent has not reported since {ready.get('lastHeartbeatTime')}"
        return seen.because(
            "NotReady", because, ["see that its node agent runs and reaches the API server"], blocked
        )
    for one in seen.status.get("conditions") or ():
        if one.get("type") != "Ready" and one.get("status") == "True":
            return seen.because(str(one["type"]), str(one.get("message") or one.get("reason")), also=blocked)
    name = seen.value["metadata"]["name"]
    if seen.spec.get("unschedulable"):
        state = "Cordoned"
        if blocked:
            return seen.because(state, f"it cannot be drained: {blocked[0]}", also=blocked[1:])
        return seen.because(state, "it is cordoned: no new pods come", [f"kubectl uncordon {name}"])
    taints = [f"{one['key']}={one.get('value', '')}:{one['effect']}" for one in seen.spec.get("taints") or ()]
    if taints:
        because = f"its taints keep pods away that do not tolerate them: {', '.join(taints)}"
        return seen.because("Tainted", because, [f"kubectl taint nodes {name} {taints[0]}-"], blocked)
    return seen.because("Ready", f"it is ready, with {len(seen.near('pods'))} pods", also=blocked)


def _blocked(pods: Sequence[Object], budgets: Sequence[Object]) -> list[str]:
    """Pods that may not be evicted now, with the budget that forbids it."""
    lines = []
    for pod in pods:
        metadata = pod["metadata"]
        for budget in budgets:
            spec = budget.get("spec") or {}
            if budget["metadata"]["namespace"] != metadata["namespace"]:
                continue
            if not from_object(spec.get("selector")).matches(metadata.get("labels") or {}):
                continue
            status = budget.get("status") or {}
            if status.get("disruptionsAllowed", 0) < 1:
                healthy, needed = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
                counts = f"{healthy} healthy pods, {needed} needed"
                name = f"{metadata['namespace']}/{metadata['name']}"
                lines.append(
                    f"PodDisruptionBudget {budget['metadata']['name']} does not let {name} go ({counts})"
                )
    return lines
