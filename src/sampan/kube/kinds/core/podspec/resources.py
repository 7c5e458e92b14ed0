"""What containers and pods ask for of a node: amounts, limits, claims; how pods are classed by it."""

from sampan.kube.kinds import structs
from sampan.kube.kinds.core.podspec.resourcenames import (
    CLASSED,
    COUNTED,
    OF_CONTAINERS,
    container_resource_name_errors,
    is_extended,
    is_huge_page,
    is_of_pods,
    may_be_overcommitted,
    pod_resource_name_errors,
)
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    required,
)
from sampan.specs.kubernetes.quantity import Quantity, parse

Amounts = dict[str, str]


def amount_errors(name: str, amount: str, path: str) -> list[FieldError]:
    """Of a resource `name`; upstream's ValidateResourceQuantityValue."""
    quantity = parse(amount)
    found = [invalid(path, amount, names.NOT_NEGATIVE)] if quantity.mantissa < 0 else []
    if name in OF_CONTAINERS:
        return found
    if (name in COUNTED or is_extended(name)) and quantity.milli_value() % 1000:
        found.append(invalid(path, amount, "must be an integer"))
    return found


def requirements_errors(
    requirements: Object, claims: set[str], path: str, *, of_pod: bool = False
) -> list[FieldError]:
    """`claims`: the names in the pod's resourceClaims."""
    name_errors = pod_resource_name_errors if of_pod else container_resource_name_errors
    limits: Amounts = requirements.get("limits") or {}
    requests: Amounts = requirements.get("requests") or {}
    found: list[FieldError] = []
    for name, amount in limits.items():
        found += name_errors(name, f"{path}.limits[{name}]")
        found += amount_errors(name, amount, f"{path}.limits[{name}]")
        found += _huge_page_errors(name, amount, f"{path}.limits[{name}]")
    for name, amount in requests.items():
        found += name_errors(name, f"{path}.requests[{name}]")
        found += amount_errors(name, amount, f"{path}.requests[{name}]")
        found += _against_limit_errors(name, amount, limits.get(name), path)
        found += _huge_page_errors(name, amount, f"{path}.requests[{name}]")
    asked = {*limits, *requests}
    if asked.isdisjoint(CLASSED) and any(is_huge_page(name) for name in asked):
        found.append(forbidden(path, "HugePages require cpu or memory"))
    if requirements.get("claims"):
        found += _claims_errors(requirements["claims"], claims, f"{path}.claims")
    return found


def _against_limit_errors(name: str, amount: str, limit: str | None, path: str) -> list[FieldError]:
    if limit is None:
        if may_be_overcommitted(name):
            return []
        return [required(f"{path}.limits", "Limit must be set for non overcommitable resources")]
    if amount == limit:
        return []
    order = parse(amount).compare(parse(limit))
    if order and not may_be_overcommitted(name):
        return [invalid(f"{path}.requests", amount, f"must be equal to {name} limit of {limit}")]
    if order > 0:
        return [invalid(f"{path}.requests", amount, f"must be less than or equal to {name} limit of {limit}")]
    return []


def _huge_page_errors(name: str, amount: str, path: str) -> list[FieldError]:
    if not is_huge_page(name) or _divides(name.removeprefix("hugepages-"), amount):
        return []
    return [invalid(path, amount, f"{amount} is not positive integer multiple of {name}")]


def _divides(page: str, amount: str) -> bool:
    try:
        size = parse(page)
    except ValueError:
        return False
    if size.mantissa <= 0 or not size.is_integer():
        return False
    return parse(amount).value() % size.value() == 0


def _claims_errors(claims: list[Object], known: set[str], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, claim in enumerate(claims):
        name, request = claim.get("name", ""), claim.get("request", "")
        if not name:
            found.append(required(f"{path}[{at}]"))
            continue
        found += _claim_overlap_errors(name, request, seen, f"{path}[{at}]")
        if name not in known:
            which = f": {', '.join(sorted(known))}" if known else " which is empty"
            error = not_found(f"{path}[{at}]", name)
            error.body += f": must be one of the names in pod.spec.resourceClaims{which}"
            found.append(error)
    return found


def _claim_overlap_errors(name: str, request: str, seen: set[str], path: str) -> list[FieldError]:
    if name in seen:  # all of its requests
        return [duplicate(path, name)]
    found: list[FieldError] = []
    key = name
    if request:
        found += [invalid(f"{path}.request", request, one) for one in names.dns1123_label(request)]
        key = f"{name}/{request}"
    if key in seen:
        found.append(duplicate(path, key))
    elif not request:
        found += [duplicate(path, name) for other in seen if other.startswith(f"{name}/")]
    seen.add(key)
    return found


def pod_claims_errors(claims: list[Object], path: str) -> list[FieldError]:
    """The pod's own list, to which those of its containers refer."""
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, claim in enumerate(claims):
        found += _pod_claim_errors(claim, seen, f"{path}[{at}]")
    return found


def _pod_claim_errors(claim: Object, seen: set[str], path: str) -> list[FieldError]:
    name = claim.get("name", "")
    found: list[FieldError] = []
    if not name:
        found.append(required(f"{path}.name"))
    elif name in seen:
        found.append(duplicate(f"{path}.name", name))
    else:
        found += [invalid(f"{path}.name", name, message) for message in names.dns1123_label(name)]
        seen.add(name)
    sources = [
        key for key in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(key) is not None
    ]
    if len(sources) != 1:
        detail = (
            "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            if sources
            else "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
        )
        found.append(invalid(path, structs.shown("PodResourceClaim", claim), detail))
    for key in sources:
        found += [invalid(f"{path}.{key}", claim[key], one) for one in names.dns1123_subdomain(claim[key])]
    return found


def pod_level_errors(spec: Object, claims: set[str], path: str) -> list[FieldError]:
    """Requests and limits of the pod as a whole; `path` is the spec's."""
    resources = spec.get("resources")
    if resources is None:
        return []
    path = f"{path}.resources"
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(path, "may not be set for a windows pod")]
    found: list[FieldError] = []
    if resources.get("claims"):
        found.append(forbidden(f"{path}.claims", "claims may not be set for Resources at pod-level"))
    found += requirements_errors(resources, claims, path, of_pod=True)
    return found + _consistency_errors(spec, resources, path)


def _consistency_errors(spec: Object, resources: Object, path: str) -> list[FieldError]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    found: list[FieldError] = []
    for name, sum_ in aggregate(spec, "requests").items():
        if name in requests and sum_ > parse(requests[name]):
            detail = f"must be greater than or equal to aggregate container requests of {sum_}"
            found.append(invalid(f"{path}.requests[{name}]", requests[name], detail))
    for name, sum_ in aggregate(spec, "limits").items():
        if is_huge_page(name) and name in limits and sum_ > parse(limits[name]):
            detail = f"must be greater than or equal to aggregate container limits of {sum_}"
            found.append(invalid(f"{path}.limits[{name}]", limits[name], detail))
    for at, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and parse(limit) > parse(limits[name]):
                detail = f"must be less than or equal to pod limits of {limits[name]}"
                found.append(invalid(f"{path}.containers[{at}][{name}].limits", limit, detail))
    return found


def aggregate(spec: Object, kind: str) -> dict[str, Quantity]:
    """What all containers together ask for ("requests") or may have ("limits") at their worst moment.

    Containers run together with the sidecars; other init containers run one by one, with the sidecars before
    them. component-helpers/resource.
    """
    total: dict[str, Quantity] = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, kind))
    sidecars: dict[str, Quantity] = {}
    initial: dict[str, Quantity] = {}
    for container in spec.get("initContainers") or ():
        own = _amounts(container, kind)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            _raise(initial, sidecars)
        else:
            _add(own, sidecars)
            _raise(initial, own)
    _raise(total, initial)
    return total


def _amounts(container: Object, kind: str) -> dict[str, Quantity]:
    amounts = (container.get("resources") or {}).get(kind) or {}
    return {name: parse(amount) for name, amount in amounts.items()}


def _add(total: dict[str, Quantity], more: dict[str, Quantity]) -> None:
    for name, amount in more.items():
        total[name] = total[name] + amount if name in total else amount


def _raise(total: dict[str, Quantity], other: dict[str, Quantity]) -> None:
    for name, amount in other.items():
        if name not in total or amount > total[name]:
            total[name] = amount


def default_requests(spec: Object) -> None:
    """Of a pod, not of templates: what has a limit requests as much, unless it says otherwise."""
    for kind in ("containers", "initContainers"):
        for container in spec.get(kind) or ():
            resources = container.get("resources")
            if resources and resources.get("limits"):
                requests = resources.setdefault("requests", {})
                for name, amount in resources["limits"].items():
                    requests.setdefault(name, amount)
    if spec.get("resources") is not None:
        _default_pod_level(spec, spec["resources"])


def _default_pod_level(spec: Object, resources: Object) -> None:
    requests = dict(resources.get("requests") or {})
    limits = dict(resources.get("limits") or {})
    for name, amount in aggregate(spec, "limits").items():
        if is_huge_page(name) and name not in requests:
            limits.setdefault(name, str(amount))
    if limits:
        resources["limits"] = limits
        for name, amount in aggregate(spec, "requests").items():
            if is_of_pods(name) and may_be_overcommitted(name):
                requests.setdefault(name, str(amount))
        for name, limit in limits.items():
            if is_of_pods(name):
                requests.setdefault(name, limit)
    if requests:
        resources["requests"] = requests


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort; pkg/apis/core/helper/qos.ComputePodQOS."""
    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}
    guaranteed = True
    if spec.get("resources") is not None:
        guaranteed = _count(spec["resources"], requests, limits)
    else:
        for kind in ("containers", "initContainers"):
            for container in spec.get(kind) or ():
                guaranteed &= _count(container.get("resources") or {}, requests, limits)
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if guaranteed and requests == limits else "Burstable"


def _count(resources: Object, requests: dict[str, Quantity], limits: dict[str, Quantity]) -> bool:
    """Adds up what decides; does it limit all of that?"""
    limited = 0
    for kind, total in (("requests", requests), ("limits", limits)):
        amounts = resources.get(kind)
        if not amounts:
            continue
        for name in CLASSED:
            if name in amounts and (amount := parse(amounts[name])).mantissa > 0:
                total[name] = total[name] + amount if name in total else amount
                limited += kind == "limits"
    return limited == len(CLASSED)
