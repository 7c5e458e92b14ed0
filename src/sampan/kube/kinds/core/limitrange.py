"""LimitRanges; pkg/apis/core/v1/defaults.go and pkg/apis/core/validation."""

from sampan.kube.kinds.core.amounts import round_amounts
from sampan.kube.kinds.core.podspec.resourcenames import (
    container_resource_name_errors,
    may_be_overcommitted,
    resource_name_errors,
)
from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, forbidden, invalid, required
from sampan.specs.kubernetes.quantity import Quantity, parse

_LISTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_TYPES = ("Container", "PersistentVolumeClaim", "Pod")
_LARGEST_MILLI = (2**63 - 1) // 1000

Limits = dict[str, dict[str, Quantity]]


def _default(value: Object) -> None:
    for item in (value.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            _default_container(item)
        round_amounts(*(item.get(field) for field in _LISTS))


def _default_container(item: Object) -> None:
    limits = (item.get("max") or {}) | (item.get("default") or {})
    requests = (item.get("min") or {}) | limits | (item.get("defaultRequest") or {})
    for field, amounts in (("default", limits), ("defaultRequest", requests)):
        if amounts:
            item[field] = amounts


def _prepare_create(new: Object, _context: Context) -> None:
    if not new["metadata"].get("name"):
        import uuid

        new["metadata"]["name"] = str(uuid.uuid4())


def _validate(value: Object, _context: Context) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, item in enumerate((value.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{at}]", item.get("type", "")
        found += _type_errors(kind, f"{path}.type")
        if kind in seen:
            found.append(duplicate(f"{path}.type", kind))
        seen.add(kind)
        found += _item_errors(item, kind, path)
    return found


def _type_errors(kind: str, path: str) -> list[FieldError]:
    if messages := names.qualified_name(kind):
        return [invalid(path, kind, message) for message in messages]
    if "/" in kind or kind in _TYPES:
        return []
    return [invalid(path, kind, "must be a standard limit type or fully qualified")]


def _item_errors(item: Object, kind: str, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    limits: Limits = {field: {} for field in _LISTS}
    for field in _LISTS:
        if field == "maxLimitRequestRatio":
            found += _claim_errors(item, kind, path)
        amounts = item.get(field) or {}
        if kind == "Pod" and field in ("default", "defaultRequest"):
            if amounts:
                found.append(forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'"))
            continue
        for name, text in amounts.items():
            found += _name_errors(name, kind, f"{path}.{field}[{name}]")
            limits[field][name] = parse(text)
    for name in dict.fromkeys(name for amounts in limits.values() for name in amounts):
        found += _amounts_errors(limits, name, path)
    return found


def _name_errors(name: str, kind: str, path: str) -> list[FieldError]:
    if kind in ("Pod", "Container"):
        return container_resource_name_errors(name, path)
    return resource_name_errors(name, path)


def _claim_errors(item: Object, kind: str, path: str) -> list[FieldError]:
    if kind != "PersistentVolumeClaim" or any(
        "storage" in (item.get(field) or ()) for field in ("min", "max")
    ):
        return []
    detail = "either minimum or maximum storage value is required, but neither was provided"
    return [required(f"{path}.limits", detail)]


# (what is at most, what, whose field is wrong, which of the two is shown, in these words)
_ORDERS = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value {} is greater than default request value {}",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value {} is greater than max value {}",
    ),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        "default request value {} is greater than default limit value {}",
    ),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)


def _amounts_errors(limits: Limits, name: str, path: str) -> list[FieldError]:
    found = []
    for less, more, field, shown, words in _ORDERS:
        one, two = limits[less].get(name), limits[more].get(name)
        if one is not None and two is not None and one > two:
            detail = words.format(one, two)
            found.append(invalid(f"{path}.{field}[{name}]", str(limits[shown][name]), detail))
    found += _ratio_errors(limits, name, f"{path}.maxLimitRequestRatio[{name}]")
    limit, request = limits["default"].get(name), limits["defaultRequest"].get(name)
    if limit is not None and request is not None and limit != request and not may_be_overcommitted(name):
        detail = f"default value {limit} must equal to defaultRequest value {request} in {name}"
        found.append(invalid(f"{path}.defaultRequest[{name}]", str(request), detail))
    return found


def _ratio_errors(limits: Limits, name: str, path: str) -> list[FieldError]:
    ratio = limits["maxLimitRequestRatio"].get(name)
    least, most = limits["min"].get(name), limits["max"].get(name)
    if ratio is None:
        return []
    found = []
    if ratio < Quantity(1):
        found.append(invalid(path, str(ratio), f"ratio {ratio} is less than 1"))
    if least is not None and most is not None:
        fine = all(one.value() < _LARGEST_MILLI for one in (ratio, least, most))
        low, high = (one.milli_value() if fine else one.value() for one in (least, most))
        factor = ratio.milli_value() / 1000 if fine else float(ratio.value())
        if low and factor > high / low:
            detail = f"ratio {ratio} is greater than max/min = {high / low:f}"
            found.append(invalid(path, str(ratio), detail))
    return found


RESOURCE = Resource(
    kind="LimitRange",
    plural="limitranges",
    short_names=("limits",),
    empty={"spec": {"limits": None}},
    default=_default,
    prepare_create=_prepare_create,
    validate=_validate,
)
