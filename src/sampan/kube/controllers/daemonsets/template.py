"""The pods of a DaemonSet: the template with what a daemon tolerates, pinned to one node. Pure."""

from sampan.errors import Invalid
from sampan.kube.client.requests import Object
from sampan.specs.golang.numbers import parse_int
from sampan.specs.kubernetes import taints
from sampan.specs.kubernetes.nodeselectors import NAME_FIELD
from sampan.specs.kubernetes.objects import annotations_of, labels_of

HASH = "controller-revision-hash"
GENERATION = "deprecated.daemonset.template.generation"  # an annotation of the set
POD_GENERATION = "pod-template-generation"  # a label of its pods

# A daemon stays on a node that is not well, and starts on one that is cordoned.
_TOLERATED = (
    (taints.NOT_READY, taints.NO_EXECUTE),
    (taints.UNREACHABLE, taints.NO_EXECUTE),
    (taints.DISK_PRESSURE, taints.NO_SCHEDULE),
    (taints.MEMORY_PRESSURE, taints.NO_SCHEDULE),
    (taints.PID_PRESSURE, taints.NO_SCHEDULE),
    (taints.UNSCHEDULABLE, taints.NO_SCHEDULE),
)
_ON_THE_HOST = (taints.NETWORK_UNAVAILABLE, taints.NO_SCHEDULE)
_FIELDS = ("key", "operator", "value", "effect")


def tolerations(spec: Object) -> list[Object]:
    """Those of the template, and a daemon's own, which take the place of equal ones."""
    found = list(spec.get("tolerations") or ())
    own = (*_TOLERATED, _ON_THE_HOST) if spec.get("hostNetwork") else _TOLERATED
    for key, effect in own:
        wanted = {"key": key, "operator": "Exists", "effect": effect}
        at = [place for place, one in enumerate(found) if _alike(one, wanted)]
        for place in at:
            found[place] = wanted
        if not at:
            found.append(wanted)
    return found


def _alike(one: Object, other: Object) -> bool:
    return all((one.get(field) or "") == (other.get(field) or "") for field in _FIELDS)


def generation(owner: Object) -> str | None:
    """The template's, as the API server counts it; None of what is no number."""
    text = annotations_of(owner).get(GENERATION)
    if text is None:
        return None
    try:
        return str(parse_int(text))
    except Invalid:
        return None


def template_of(owner: Object, hash: str) -> Object:
    """For pods of the revision with this hash, on any node."""
    given = owner["spec"]["template"]
    metadata, spec = given.get("metadata") or {}, given.get("spec") or {}
    labels = dict(metadata.get("labels") or {})
    if (number := generation(owner)) is not None:
        labels[POD_GENERATION] = number
    if hash:
        labels[HASH] = hash
    return {
        **given,
        "metadata": {**metadata, "labels": labels},
        "spec": {**spec, "tolerations": tolerations(spec)},
    }


def pinned(template: Object, node: str) -> Object:
    """To be bound to this node only; the required affinity of the template itself holds there already."""
    spec = template["spec"]
    affinity = spec.get("affinity") or {}
    by_node = affinity.get("nodeAffinity") or {}
    term = {"matchFields": [{"key": NAME_FIELD, "operator": "In", "values": [node]}]}
    required = {"nodeSelectorTerms": [term]}
    by_node = {**by_node, "requiredDuringSchedulingIgnoredDuringExecution": required}
    return {**template, "spec": {**spec, "affinity": {**affinity, "nodeAffinity": by_node}}}


def target_node(pod: Object) -> str | None:
    """The node that a pod runs on, or is pinned to; None of one that is neither."""
    spec = pod.get("spec") or {}
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    by_node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = by_node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for one in term.get("matchFields") or ():
            if one.get("key") == NAME_FIELD and one.get("operator") == "In":
                values: list[str] = one.get("values") or []
                return values[0] if len(values) == 1 else None
    return None


def is_updated(pod: Object, hash: str, generation: str | None) -> bool:
    """Is a pod of the revision with this hash, or of the template of this generation?"""
    labels = labels_of(pod)
    if hash and labels.get(HASH) == hash:
        return True
    return generation is not None and labels.get(POD_GENERATION) == generation
