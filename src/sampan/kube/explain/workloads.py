"""Why a Deployment or a Job does not get on. Pure."""

from collections.abc import Callable, Sequence

from sampan.kube.client.requests import Object
from sampan.kube.explain import pods
from sampan.kube.explain.explanation import Explanation, Seen, removal
from sampan.specs.kubernetes.objects import condition, owner
from sampan.specs.kubernetes.pods import is_ready

WELL = ("Running", "Succeeded")
MOST = 20  # pods of one owner that are looked at


def deployment(seen: Seen) -> Explanation:
    """The children are its pods."""
    return _first(seen, _DEPLOYMENT) or _progress(seen)


def job(seen: Seen) -> Explanation:
    """The children are its pods."""
    return _first(seen, _JOB) or _work(seen)


def _first(seen: Seen, rules: Sequence[Callable[[Seen], Explanation | None]]) -> Explanation | None:
    return next((found for rule in rules if (found := rule(seen)) is not None), None)


def _unobserved(seen: Seen) -> Explanation | None:
    """Nobody has looked at its latest change yet."""
    generation = seen.value["metadata"].get("generation", 0)
    if seen.status.get("observedGeneration", 0) >= generation:
        return None
    why = "its controller has not seen the last change of its spec yet"
    return seen.because("Pending", why, ["see that the controllers run: sampan kube status"])


def _decided(seen: Seen) -> Explanation | None:
    """What the controller has noted; it takes that back when it gets on."""
    found = seen.decided()
    if found is None:
        return None
    unblock = [one for one in (found.get("unblock") or "").split("\n") if one]
    return seen.because(found["reason"], found["message"], unblock, _worst(seen.children))


def _paused(seen: Seen) -> Explanation | None:
    if not seen.spec.get("paused"):
        return None
    name = seen.value["metadata"]["name"]
    return seen.because(
        "Paused", "it is paused: changes of its template wait", [f"kubectl rollout resume deployment/{name}"]
    )


def _refused(seen: Seen) -> Explanation | None:
    """No pod can be created: by a quota, an admission webhook, a policy."""
    told = condition(seen.value, "ReplicaFailure")
    if told is None or told.get("status") != "True":
        return None
    message = str(told.get("message", ""))
    unblock = []
    if "exceeded quota" in message:
        unblock = ["raise the quota, ask for less, or free what is used (kubectl describe quota)"]
    elif "admission webhook" in message:
        unblock = ["satisfy the webhook that the message names, or see why it does not answer"]
    elif "violates PodSecurity" in message:
        unblock = ["change the pod's securityContext as the message says, or the namespace's level"]
    return seen.because(told.get("reason") or "FailedCreate", message, unblock)


def _stuck(seen: Seen) -> Explanation | None:
    """The pod that is worst off says why."""
    ill = [child for child in seen.children if not is_ready(child.value)]
    for child in ill:
        found = pods.explain(child)
        if found.state in WELL:
            continue
        told = condition(seen.value, "Progressing") or {}
        late = [str(told.get("message"))] if told.get("reason") == "ProgressDeadlineExceeded" else []
        state = "ProgressDeadlineExceeded" if late else "Progressing"
        count = f"{len(ill)} of {len(seen.children)} pods are not ready"
        because = f"pod {found.name} is {found.state}: {found.because}"
        return seen.because(state, because, found.unblock, [count, *late, *found.also])
    return None


def _worst(children: Sequence[Seen]) -> list[str]:
    for child in children:
        if not is_ready(child.value):
            found = pods.explain(child)
            return [f"pod {found.name} is {found.state}: {found.because}"]
    return []


def _progress(seen: Seen) -> Explanation:
    wanted = seen.spec.get("replicas", 1)
    status = seen.status
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated == available == wanted == status.get("replicas", 0):
        return seen.because("Complete", f"all {wanted} pods are up to date and available")
    counts = f"{updated} of {wanted} pods are up to date, {available} available"
    return seen.because("Progressing", counts, also=seen.warnings())


def _suspended(seen: Seen) -> Explanation | None:
    if not seen.spec.get("suspend"):
        return None
    name = seen.value["metadata"]["name"]
    change = """kubectl patch job/%s --type=merge -p '{"spec":{"suspend":false}}'"""
    return seen.because("Suspended", "it is suspended: no pods run for it", [change % name])


def _managed(seen: Seen) -> Explanation | None:
    by = seen.spec.get("managedBy")
    if by in (None, "kubernetes.io/job-controller"):
        return None
    return seen.because("Managed", f"{by} is to run it (spec.managedBy), not this cluster's controller")


def _over(seen: Seen) -> Explanation | None:
    for kind, state in (("Failed", "Failed"), ("FailureTarget", "Failing"), ("Complete", "Complete")):
        told = condition(seen.value, kind)
        if told is not None and told.get("status") == "True":
            because = ": ".join(one for one in (told.get("reason"), told.get("message")) if one)
            return seen.because(state, because or "it is done", also=_failures(seen.children))
    return None


def _failures(children: Sequence[Seen]) -> list[str]:
    found = [pods.explain(child) for child in children if (child.status.get("phase") == "Failed")]
    return [f"pod {one.name}: {one.because}" for one in found[:3]]


def _work(seen: Seen) -> Explanation:
    status = seen.status
    counts = ", ".join(f"{status.get(word, 0)} {word}" for word in ("active", "succeeded", "failed"))
    return seen.because("Running", f"pods: {counts}", also=[*_failures(seen.children), *seen.warnings()])


_DEPLOYMENT = (removal, _unobserved, _paused, _refused, _stuck, _decided)
_JOB = (removal, _suspended, _managed, _over, _decided, _stuck)


def controller_uid(value: Object) -> str:
    """Of the owner that controls an object; empty if none does."""
    found = owner(value)
    return str(found["uid"]) if found is not None else ""


def controlled(value: Object, objects: Sequence[Object]) -> list[Object]:
    """Those of the objects that `value` controls."""
    return [one for one in objects if controller_uid(one) == value["metadata"]["uid"]]


def worst_first(found: Sequence[Object]) -> list[Object]:
    """The newest template's first, of those the ones that are not ready; as many as are worth looking at."""
    newest = sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    return sorted(newest, key=is_ready)[:MOST]
