"""LabelSelector objects: what may stand in them. Pure; apimachinery's pkg/apis/meta/v1/validation"""

from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    Shown,
    forbidden,
    invalid,
    required,
    shown_in_order,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LabelSelector = dict[str, "Any"]


def label_selector_errors(selector: "LabelSelector | None", path: str) -> list[FieldError]:
    """ValidateLabelSelector; nothing is wrong with one that is not there."""
    if not selector:
        return []
    found = names.labels_errors(selector.get("matchLabels"), f"{path}.matchLabels")
    for at, one in enumerate(selector.get("matchExpressions") or ()):
        found += _requirement_errors(one, f"{path}.matchExpressions[{at}]")
    return found


def _requirement_errors(requirement: "Mapping[str, Any]", path: str) -> list[FieldError]:
    found = []
    operator, values = requirement.get("operator", ""), requirement.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            found.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden(f"{path}.values", detail))
    else:
        found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    key = requirement.get("key", "")
    found += [invalid(f"{path}.key", key, message) for message in names.qualified_name(key)]
    for at, value in enumerate(values):
        found += [invalid(f"{path}.values[{at}]", value, message) for message in names.label_value(value)]
    return found


def is_empty(selector: "LabelSelector") -> bool:
    """Has it neither labels nor expressions, so that it selects everything?"""
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def can_select(selector: "LabelSelector | None") -> bool:
    """Does it make a selector? LabelSelectorAsSelector refuses what label_selector_errors reports."""
    return not label_selector_errors(selector, "")


def shown(selector: "LabelSelector") -> Shown:
    """As Go writes it: a struct's fields in their order, those of a map by name."""
    found: dict[str, Any] = {}
    if selector.get("matchLabels"):
        found["matchLabels"] = dict(sorted(selector["matchLabels"].items()))
    if selector.get("matchExpressions"):
        found["matchExpressions"] = [
            {key: one[key] for key in ("key", "operator", "values") if key in one}
            for one in selector["matchExpressions"]
        ]
    return shown_in_order(found)


def printed(selector: "LabelSelector | None") -> str:
    """As Go's generated String() has it, in messages."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{one.get('key', '')},Operator:{one.get('operator', '')},"
        f"Values:[{' '.join(one.get('values') or ())}],}},"
        for one in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
