"""What a pod asks of a node, in integers as the scheduler counts: thousandths of a CPU, bytes, pieces."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sampan.specs.kubernetes.podamounts import of_pod
from sampan.specs.kubernetes.quantity import Quantity, parse

CPU, MEMORY, PODS = "cpu", "memory", "pods"
# What scores take a container to use that asks for nothing: pkg/scheduler/util, DefaultMilliCPURequest.
UNASKED = {CPU: parse("100m"), MEMORY: parse("200Mi")}
# More is cut off: 128 times so much, and a hundred times as scores multiply, fit into 64 bits.
MOST = 1 << 56


class Requests(NamedTuple):
    """By resource. `assumed`: the same with something for containers that ask for no CPU or no memory."""

    asked: Mapping[str, int]
    assumed: Mapping[str, int]


def amount(resource: str, quantity: Quantity) -> int:
    found = quantity.milli_value() if resource == CPU else quantity.value()
    return max(-MOST, min(MOST, found))


def integers(found: Mapping[str, Quantity]) -> dict[str, int]:
    return {name: amount(name, quantity) for name, quantity in found.items()}


def requests_of(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Requests:
    """`status`: a container that was resized in place counts for the most of what it has, gets and wants."""
    asked = of_pod(dict(spec), "requests", status=dict(status))
    assumed = of_pod(dict(spec), "requests", status=dict(status), unasked=UNASKED)
    return Requests(integers(asked), integers(assumed))
