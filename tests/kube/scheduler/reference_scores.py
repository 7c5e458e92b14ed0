"""kube-scheduler's scores for one node at a time, as its documentation tells them."""

import math
import operator
from collections.abc import Callable
from functools import reduce
from itertools import pairwise

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.labels import Selector, from_object
from sampan.specs.kubernetes.podamounts import of_pod
from sampan.specs.kubernetes.quantity import parse
from tests.kube.scheduler.reference import (
    PREFERRED,
    Scene,
    affinity_terms,
    allocatable,
    amount,
    counts,
    included,
    labels,
    means,
    requests,
    term_holds,
    term_selector,
    together,
    tolerated,
    tolerations,
)

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
MB = 1024 * 1024
Points = list[int]  # of each of the nodes that are feasible


def scores(scene: Scene, pod: Object, nodes: list[Object], weights: dict[str, int]) -> list[int]:
    """Of the nodes that can have the pod."""
    found = [0] * len(nodes)
    for name, weight in weights.items():
        for at, points in enumerate(SCORES[name](scene, pod, nodes)):
            found[at] += weight * points
    return found


def normalised(raw: Points, *, reverse: bool = False) -> Points:
    most = max(raw, default=0)
    if not most:
        return [100 if reverse else 0] * len(raw)
    points = [100 * one // most for one in raw]
    return [100 - one for one in points] if reverse else points


def taint_toleration(scene: Scene, pod: Object, nodes: list[Object]) -> Points:
    mild = [one for one in tolerations(pod) if one.get("effect", "") in ("", "PreferNoSchedule")]
    raw = [
        sum(
            taint["effect"] == "PreferNoSchedule" and not tolerated(taint, mild)
            for taint in node["spec"].get("taints") or []
        )
        for node in nodes
    ]
    return normalised(raw, reverse=True)


def node_affinity(scene: Scene, pod: Object, nodes: list[Object]) -> Points:
    terms = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(PREFERRED) or []
    return normalised(
        [sum(one["weight"] for one in terms if term_holds(one["preference"], node)) for node in nodes]
    )


def assumed(pod: Object) -> dict[str, int]:
    """Its requests, where a container that asks for no CPU or memory asks for a little."""
    unasked = {"cpu": parse("100m"), "memory": parse("200Mi")}
    found = of_pod(pod["spec"], "requests", unasked=unasked)
    return {name: amount(name, str(quantity)) for name, quantity in found.items()}


def use(
    scene: Scene, pod: Object, node: Object, name: str, of: Callable[[Object], dict[str, int]]
) -> tuple[int, int]:
    """What would be used of a resource, and what there is; (0, 0) if it is no matter for the pod."""
    if name not in ("cpu", "memory"):
        of = requests
    own = of(pod).get(name, 0)
    if not own and "/" in name:
        return 0, 0
    return own + sum(of(other).get(name, 0) for other in scene.on(node)), allocatable(node).get(name, 0)


def curve(shape: list[Object], percent: int) -> int:
    points = [(one["utilization"], one["score"] * 10) for one in shape]
    if percent <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if percent <= x1:
            return y0 + math.trunc((y1 - y0) * (percent - x0) / (x1 - x0))
    return points[-1][1]


def node_resources_fit(scene: Scene, pod: Object, nodes: list[Object]) -> Points:
    strategy = scene.args.get("NodeResourcesFit", {}).get("scoringStrategy") or {}
    kind = strategy.get("type", "LeastAllocated")
    resources = strategy.get("resources") or [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]

    def points(used: int, has: int) -> int:
        if kind == "LeastAllocated":
            return 0 if used > has else (has - used) * 100 // has
        if kind == "MostAllocated":
            return min(used, has) * 100 // has
        percent = 100 if used > has else used * 100 // has
        return curve(strategy["requestedToCapacityRatio"]["shape"], percent)

    found = []
    for node in nodes:
        total = weights = 0
        for one in resources:
            used, has = use(scene, pod, node, one["name"], assumed)
            score = points(used, has) if has else 0
            if has and (score or kind != "RequestedToCapacityRatio"):
                total, weights = total + score * one["weight"], weights + one["weight"]
        mean = total / weights if weights else 0.0
        found.append(
            math.floor(mean + 0.5) if kind == "RequestedToCapacityRatio" else total // max(1, weights)
        )
    return found


def added(numbers: list[float]) -> float:
    """One after another, as Go does; sum() of later Pythons is more exact."""
    return reduce(operator.add, numbers, 0.0)


def balanced(scene: Scene, pod: Object, nodes: list[Object]) -> Points:
    args = scene.args.get("NodeResourcesBalancedAllocation", {})
    names = [one["name"] for one in args.get("resources") or [{"name": "cpu"}, {"name": "memory"}]]
    if not any(requests(pod).get(name) for name in names):
        return [0] * len(nodes)
    found = []
    for node in nodes:
        uses = [use(scene, pod, node, name, requests) for name in names]
        fractions = [min(1.0, used / has) for used, has in uses if has]
        deviation = 0.0
        if len(fractions) == 2:
            deviation = abs((fractions[0] - fractions[1]) / 2)
        elif len(fractions) > 2:
            mean = added(fractions) / len(fractions)
            deviation = math.sqrt(added([(one - mean) * (one - mean) for one in fractions]) / len(fractions))
        found.append(int((1 - deviation) * 100))
    return found


def image_locality(scene: Scene, pod: Object, nodes: list[Object]) -> Points:
    started = [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
    images = [one["image"] if ":" in one["image"] else one["image"] + ":latest" for one in started]

    def has(node: Object, image: str) -> list[int]:
        return [one["sizeBytes"] for one in node["status"]["images"] if image in one["names"]]

    found = []
    for node in nodes:
        total = 0
        for image in images:
            if sizes := has(node, image):
                spread = sum(bool(has(other, image)) for other in scene.nodes) / len(scene.nodes)
                total += int(sizes[0] * spread)
        most = 1000 * MB * len(images)
        found.append(100 * (min(max(total, 23 * MB), most) - 23 * MB) // (most - 23 * MB))
    return found


def inter_pod_affinity(scene: Scene, pod: Object, nodes: list[Object]) -> Points:
    def preferred(owner: Object) -> list[tuple[int, Object]]:
        affinity = owner["spec"].get("affinity") or {}
        return [
            (sign * one["weight"], one["podAffinityTerm"])
            for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1))
            for one in (affinity.get(kind) or {}).get(PREFERRED) or []
        ]

    hard = scene.args.get("InterPodAffinity", {}).get("hardPodAffinityWeight", 1)
    raw = []
    for node in nodes:
        total = 0
        for other, there in scene.placed():
            for weight, term in preferred(pod):
                if means(scene, pod, term, other) and together(node, there, term["topologyKey"]):
                    total += weight
            theirs = [*preferred(other), *((hard, term) for term in affinity_terms(other, "podAffinity"))]
            for weight, term in theirs:
                if means(scene, other, term, pod) and together(node, there, term["topologyKey"]):
                    total += weight
        raw.append(total)
    least, most = min(raw, default=0), max(raw, default=0)
    return [int(100.0 * ((one - least) / (most - least))) if most > least else 0 for one in raw]


def wished(scene: Scene, pod: Object) -> list[tuple[Object, Selector]]:
    """Soft constraints, or else the defaults, for pods that a Service selects."""
    own = pod["spec"].get("topologySpreadConstraints") or []
    if own:
        soft = [one for one in own if one["whenUnsatisfiable"] == "ScheduleAnyway"]
        return [(one, term_selector(pod, one)) for one in soft]
    matching: dict[str, str] = {}
    for service in scene.services:
        wanted = service["spec"]["selector"]
        here = service["metadata"]["namespace"] == pod["metadata"]["namespace"]
        if here and all(labels(pod).get(key) == value for key, value in wanted.items()):
            matching.update(wanted)
    if not matching:
        return []
    selector = from_object({"matchLabels": matching})
    return [
        ({"topologyKey": HOSTNAME, "maxSkew": 3}, selector),
        ({"topologyKey": ZONE, "maxSkew": 5}, selector),
    ]


def pod_topology_spread(scene: Scene, pod: Object, nodes: list[Object]) -> Points:
    soft = wished(scene, pod)
    if not soft:
        return [0] * len(nodes)
    strict = bool(pod["spec"].get("topologySpreadConstraints"))
    keys = [one["topologyKey"] for one, _ in soft]
    counted = [one for one in scene.nodes if not strict or all(key in labels(one) for key in keys)]
    scored = [one for one in nodes if one in counted]
    raw = []
    for node in scored:
        total = 0.0
        for constraint, selector in soft:
            key = constraint["topologyKey"]
            if key not in labels(node):
                continue
            value = labels(node)[key]
            if key == HOSTNAME:
                size, number = len(scored), counts(scene, pod, selector, [node])
            else:
                size = len({labels(one).get(key, "") for one in scored})
                domain = [one for one in counted if labels(one).get(key, "") == value]
                number = counts(
                    scene, pod, selector, [one for one in domain if included(pod, constraint, one)]
                )
            total += number * math.log(size + 2) + (constraint["maxSkew"] - 1)
        raw.append(math.floor(total + 0.5))
    least, most = min(raw, default=0), max(raw, default=0)
    points = [100 * (most + least - one) // most if most else 100 for one in raw]
    return [points[scored.index(node)] if node in scored else 0 for node in nodes]


SCORES = {
    "TaintToleration": taint_toleration,
    "NodeAffinity": node_affinity,
    "NodeResourcesFit": node_resources_fit,
    "PodTopologySpread": pod_topology_spread,
    "InterPodAffinity": inter_pod_affinity,
    "NodeResourcesBalancedAllocation": balanced,
    "ImageLocality": image_locality,
}
