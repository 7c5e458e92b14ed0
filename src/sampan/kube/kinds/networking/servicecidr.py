"""ServiceCIDR. k8s.io/kubernetes/pkg/apis/networking/validation, pkg/registry/networking/servicecidr"""

from typing import Any

from sampan.kube.kinds import statuses
from sampan.kube.kinds.ages import age
from sampan.kube.kinds.resource import Column, Context, Object, Resource, no_errors
from sampan.specs.kubernetes import ip
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required

_PATH = "spec.cidrs"
_IMMUTABLE = "field is immutable"


def prepare_create(new: Object, _context: Context) -> None:
    # Upstream takes a status that comes with a new object, and with a changed one.
    new.setdefault("status", {})


def validate(new: Object, _context: Context) -> list[FieldError]:
    return _ranges_errors(new["spec"].get("cidrs") or [])


def _ranges_errors(ranges: list[str]) -> list[FieldError]:
    if not ranges:
        return [required(_PATH, "at least one CIDR required")]
    if len(ranges) > 2:
        return [invalid(_PATH, {"CIDRs": ranges}, "may only hold up to 2 values")]
    found: list[FieldError] = []
    for at, text in enumerate(ranges):
        found += ip.range_errors(text, f"{_PATH}[{at}]")
    parsed = [ip.parse_range(text) for text in ranges]
    families = [ip.family(one[0]) for one in parsed if one is not None]
    if len(families) == 2 and families[0] == families[1]:
        detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        found.append(invalid(_PATH, ranges, detail))
    return found


def validate_update(new: Object, old: Object, _context: Context) -> list[FieldError]:
    """A second family may be added; nothing else changes."""
    ranges, before = new["spec"].get("cidrs") or [], old["spec"].get("cidrs") or []
    if len(ranges) == len(before):
        pairs = enumerate(zip(ranges, before, strict=True))
        return [invalid(f"{_PATH}[{at}]", one, _IMMUTABLE) for at, (one, two) in pairs if one != two]
    if (len(before), len(ranges)) != (1, 2):
        return [invalid(_PATH, new["spec"].get("cidrs"), _IMMUTABLE)]
    found = [] if ranges[0] == before[0] else [invalid(f"{_PATH}[0]", ranges[0], _IMMUTABLE)]
    return found + _ranges_errors(ranges)


def cells(new: Object, now: float) -> list[Any]:
    shown = ",".join(new["spec"].get("cidrs") or ())
    return [shown, age(new["metadata"].get("creationTimestamp"), now)]


RESOURCE = Resource(
    "ServiceCIDR",
    "servicecidrs",
    group="networking.k8s.io",
    namespaced=False,
    subresources=(statuses.status_of(no_errors),),
    prepare_create=prepare_create,
    validate=validate,
    validate_update=validate_update,
    columns=(Column("CIDRs", describe="spec.cidrs"), Column("Age", describe="metadata.creationTimestamp")),
    cells=cells,
)
