"""What access reviews ask: whether it is a question, and which one. Pure.

Kubernetes: pkg/apis/authorization/validation, pkg/registry/authorization/util.
"""

from collections.abc import Sequence

from sampan.kube.access.user import Attributes, User
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import fields, labels, names, status
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required

_RESOURCE, _PATH = "spec.resourceAttributes", "spec.nonResourceAttributes"


def require_valid(errors: Sequence[FieldError]) -> None:
    """Raises the StatusError; upstream's has no kind."""
    if errors:
        raise status.invalid("authorization.k8s.io", "", "", list(errors))


def _shown_path(attributes: Object) -> Object:
    """As Go shows its internal type."""
    return {"Path": attributes.get("path") or "", "Verb": attributes.get("verb") or ""}


def question_errors(spec: Object) -> list[FieldError]:
    """A review asks about a resource or about a path."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    errors = []
    if resource is not None and path is not None:
        why = "cannot be specified in combination with resourceAttributes"
        errors.append(invalid(_PATH, _shown_path(path), why))
    if resource is None and path is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.append(invalid(_RESOURCE, None, why))
    return errors + _selector_errors(resource or {})


def subject_errors(spec: Object) -> list[FieldError]:
    """A review about others says about whom."""
    errors = question_errors(spec)
    if spec.get("user") or spec.get("groups"):
        return errors
    why = invalid("spec.user", spec.get("user") or "", "at least one of user or group must be specified")
    # Upstream asks after the selectors last.
    selectors = [one for one in errors if one.path.startswith(f"{_RESOURCE}.")]
    return [*(one for one in errors if one not in selectors), why, *selectors]


def metadata_errors(review: Object, allowed: Sequence[str]) -> list[FieldError]:
    """A review has no metadata but its namespace, and that only if it is of a namespace."""
    metadata: Object = review.get("metadata") or {}
    ignored = (*allowed, "managedFields", "creationTimestamp")
    if not any(value for key, value in metadata.items() if key not in ignored):
        return []
    why = "must be empty except for namespace" if "namespace" in allowed else "must be empty"
    return [invalid("metadata", metadata, why)]


def local_errors(spec: Object, namespace: str) -> list[FieldError]:
    """A review of a namespace asks about that namespace."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    errors = []
    if resource is not None and (resource.get("namespace") or "") != namespace:
        said = resource.get("namespace") or ""
        errors.append(invalid(f"{_RESOURCE}.namespace", said, "must match metadata.namespace"))
    if path is not None:
        errors.append(invalid(_PATH, _shown_path(path), "disallowed on this kind of request"))
    return errors


def _selector_errors(resource: Object) -> list[FieldError]:
    errors = []
    for field in ("fieldSelector", "labelSelector"):
        selector, path = resource.get(field), f"{_RESOURCE}.{field}"
        if selector is None:
            continue
        raw, requirements = selector.get("rawSelector") or "", selector.get("requirements") or ()
        if raw and requirements:
            why = "may not specified at the same time as requirements"
            errors.append(invalid(f"{path}.rawSelector", raw, why))
        if not raw and not requirements:
            why = f"when {path} is specified, requirements or rawSelector is required"
            errors.append(required(f"{path}.requirements", why))
        for index, one in enumerate(requirements):
            errors += _requirement_errors(one, f"{path}.requirements[{index}]", field == "labelSelector")
    return errors


def _requirement_errors(requirement: Object, path: str, label: bool) -> list[FieldError]:
    """Operators of later versions are put up with, and not evaluated."""
    key, operator = requirement.get("key") or "", requirement.get("operator") or ""
    values: Sequence[str] = requirement.get("values") or ()
    errors = []
    if not label and not key:
        errors.append(required(f"{path}.key", "must be specified"))
    if operator in ("In", "NotIn") and not values:
        why = "must be specified when `operator` is 'In' or 'NotIn'"
        errors.append(required(f"{path}.values", why))
    if operator in ("Exists", "DoesNotExist") and values:
        why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        errors.append(forbidden(f"{path}.values", why))
    if label:
        errors += [invalid(f"{path}.key", key, why) for why in names.qualified_name(key)]
        for index, value in enumerate(values):
            at = f"{path}.values[{index}]"
            errors += [invalid(at, value, why) for why in names.label_value(value)]
    return errors


def subject(spec: Object) -> User:
    """About whom a review asks."""
    extra = {key.lower(): tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    return User(spec.get("user") or "", spec.get("uid") or "", tuple(spec.get("groups") or ()), extra)


def attributes(spec: Object, user: User) -> tuple[Attributes, list[str]]:
    """What is asked, and which part of it cannot be taken into account."""
    path: Object | None = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(user, path.get("verb") or "", path=path.get("path") or ""), []
    resource: Object = spec.get("resourceAttributes") or {}
    problems = []
    selectors = {}
    for field in ("fieldSelector", "labelSelector"):
        text, problem = _selector(resource.get(field), label=field == "labelSelector")
        selectors[field] = text
        if problem:
            problems.append(f"{_RESOURCE}.{field} {problem} due to parse error")
    return (
        Attributes(
            user,
            resource.get("verb") or "",
            resource.get("group") or "",
            resource.get("version") or "*",
            resource.get("resource") or "",
            resource.get("subresource") or "",
            resource.get("namespace") or "",
            resource.get("name") or "",
            label_selector=selectors["labelSelector"],
            field_selector=selectors["fieldSelector"],
        ),
        problems,
    )


def _selector(selector: Object | None, *, label: bool) -> tuple[str, str]:
    """As text, and "ignored" or "partially ignored" if not all of it could be read."""
    if not selector:
        return "", ""
    raw = selector.get("rawSelector") or ""
    if raw:
        return (raw, "") if _reads(raw, label) else ("", "ignored")
    terms = [_term(one, label) for one in selector.get("requirements") or ()]
    known = [term for term in terms if term]
    problem = "" if len(known) == len(terms) else "partially ignored" if known else "ignored"
    return ",".join(known), problem


def _reads(raw: str, label: bool) -> bool:
    try:
        labels.parse(raw) if label else fields.parse(raw)
    except ValueError:
        return False
    return True


def _term(requirement: Object, label: bool) -> str:
    key, operator = requirement.get("key") or "", requirement.get("operator")
    values: Sequence[str] = requirement.get("values") or ()
    if label:
        return _label_term(key, operator, values)
    if operator in ("In", "NotIn") and len(values) == 1:
        return f"{key}{'=' if operator == 'In' else '!='}{values[0]}"
    return ""


def _label_term(key: str, operator: object, values: Sequence[str]) -> str:
    terms = {
        "In": f"{key} in ({','.join(values)})",
        "NotIn": f"{key} notin ({','.join(values)})",
        "Exists": key,
        "DoesNotExist": f"!{key}",
    }
    return terms.get(str(operator), "")
