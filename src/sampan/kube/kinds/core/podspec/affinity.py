"""Node selectors and affinity: to nodes, to other pods, and away from them."""

from collections.abc import Sequence
from typing import Any

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required
from sampan.specs.kubernetes.labelselector import label_selector_errors

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def affinity_errors(affinity: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if nodes := affinity.get("nodeAffinity"):
        found += _node_affinity_errors(nodes, f"{path}.nodeAffinity")
    for name in ("podAffinity", "podAntiAffinity"):
        if pods := affinity.get(name):
            found += _pod_affinity_errors(pods, f"{path}.{name}")
    return found


def _node_affinity_errors(affinity: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if (selector := affinity.get(_REQUIRED)) is not None:
        found += node_selector_errors(selector, f"{path}.{_REQUIRED}")
    for at, term in enumerate(affinity.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{at}]"
        found += _weight_errors(term, where)
        # Values that no label can have are allowed here: the term then just does not count.
        found += _term_errors(term.get("preference") or {}, f"{where}.preference", values=False)
    return found


def _weight_errors(term: Object, path: str) -> list[FieldError]:
    weight = term.get("weight", 0)
    return [] if 0 < weight <= 100 else [invalid(f"{path}.weight", weight, "must be in the range 1-100")]


def node_selector_errors(selector: Object, path: str) -> list[FieldError]:
    """Of pods and of volumes; upstream's ValidateNodeSelector."""
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        return [required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")]
    found: list[FieldError] = []
    for at, term in enumerate(terms):
        found += _term_errors(term, f"{path}.nodeSelectorTerms[{at}]")
    return found


def _term_errors(term: Object, path: str, *, values: bool = True) -> list[FieldError]:
    found: list[FieldError] = []
    for at, one in enumerate(term.get("matchExpressions") or ()):
        found += _expression_errors(one, f"{path}.matchExpressions[{at}]", values)
    for at, one in enumerate(term.get("matchFields") or ()):
        found += _field_errors(one, f"{path}.matchFields[{at}]")
    return found


def _expression_errors(expression: Object, path: str, judge_values: bool) -> list[FieldError]:
    found: list[FieldError] = []
    operator, values = expression.get("operator", ""), expression.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            found.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden(f"{path}.values", detail))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            found.append(required(f"{path}.values", detail))
    else:
        found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    found += _key_errors(expression.get("key", ""), f"{path}.key")
    for at, value in enumerate(values if judge_values else ()):
        found += [invalid(f"{path}.values[{at}]", value, one) for one in names.label_value(value)]
    return found


def _key_errors(key: str, path: str) -> list[FieldError]:
    return [invalid(path, key, message) for message in names.qualified_name(key)]


def _field_errors(expression: Object, path: str) -> list[FieldError]:
    """A node's only field is its name."""
    found: list[FieldError] = []
    operator, values = expression.get("operator", ""), expression.get("values") or ()
    if operator not in ("In", "NotIn"):
        found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        found.append(required(f"{path}.values", detail))
    if (key := expression.get("key", "")) != "metadata.name":
        return [*found, invalid(f"{path}.key", key, "not a valid field selector key")]
    for at, value in enumerate(values):
        found += [invalid(f"{path}.values[{at}]", value, one) for one in names.dns1123_subdomain(value)]
    return found


def _pod_affinity_errors(affinity: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, term in enumerate(affinity.get(_REQUIRED) or ()):
        found += _pod_term_errors(term, f"{path}.{_REQUIRED}[{at}]")
    for at, term in enumerate(affinity.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{at}]"
        found += _weight_errors(term, where)
        found += _pod_term_errors(term.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")
    return found


def _pod_term_errors(term: Object, path: str) -> list[FieldError]:
    selector = term.get("labelSelector")
    found = label_selector_errors(selector, f"{path}.labelSelector")
    found += label_selector_errors(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for name in term.get("namespaces") or ():
        found += [invalid(f"{path}.namespace", name, message) for message in names.dns1123_label(name)]
    mismatched = term.get("mismatchLabelKeys") or []
    found += label_keys_errors(term.get("matchLabelKeys") or [], mismatched, selector, path)
    key = term.get("topologyKey", "")
    if not key:
        found.append(required(f"{path}.topologyKey", "can not be empty"))
    return found + _key_errors(key, f"{path}.topologyKey")


def label_keys_errors(
    matched: Sequence[str], mismatched: Sequence[str], selector: Object | None, path: str
) -> list[FieldError]:
    """Keys whose values a pod brings itself, put into its selectors when it was made.

    So a key is in the selector once by that; twice, and somebody had named it there as well.
    """
    found: list[FieldError] = []
    for name, keys in (("matchLabelKeys", matched), ("mismatchLabelKeys", mismatched)):
        if keys and selector is None:
            detail = "must not be specified when labelSelector is not set"
            found.append(forbidden(f"{path}.{name}", detail))
            continue
        for at, key in enumerate(keys):
            found += _key_errors(key, f"{path}.{name}[{at}]")
    if matched and selector is not None:
        found += _twice_selected_errors(matched, selector, path)
    for at, key in enumerate(matched):
        if key in mismatched:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            found.append(invalid(f"{path}.matchLabelKeys[{at}]", key, detail))
    return found


def _twice_selected_errors(keys: Sequence[str], selector: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    where = {key: at for at, key in enumerate(keys)}
    seen = set(selector.get("matchLabels") or ())
    for one in selector.get("matchExpressions") or ():
        key = one.get("key", "")
        if key in where and key in seen:
            detail = "exists in both matchLabelKeys and labelSelector"
            found.append(invalid(f"{path}[{where[key]}]", key, detail))
        seen.add(key)
    return found


def put_label_keys_into_selectors(spec: Object, labels: dict[str, str]) -> None:
    """What a pod's matchLabelKeys stand for, when it is created; its strategy's PrepareForCreate."""
    affinity = spec.get("affinity") or {}
    for name in ("podAffinity", "podAntiAffinity"):
        kind = affinity.get(name) or {}
        for term in kind.get(_REQUIRED) or ():
            _put(term, labels)
        for weighted in kind.get(_PREFERRED) or ():
            _put(weighted.get("podAffinityTerm") or {}, labels)
    for constraint in spec.get("topologySpreadConstraints") or ():
        _put(constraint, labels)


def _put(term: Object, labels: dict[str, str]) -> None:
    selector = term.get("labelSelector")
    if selector is None:
        return
    for name, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
        for key in term.get(name) or ():
            if key in labels:
                expression: dict[str, Any] = {"key": key, "operator": operator, "values": [labels[key]]}
                selector.setdefault("matchExpressions", []).append(expression)
