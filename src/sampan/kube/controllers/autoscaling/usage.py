"""How many replicas what is measured asks for. Pure; upstream's replica_calculator.go

Pods that cannot be judged never speed a change up: those without a sample use nothing where more replicas
would be wanted, and what is aimed at where fewer would be; those that are not ready use nothing where more
would be.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from sampan.errors import Failed
from sampan.kube.client.requests import Object
from sampan.kube.controllers.autoscaling.samples import Sample
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.objects import condition, is_going
from sampan.specs.kubernetes.podamounts import amounts
from sampan.specs.kubernetes.pods import is_ready, phase, sidecars

INITIALIZATION = 300.0  # seconds in which a pod's use of CPU may be that of its start
TENTH = 0.1
READINESS_DELAY = 30.0  # seconds after its start in which a pod that was never ready may have been asked


@dataclass(frozen=True)
class Tolerance:
    """By how much what is measured may be off before anything is done."""

    down: float = TENTH
    up: float = TENTH

    def holds(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def tolerance_of(autoscaler: Object) -> Tolerance:
    """A tenth, or what the rules of a direction say."""
    behavior = autoscaler["spec"].get("behavior") or {}
    texts = [(behavior.get(side) or {}).get("tolerance") for side in ("scaleDown", "scaleUp")]
    down, up = (TENTH if text is None else quantity.parse(str(text)).scaled_value(-9) / 1e9 for text in texts)
    return Tolerance(down, up)


@dataclass(frozen=True)
class Groups:
    """`ready`: how many can be judged; the others by name."""

    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


def groups(pods: Iterable[Object], found: Mapping[str, Sample], resource: str, now: float) -> Groups:
    ready, unready, missing, ignored = 0, set[str](), set[str](), set[str]()
    for pod in pods:
        name = pod["metadata"]["name"]
        if is_going(pod) or phase(pod) == "Failed":
            ignored.add(name)
        elif phase(pod) == "Pending":
            unready.add(name)
        elif name not in found:
            missing.add(name)
        elif resource == "cpu" and _is_starting(pod, found[name], now):
            unready.add(name)
        else:
            ready += 1
    return Groups(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _is_starting(pod: Object, sample: Sample, now: float) -> bool:
    """Does a sample tell of a pod's start, or of one that never was ready?"""
    ready = condition(pod, "Ready")
    begun = times.seconds((pod.get("status") or {}).get("startTime"))
    if ready is None or begun is None:
        return True
    changed = times.seconds(ready.get("lastTransitionTime")) or 0.0
    if begun + INITIALIZATION > now:
        return ready.get("status") == "False" or sample.at < changed + sample.window
    return ready.get("status") == "False" and begun + READINESS_DELAY > changed


def requests(pods: Iterable[Object], container: str, resource: str) -> dict[str, int]:
    """What pods ask for, in thousandths, by name; raises Failed if one says nothing."""
    return {pod["metadata"]["name"]: _request(pod, container, resource) for pod in pods}


def _request(pod: Object, container: str, resource: str) -> int:
    spec, total = pod["spec"], 0
    of_all = amounts((spec.get("resources") or {}).get("requests")).get(resource)
    if of_all is not None and not container:
        return of_all.milli_value()
    for one in [*spec.get("containers", ()), *sidecars(pod)]:
        if container in ("", one["name"]):
            amount = amounts((one.get("resources") or {}).get("requests")).get(resource)
            if amount is None:
                of = f"container {one['name']} of Pod {pod['metadata']['name']}"
                raise Failed(f"missing request for {resource} in {of}")
            total += amount.milli_value()
    return total


@dataclass(frozen=True)
class Proposal:
    """`average`: in thousandths of a pod's value; `utilization`: in per cent of what pods ask for."""

    replicas: int
    average: int = 0
    utilization: int | None = None


@dataclass(frozen=True)
class Target:
    """What is aimed at: a value of a pod in thousandths, or per cent of what pods ask for."""

    value: int
    requests: Mapping[str, int] | None = None  # by pod, of a target in per cent

    def ratio(self, values: Mapping[str, int]) -> tuple[float, int, int | None]:
        """How far above the target it is (1.0: on it), the average, and the utilization."""
        if self.requests is None:
            average = sum(values.values()) // len(values)
            return average / self.value, average, None
        known = {name: value for name, value in values.items() if name in self.requests}
        asked = sum(self.requests[name] for name in known)
        if not asked:
            raise Failed("no metrics returned matched known pods")
        used = sum(known.values())
        percent = used * 100 // asked
        return percent / self.value, used // len(known), percent

    def assumed(self, pod: str) -> int:
        """What a pod without a sample is taken to use where less is wanted."""
        if self.requests is None:
            return self.value
        return self.requests.get(pod, 0) * max(100, self.value) // 100


def propose(
    current: int,
    pods: Sequence[Object],
    found: Mapping[str, Sample],
    target: Target,
    tolerance: Tolerance,
    resource: str,
    now: float,
) -> Proposal:
    """Raises Failed where nothing can be said."""
    if not pods:
        raise Failed("no pods returned by selector while calculating replica count")
    grouped = groups(pods, found, resource, now)
    left_out = grouped.ignored | grouped.unready
    values = {name: one.value for name, one in found.items() if name not in left_out}
    if not values:
        raise Failed("did not receive metrics for targeted pods (pods might be unready)")
    ratio, average, percent = target.ratio(values)
    up_with_unready = bool(grouped.unready) and ratio > 1.0
    if not up_with_unready and not grouped.missing:
        wanted = current if tolerance.holds(ratio) else ceil(ratio * grouped.ready)
        return Proposal(wanted, average, percent)
    if ratio < 1.0:
        values.update({name: target.assumed(name) for name in grouped.missing})
    elif ratio > 1.0:
        values.update(dict.fromkeys(grouped.missing, 0))
    if up_with_unready:
        values.update(dict.fromkeys(grouped.unready, 0))
    careful = target.ratio(values)[0]
    return Proposal(_careful(current, ratio, careful, len(values), tolerance), average, percent)


def _careful(current: int, ratio: float, careful: float, count: int, tolerance: Tolerance) -> int:
    """Nothing is done that would turn the direction."""
    if tolerance.holds(careful) or (ratio < 1.0 < careful) or (careful < 1.0 < ratio):
        return current
    wanted = ceil(careful * count)
    if (careful < 1.0 and wanted > current) or (careful > 1.0 and wanted < current):
        return current
    return wanted


def propose_by_ratio(
    current: int, value: int, target: int, pods: Sequence[Object], tolerance: Tolerance
) -> Proposal:
    """For one value that is not of pods; from nothing, as many as the ratio says."""
    ratio = value / target
    if not current:
        return Proposal(ceil(ratio), value)
    if tolerance.holds(ratio):
        return Proposal(current, value)
    if not pods:
        text = "no pods returned by selector while calculating replica count"
        raise Failed(f"unable to calculate ready pods: {text}")
    ready = sum(phase(pod) == "Running" and is_ready(pod) for pod in pods)
    return Proposal(ceil(ratio * ready), value)


def propose_per_pod(replicas: int, value: int, target: int, tolerance: Tolerance) -> Proposal:
    """For one value that all pods share; `replicas`: how many there are."""
    wanted = replicas
    if not replicas or not tolerance.holds(value / (target * replicas)):
        wanted = ceil(value / target)
    return Proposal(wanted, ceil(value / replicas) if replicas else 0)
