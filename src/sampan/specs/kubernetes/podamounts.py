"""What a pod asks for in all: the sum of what runs together, or what its start needs if that is more. Pure.

Kubernetes: k8s.io/component-helpers/resource, PodRequests and PodLimits.
"""

from sampan.errors import Invalid
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes.quantity import Quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Object = dict[str, Any]
    Amounts = dict[str, Quantity]

ZERO = Quantity(0)
OF_PODS = ("cpu", "memory")  # and hugepages-*: what the resources of a whole pod may say


def amounts(value: "dict[str, str] | None") -> "Amounts":
    """The amounts of a list of resources, without what is no amount: validation tells of that."""
    found = {}
    for name, text in (value or {}).items():
        try:
            found[name] = quantity.parse(text)
        except Invalid:
            continue
    return found


def of_pod(
    spec: "Object",
    side: str,
    *,
    overhead: bool = True,
    status: "Object | None" = None,
    unasked: "Amounts | None" = None,
) -> "Amounts":
    """What a pod asks for; `side`: "requests" or "limits".

    `status`: containers that were resized in place count for the most of what they want, were given and have.
    `unasked`: what a container counts for that does not say.
    """
    sizes = _sizes(status or {}, side)
    total: Amounts = {}
    for one in spec.get("containers") or ():
        _add(total, _filled(_resized(one, side, sizes), unasked))
    starting: Amounts = {}
    beside: Amounts = {}
    for one in spec.get("initContainers") or ():
        if one.get("restartPolicy") == "Always":
            own = _filled(_resized(one, side, sizes), unasked)
            _add(total, own)
            _add(beside, own)
            _raise(starting, beside)
        else:
            own = _filled(_of(one, side), unasked)
            _add(own, beside)
            _raise(starting, own)
    _raise(total, starting)
    for name, amount in _of(spec, side).items():
        if name in OF_PODS or name.startswith("hugepages-"):
            total[name] = amount
    if overhead:
        for name, amount in amounts(spec.get("overhead")).items():
            if side == "requests" or total.get(name):
                total[name] = total.get(name, ZERO) + amount
    return total


def _sizes(status: "Object", side: str) -> "dict[str, tuple[Amounts, bool]]":
    """By container that tells its own size: that size, and whether what the spec says cannot be given."""
    found: dict[str, tuple[Amounts, bool]] = {}
    infeasible = any(
        one.get("type") == "PodResizePending" and one.get("reason") == "Infeasible"
        for one in status.get("conditions") or ()
    )
    for kind in ("containerStatuses", "initContainerStatuses"):
        for one in status.get(kind) or ():
            if one.get("resources") is not None:
                size = _of(one, side)
                if side == "requests":
                    _raise(size, amounts(one.get("allocatedResources")))
                found[one.get("name", "")] = (size, infeasible)
    return found


def _resized(container: "Object", side: str, sizes: "Mapping[str, tuple[Amounts, bool]]") -> "Amounts":
    own = _of(container, side)
    if container.get("name") not in sizes:
        return own
    size, infeasible = sizes[container["name"]]
    found = dict(size)
    if not infeasible:
        _raise(found, own)
    return found


def _filled(own: "Amounts", unasked: "Amounts | None") -> "Amounts":
    return {**unasked, **own} if unasked else own


def _of(value: "Object", side: str) -> "Amounts":
    return amounts((value.get("resources") or {}).get(side))


def _add(total: "Amounts", more: "Amounts") -> None:
    for name, amount in more.items():
        total[name] = total.get(name, ZERO) + amount


def _raise(least: "Amounts", other: "Mapping[str, Quantity]") -> None:
    for name, amount in other.items():
        if name not in least or amount > least[name]:
            least[name] = amount
