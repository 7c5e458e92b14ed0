"""Near whom an endpoint should be used, as a Service's `trafficDistribution` asks. Pure.

kubernetes.io/docs/reference/networking/virtual-ips#traffic-distribution
"""

from collections.abc import Callable, Mapping, Sequence

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.objects import annotations_of

SAME_NODE = "PreferSameNode"
NEAR = frozenset(("PreferClose", "PreferSameZone", SAME_NODE))
MODE, OLD_MODE = "service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"

# Sets the hints of slices that are written anyhow; returns those of the others that are to be written for it.
Hint = Callable[[Sequence[Object], Sequence[Object]], list[Object]]


def distribution(service: Object) -> str:
    """Empty where traffic goes to all alike, or the older annotation stands in the way."""
    found = (service.get("spec") or {}).get("trafficDistribution") or ""
    return found if found in NEAR and not by_proportion(service) else ""


def by_proportion(service: Object) -> bool:
    """Does the annotation ask for a share of the endpoints for each zone?"""
    annotations: Mapping[str, str] = annotations_of(service)
    return annotations.get(OLD_MODE, annotations.get(MODE)) in ("Auto", "auto")


def near(wanted: str) -> Hint:
    """For a `trafficDistribution`; empty: there are to be no hints."""

    def hint(changed: Sequence[Object], unchanged: Sequence[Object]) -> list[Object]:
        more = [
            dict(value)
            for value in unchanged
            if any(hinted(one, wanted) is not one for one in value.get("endpoints") or ())
        ]
        for value in [*changed, *more]:
            value["endpoints"] = [hinted(one, wanted) for one in value.get("endpoints") or ()] or None
        return more

    return hint


def of(endpoint: Object, wanted: str) -> Object | None:
    """An endpoint's hints. One that is not ready keeps those it has."""
    if not wanted:
        return None
    if not (endpoint.get("conditions") or {}).get("ready"):
        have: Object | None = endpoint.get("hints")
        return have
    found: Object = {}
    if endpoint.get("zone"):
        found["forZones"] = [{"name": endpoint["zone"]}]
    if endpoint.get("nodeName") and wanted == SAME_NODE:
        found["forNodes"] = [{"name": endpoint["nodeName"]}]
    return found or None


def hinted(endpoint: Object, wanted: str) -> Object:
    """The endpoint with its hints, or itself if it has them."""
    hints = of(endpoint, wanted)
    if hints == endpoint.get("hints"):
        return endpoint
    rest = {key: value for key, value in endpoint.items() if key != "hints"}
    return {**rest, "hints": hints} if hints else rest


no_hints = near("")
