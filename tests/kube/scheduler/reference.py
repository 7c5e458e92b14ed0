"""kube-scheduler's filters for one node at a time, as its documentation tells them: what the columns are held to."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.labels import Selector, from_object
from sampan.specs.kubernetes.podamounts import of_pod
from sampan.specs.kubernetes.quantity import parse

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class Refused(NamedTuple):
    """What a node's first refusing filter says."""

    plugin: str
    texts: frozenset[str]
    unresolvable: bool


class Scene(NamedTuple):
    """Everything there is. `pods` are those that run somewhere; `labels` of namespaces."""

    nodes: list[Object]
    pods: list[Object]
    namespaces: dict[str, dict[str, str]]
    services: list[Object]
    args: dict[str, Any]

    def on(self, node: Object) -> list[Object]:
        return [pod for pod in self.pods if pod["spec"].get("nodeName") == node["metadata"]["name"]]

    def placed(self) -> Iterator[tuple[Object, Object]]:
        for node in self.nodes:
            for pod in self.on(node):
                yield pod, node


def labels(value: Object) -> dict[str, str]:
    return value["metadata"].get("labels") or {}


def refusal(scene: Scene, pod: Object, node: Object) -> Refused | None:
    """Of the first filter, in the order of the default profile, that does not let the pod be on the node."""
    names = named(pod)
    if names is not None and node["metadata"]["name"] not in names:
        return Refused("NodeAffinity", frozenset(["node(s) didn't satisfy plugin(s) [NodeAffinity]"]), True)
    for plugin, check in FILTERS.items():
        told = list(check(scene, pod, node))
        if told:
            texts = frozenset(text for text, _ in told)
            return Refused(plugin, texts, any(unresolvable for _, unresolvable in told))
    return None


Told = Iterator[tuple[str, bool]]  # a text, and whether preemption would not help


def node_unschedulable(scene: Scene, pod: Object, node: Object) -> Told:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if node["spec"].get("unschedulable") and not tolerated(taint, tolerations(pod)):
        yield "node(s) were unschedulable", True


def tolerations(pod: Object) -> list[Object]:
    return pod["spec"].get("tolerations") or []


def tolerated(taint: Object, found: list[Object]) -> bool:
    def fits(one: Object) -> bool:
        if one.get("effect") and one["effect"] != taint["effect"]:
            return False
        if one.get("key") and one["key"] != taint["key"]:
            return False
        if one.get("operator") == "Exists":
            return True
        return one.get("value", "") == taint.get("value", "")

    return any(fits(one) for one in found)


def untolerated(pod: Object, node: Object) -> bool:
    hard = [one for one in node["spec"].get("taints") or [] if one["effect"] in ("NoSchedule", "NoExecute")]
    return any(not tolerated(taint, tolerations(pod)) for taint in hard)


def taint_toleration(scene: Scene, pod: Object, node: Object) -> Told:
    if untolerated(pod, node):
        yield "node(s) had untolerated taint(s)", True


def holds(requirement: Object, value: str | None) -> bool:
    operator, values = requirement["operator"], requirement.get("values") or []
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    try:
        number, bound = int(value or ""), int(values[0])
    except ValueError:
        return False
    return number > bound if operator == "Gt" else number < bound


def term_holds(term: Object, node: Object) -> bool:
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    return all(holds(one, labels(node).get(one["key"])) for one in expressions) and all(
        holds(one, node["metadata"]["name"]) for one in fields
    )


def node_terms(pod: Object) -> list[Object] | None:
    found = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    return found["nodeSelectorTerms"] if found else None


def named(pod: Object) -> set[str] | None:
    """The only nodes that are asked, if each term of the node affinity names some."""
    terms = node_terms(pod) or []
    sets = []
    for term in terms:
        names = [set(one["values"]) for one in term.get("matchFields") or [] if one["operator"] == "In"]
        if not names:
            return None
        sets.append(set.intersection(*names))
    return set.union(*sets) if sets else None


def chosen(pod: Object, node: Object) -> bool:
    """By the pod's node selector and required node affinity."""
    wanted, terms = pod["spec"].get("nodeSelector") or {}, node_terms(pod)
    if any(labels(node).get(key) != value for key, value in wanted.items()):
        return False
    return terms is None or any(term_holds(term, node) for term in terms)


def node_affinity(scene: Scene, pod: Object, node: Object) -> Told:
    added = (scene.args.get("NodeAffinity", {}).get("addedAffinity") or {}).get(REQUIRED)
    if added and not any(term_holds(term, node) for term in added["nodeSelectorTerms"]):
        yield "node(s) didn't match scheduler-enforced node affinity", True
    elif not chosen(pod, node):
        yield "node(s) didn't match Pod's node affinity/selector", True


def host_ports(pod: Object) -> list[tuple[str, str, int]]:
    return [
        (one.get("hostIP", "0.0.0.0"), one.get("protocol", "TCP"), one["hostPort"])
        for container in pod["spec"]["containers"]
        for one in container.get("ports") or []
        if one.get("hostPort")
    ]


def node_ports(scene: Scene, pod: Object, node: Object) -> Told:
    taken = [port for other in scene.on(node) for port in host_ports(other)]
    for address, *port in host_ports(pod):
        for other, *used in taken:
            if port == used and (address == other or "0.0.0.0" in (address, other)):
                yield "node(s) didn't have free ports for the requested pod ports", False


def amount(resource: str, text: str) -> int:
    return parse(text).milli_value() if resource == "cpu" else parse(text).value()


def requests(pod: Object) -> dict[str, int]:
    return {name: amount(name, str(found)) for name, found in of_pod(pod["spec"], "requests").items()}


def allocatable(node: Object) -> dict[str, int]:
    return {name: amount(name, text) for name, text in node["status"]["allocatable"].items()}


def node_resources_fit(scene: Scene, pod: Object, node: Object) -> Told:
    there, has = scene.on(node), allocatable(node)
    if len(there) + 1 > has.get("pods", 0):
        yield "Too many pods", False
    for name, wanted in requests(pod).items():
        left = has.get(name, 0) - sum(requests(other).get(name, 0) for other in there)
        if wanted > 0 and wanted > left:
            yield f"Insufficient {name}", wanted > has.get(name, 0)


def means(scene: Scene, owner: Object, term: Object, pod: Object) -> bool:
    """Does a term of the owner's affinity mean the pod?"""
    namespace = pod["metadata"]["namespace"]
    named = term.get("namespaces") or []
    selector = term.get("namespaceSelector")
    if not named and selector is None:
        named = [owner["metadata"]["namespace"]]
    there = from_object(selector).matches(scene.namespaces.get(namespace, {}))
    if namespace not in named and not there:
        return False
    return term_selector(owner, term).matches(labels(pod))


def term_selector(owner: Object, term: Object) -> Selector:
    """With what matchLabelKeys and mismatchLabelKeys add from the owner's labels."""
    found = term.get("labelSelector")
    if found is None:
        return from_object(None)
    more = [
        {"key": key, "operator": operator, "values": [labels(owner)[key]]}
        for name, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
        for key in term.get(name) or []
        if key in labels(owner)
    ]
    return from_object({**found, "matchExpressions": [*(found.get("matchExpressions") or []), *more]})


def affinity_terms(pod: Object, kind: str) -> list[Object]:
    return ((pod["spec"].get("affinity") or {}).get(kind) or {}).get(REQUIRED) or []


def together(one: Object, other: Object, key: str) -> bool:
    return key in labels(one) and labels(one)[key] == labels(other).get(key)


def inter_pod_affinity(scene: Scene, pod: Object, node: Object) -> Told:
    near, apart = affinity_terms(pod, "podAffinity"), affinity_terms(pod, "podAntiAffinity")
    if not all(term["topologyKey"] in labels(node) for term in near) or not is_near(scene, pod, node, near):
        yield "node(s) didn't match pod affinity rules", True
    elif any(
        means(scene, pod, term, other) and together(node, there, term["topologyKey"])
        for term in apart
        for other, there in scene.placed()
    ):
        yield "node(s) didn't match pod anti-affinity rules", False
    elif any(
        means(scene, other, term, pod) and together(node, there, term["topologyKey"])
        for other, there in scene.placed()
        for term in affinity_terms(other, "podAntiAffinity")
    ):
        yield "node(s) didn't satisfy existing pods anti-affinity rules", False


def is_near(scene: Scene, pod: Object, node: Object, near: list[Object]) -> bool:
    """Pods that all terms mean are in all the domains; or there are none, and the pod is the first of them."""
    friends = [
        there for other, there in scene.placed() if all(means(scene, pod, term, other) for term in near)
    ]
    if all(any(together(node, there, term["topologyKey"]) for there in friends) for term in near):
        return True
    known = any(term["topologyKey"] in labels(there) for there in friends for term in near)
    return not known and all(means(scene, pod, term, pod) for term in near)


def counts(scene: Scene, pod: Object, selector: Selector, nodes: list[Object]) -> int:
    """Pods of the kind on the nodes, without those that are being deleted."""
    if not selector:
        return 0
    return sum(
        other["metadata"]["namespace"] == pod["metadata"]["namespace"]
        and "deletionTimestamp" not in other["metadata"]
        and selector.matches(labels(other))
        for node in nodes
        for other in scene.on(node)
    )


def included(pod: Object, constraint: Object, node: Object) -> bool:
    if constraint.get("nodeAffinityPolicy") != "Ignore" and not chosen(pod, node):
        return False
    return constraint.get("nodeTaintsPolicy") != "Honor" or not untolerated(pod, node)


def pod_topology_spread(scene: Scene, pod: Object, node: Object) -> Told:
    hard = [
        one
        for one in pod["spec"].get("topologySpreadConstraints") or []
        if one["whenUnsatisfiable"] == "DoNotSchedule"
    ]
    labelled = [one for one in scene.nodes if all(each["topologyKey"] in labels(one) for each in hard)]
    for constraint in hard:
        key, selector = constraint["topologyKey"], term_selector(pod, constraint)
        if key not in labels(node):
            yield "node(s) didn't match pod topology spread constraints (missing required label)", True
            return
        domains: dict[str, list[Object]] = {}
        for one in labelled:
            if included(pod, constraint, one):
                domains.setdefault(labels(one)[key], []).append(one)
        numbers = {value: counts(scene, pod, selector, nodes) for value, nodes in domains.items()}
        least = min(numbers.values(), default=0)
        if len(numbers) < constraint.get("minDomains", 1):
            least = 0
        more = numbers.get(labels(node)[key], 0) + selector.matches(labels(pod)) - least
        if more > constraint["maxSkew"]:
            yield "node(s) didn't match pod topology spread constraints", False
            return


FILTERS = {
    "NodeUnschedulable": node_unschedulable,
    "TaintToleration": taint_toleration,
    "NodeAffinity": node_affinity,
    "NodePorts": node_ports,
    "NodeResourcesFit": node_resources_fit,
    "PodTopologySpread": pod_topology_spread,
    "InterPodAffinity": inter_pod_affinity,
}
