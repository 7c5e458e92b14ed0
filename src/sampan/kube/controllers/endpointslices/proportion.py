"""Endpoints shared out among zones by the processors that these have, for Services that ask for it. Pure.

The annotation service.kubernetes.io/topology-mode; kubernetes.io/docs/concepts/services-networking/
topology-aware-routing. Where the shares would be too uneven there are no hints at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from sampan.kube.client.requests import Object
from sampan.kube.controllers.endpointslices.hints import no_hints
from sampan.kube.controllers.endpointslices.members import ZONE
from sampan.specs.kubernetes.objects import condition, is_true, labels_of
from sampan.specs.kubernetes.podamounts import amounts

OVERLOAD = 0.2  # by how much an endpoint may have more to do than its share
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")

NO_NODES = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
TOO_FEW = "Insufficient number of endpoints"
TOO_UNEVEN = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
NO_ZONE = "One or more endpoints do not have a zone specified"
NOTHING = "No hints allocated for zones"
ENABLED = "Topology Aware Hints has been enabled"
DISABLED = "Topology Aware Hints has been disabled"


@dataclass(frozen=True)
class Share:
    """Endpoints of a zone."""

    least: int
    wanted: float
    most: int


def ratios(nodes: Iterable[Object]) -> dict[str, float]:
    """The zones' parts of all processors; empty if not all ready nodes tell, or there are no two zones."""
    found: dict[str, int] = {}
    for node in nodes:
        labels = labels_of(node)
        ready = is_true(node, "Ready")
        if not ready or any(one in labels for one in CONTROL_PLANE):
            continue
        processors = amounts((node.get("status") or {}).get("allocatable")).get("cpu")
        if not labels.get(ZONE) or not processors:
            return {}
        found[labels[ZONE]] = found.get(labels[ZONE], 0) + processors.milli_value()
    total = sum(found.values())
    return {zone: part / total for zone, part in found.items()} if len(found) > 1 else {}


def facts(node: Object) -> tuple[object, ...]:
    """What of a node matters to the shares."""
    labels = labels_of(node)
    processors = ((node.get("status") or {}).get("allocatable") or {}).get("cpu")
    ready = (condition(node, "Ready") or {}).get("status")
    return labels.get(ZONE), processors, ready, *(one in labels for one in CONTROL_PLANE)


def shares(parts: Mapping[str, float], count: int) -> dict[str, Share] | str:
    """Of so many endpoints, or why there are none."""
    if not parts:
        return NO_NODES
    told = f"({count} endpoints, {len(parts)} zones)"
    if len(parts) > count:
        return f"{TOO_FEW} {told}"
    least = {zone: ceil(part * count / (1 + OVERLOAD)) for zone, part in parts.items()}
    spare = count - sum(least.values())
    if spare < 0:
        return f"{TOO_UNEVEN} {told}"
    return {
        zone: Share(least[zone], max(part * count, least[zone]), least[zone] + spare)
        for zone, part in parts.items()
    }


def hint(
    parts: Mapping[str, float], changed: Sequence[Object], unchanged: Sequence[Object]
) -> tuple[list[Object], str]:
    """Set hints in what is changed anyhow; what else has to be changed for them, and why there are none."""
    ready = [one for value in [*changed, *unchanged] for one in value.get("endpoints") or () if is_ready(one)]
    found = shares(parts, len(ready))
    if isinstance(found, str):
        return no_hints(changed, unchanged), found
    counts: dict[str, int] = {}
    more: list[tuple[Object, Object]] = []
    for value in unchanged:
        kept = _kept(value, counts, found)
        if kept is None:
            more.append((value, dict(value)))
        else:
            counts = kept
    why = _assign([*changed, *(new for _, new in more)], counts, found)
    if why:
        return no_hints(changed, unchanged), why
    return [new for old, new in more if new != old], ""


def is_ready(endpoint: Object) -> bool:
    return bool((endpoint.get("conditions") or {}).get("ready"))


def _kept(value: Object, counts: dict[str, int], found: Mapping[str, Share]) -> dict[str, int] | None:
    """With the hints of a slice; None if they cannot stay."""
    total = dict(counts)
    for one in value.get("endpoints") or ():
        if not is_ready(one):
            continue
        names = [zone["name"] for zone in (one.get("hints") or {}).get("forZones") or ()]
        if not names or any(name not in found for name in names):
            return None
        for name in names:
            total[name] = total.get(name, 0) + 1
    fits = all(count <= found[zone].most for zone, count in total.items() if zone in found)
    return total if fits else None


def _assign(slices: Sequence[Object], counts: dict[str, int], found: Mapping[str, Share]) -> str:
    """First each endpoint to its own zone, then some to others."""
    ready = [one for value in slices for one in value.get("endpoints") or () if is_ready(one)]
    if not all(one.get("zone") for one in ready):
        return NO_ZONE
    zones = [one["zone"] for one in ready]
    for zone in zones:
        counts[zone] = counts.get(zone, 0) + 1
    if not counts:
        return NOTHING
    giving, receiving = moves(counts, found)
    for at, zone in enumerate(zones):
        if giving.get(zone) and receiving:
            giving[zone] -= 1
            zones[at] = receiving.pop()
    by_endpoint = iter(zones)
    for value in slices:
        value["endpoints"] = [
            _hinted(one, next(by_endpoint) if is_ready(one) else "") for one in value.get("endpoints") or ()
        ] or None
    return ""


def _hinted(endpoint: Object, zone: str) -> Object:
    rest = {key: value for key, value in endpoint.items() if key != "hints"}
    return {**rest, "hints": {"forZones": [{"name": zone}]}} if zone else rest


def moves(counts: Mapping[str, int], found: Mapping[str, Share]) -> tuple[dict[str, int], list[str]]:
    """How many endpoints zones give away, and the zones that get one each, until it is even enough."""
    surplus = {zone: counts.get(zone, 0) - share.wanted for zone, share in found.items()}
    giving: dict[str, int] = {}
    receiving: list[str] = []
    while surplus:
        giver = max(sorted(surplus), key=lambda zone: surplus[zone])
        taker = min(sorted(surplus), key=lambda zone: surplus[zone])
        much, little = surplus[giver], -surplus[taker]
        if min(much, little) < 0.5 or max(much, little) < 1:
            break
        giving[giver] = giving.get(giver, 0) + 1
        receiving.append(taker)
        surplus[giver] -= 1
        surplus[taker] += 1
    return giving, receiving[::-1]
