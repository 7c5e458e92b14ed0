"""What a binding makes of a pod. k8s.io/kubernetes/pkg/registry/core/pod/storage, BindingREST"""

from sampan.kube.kinds.resource import Object
from sampan.kube.kinds.workloads import spec_of
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status


def bound(pod: Object, binding: Object, now: str) -> Object:
    """The pod on its node; raises StatusError."""
    meta, wanted = pod["metadata"], binding.get("metadata") or {}
    if why := _obstacle(pod):
        raise status.conflict("", "pods/binding", meta["name"], why)
    for key, what in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(key) and wanted[key] != meta.get(key):
            why = (
                f"Precondition failed: {what} in precondition: {wanted[key]}, "
                f"{what} in object meta: {meta.get(key, '')}"
            )
            raise status.conflict("", "pods/binding", meta["name"], why)
    found = {**pod, "metadata": dict(meta), "spec": {**spec_of(pod), "nodeName": binding["target"]["name"]}}
    if wanted.get("annotations"):
        found["metadata"]["annotations"] = {**(meta.get("annotations") or {}), **wanted["annotations"]}
    if wanted.get("labels"):
        found["metadata"]["labels"] = {**(meta.get("labels") or {}), **wanted["labels"]}
    state = {key: one for key, one in (pod.get("status") or {}).items() if key != "nominatedNodeName"}
    found["status"] = {**state, "conditions": _scheduled(state.get("conditions") or [], now)}
    return found


def _obstacle(pod: Object) -> str:
    name, node = pod["metadata"]["name"], spec_of(pod).get("nodeName")
    if pod["metadata"].get("deletionTimestamp"):
        return f"pod {name} is being deleted, cannot be assigned to a host"
    if node:
        return f"pod {name} is already assigned to node {quote(node)}"
    if spec_of(pod).get("schedulingGates"):
        return f"pod {name} has non-empty .spec.schedulingGates"
    return ""


def _scheduled(conditions: list[Object], now: str) -> list[Object]:
    others = [one for one in conditions if one.get("type") != "PodScheduled"]
    if len(others) == len(conditions):
        place = len(conditions)
    else:
        place = next(at for at, one in enumerate(conditions) if one.get("type") == "PodScheduled")
        if conditions[place].get("status") == "True":
            now = conditions[place].get("lastTransitionTime") or now
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }
    return [*others[:place], condition, *others[place:]]
