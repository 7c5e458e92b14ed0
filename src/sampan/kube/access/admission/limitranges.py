"""Defaults and bounds that a namespace has for what its pods and claims ask for.

Kubernetes: plugin/pkg/admission/limitranger. Where upstream goes through a map, in any order, names are
sorted, the last first.
"""

from collections.abc import Callable, Iterator

from sampan.kube.access.admission.refusing import annotate, refused
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.podamounts import amounts, of_pod
from sampan.specs.kubernetes.quantity import Quantity

ANNOTATION = "kubernetes.io/limit-ranger"
MOST_IN_MILLIS = (2**63 - 1) // 1000  # amounts up to here are compared in thousandths

Amounts = dict[str, Quantity]
Bound = Callable[[str, str, Quantity, Amounts, Amounts], str]


class LimitRanger(Plugin):
    async def mutate(self, request: AdmissionRequest) -> None:
        if not _concerns(request) or request.resource.name != "pods" or request.object is None:
            return
        for one in request.reader.list("limitranges", request.namespace):
            _give_defaults(one, request.object)

    async def validate(self, request: AdmissionRequest) -> None:
        if not _concerns(request) or request.object is None:
            return
        check = _of_pod if request.resource.name == "pods" else _of_claim
        for one in request.reader.list("limitranges", request.namespace):
            problems = list(dict.fromkeys(check(one, request.object)))
            if problems:
                raise refused(request, problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")


def _concerns(request: AdmissionRequest) -> bool:
    if request.old is not None and request.old["metadata"].get("deletionTimestamp"):
        return False
    if request.resource.name == "pods":
        return (request.operation == "CREATE" and not request.subresource) or request.subresource == "resize"
    return (
        request.resource.name == "persistentvolumeclaims"
        and not request.subresource
        and request.operation in ("CREATE", "UPDATE")
    )


def _limits(range_: Object, kind: str) -> Iterator[Object]:
    for one in (range_.get("spec") or {}).get("limits") or ():
        if one.get("type") == kind:
            yield one


# --- defaults


def _give_defaults(range_: Object, pod: Object) -> None:
    sides: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for one in _limits(range_, "Container"):
        sides["requests"].update(one.get("defaultRequest") or {})
        sides["limits"].update(one.get("default") or {})
    given = []
    for field, kind in (("containers", "container"), ("initContainers", "init container")):
        for container in pod["spec"].get(field) or ():
            for side, defaults in sides.items():
                names = _complete(container, side, defaults)
                if names:
                    given.append(f"{', '.join(names)} {side[:-1]} for {kind} {container.get('name', '')}")
    if given:
        annotate(pod, ANNOTATION, f"LimitRanger plugin set: {'; '.join(given)}")


def _complete(container: Object, side: str, defaults: dict[str, str]) -> list[str]:
    present = (container.get("resources") or {}).get(side) or {}
    missing = {name: amount for name, amount in defaults.items() if name not in present}
    if missing:
        container.setdefault("resources", {})[side] = {**present, **missing}
    return sorted(missing)


# --- bounds


def _of_pod(range_: Object, pod: Object) -> Iterator[str]:
    spec = pod["spec"]
    for one in (range_.get("spec") or {}).get("limits") or ():
        if one.get("type") == "Container":
            for field in ("containers", "initContainers"):
                for container in spec.get(field) or ():
                    resources = container.get("resources") or {}
                    sides = amounts(resources.get("requests")), amounts(resources.get("limits"))
                    yield from _problems(one, *sides)
        elif one.get("type") == "Pod":
            requests = of_pod(spec, "requests", overhead=False)
            yield from _problems(one, requests, of_pod(spec, "limits", overhead=False))


def _problems(limit: Object, requests: Amounts, limits: Amounts) -> Iterator[str]:
    bounds: tuple[tuple[str, Bound], ...] = (
        ("min", _minimum),
        ("max", _maximum),
        ("maxLimitRequestRatio", _ratio),
    )
    for field, check in bounds:
        for name, bound in sorted(amounts(limit.get(field)).items(), reverse=True):
            problem = check(limit["type"], name, bound, requests, limits)
            if problem:
                yield problem


def _of_claim(range_: Object, claim: Object) -> Iterator[str]:
    requests = amounts((claim["spec"].get("resources") or {}).get("requests"))
    for one in _limits(range_, "PersistentVolumeClaim"):
        for name, bound in sorted(amounts(one.get("min")).items(), reverse=True):
            if problem := _minimum(one["type"], name, bound, requests, {}):
                yield problem
        for name, bound in sorted(amounts(one.get("max")).items(), reverse=True):
            asked = requests.get(name)
            text = f"maximum {name} usage per {one['type']} is {bound}"
            if asked is None:
                yield f"{text}.  No request is specified"
            elif asked > bound:
                yield f"{text}, but request is {asked}"


def _minimum(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"minimum {name} usage per {kind} is {bound}"
    request, limit = requests.get(name), limits.get(name)
    if request is None:
        return f"{text}.  No request is specified"
    if request < bound:
        return f"{text}, but request is {request}"
    return f"{text}, but limit is {limit}" if limit is not None and limit < bound else ""


def _maximum(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"maximum {name} usage per {kind} is {bound}"
    request, limit = requests.get(name), limits.get(name)
    if limit is None:
        return f"{text}.  No limit is specified"
    if limit > bound:
        return f"{text}, but limit is {limit}"
    return f"{text}, but request is {request}" if request is not None and request > bound else ""


def _ratio(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"{name} max limit to request ratio per {kind} is {bound}"
    request, limit = requests.get(name), limits.get(name)
    if not request:
        return f"{text}, but no request is specified or request is 0"
    if not limit:
        return f"{text}, but no limit is specified or limit is 0"
    if all(one.value() <= MOST_IN_MILLIS for one in (request, limit, bound)):
        asked, most = limit.milli_value() / request.milli_value(), bound.milli_value() / 1000
    else:
        asked, most = limit.value() / request.value(), float(bound.value())
    return f"{text}, but provided ratio is {asked:f}" if asked > most else ""
