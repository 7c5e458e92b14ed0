"""What a pod asks for in all: the sum of what runs together, or what its start needs if that is more. Pure.

Kubernetes: k8s.io/component-helpers/resource, PodRequests and PodLimits.
"""

from sampan.errors import Invalid
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes.quantity import Quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
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


def of_pod(spec: "Object", side: str, *, overhead: bool = True) -> "Amounts":
    """What a pod asks for; `side`: "requests" or "limits"."""
    total: Amounts = {}
    for one in spec.get("containers") or ():
        _add(total, _of(one, side))
    starting: Amounts = {}
    beside: Amounts = {}
    for one in spec.get("initContainers") or ():
        own = _of(one, side)
        if one.get("restartPolicy") == "Always":
            _add(total, own)
            _add(beside, own)
            _raise(starting, beside)
        else:
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


def _of(value: "Object", side: str) -> "Amounts":
    return amounts((value.get("resources") or {}).get(side))


def _add(total: "Amounts", more: "Amounts") -> None:
    for name, amount in more.items():
        total[name] = total.get(name, ZERO) + amount


def _raise(least: "Amounts", other: "Amounts") -> None:
    for name, amount in other.items():
        if name not in least or amount > least[name]:
            least[name] = amount
