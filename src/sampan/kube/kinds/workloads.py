"""What the kinds that make pods from templates have in common: statuses, templates' rules, columns."""

from collections.abc import Callable, Sequence
from typing import Any

from sampan.kube.kinds.core.podspec.spec import template_errors
from sampan.kube.kinds.core.podspec.warnings import template_warnings
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Column, Context, Object, Prepare, Subresource, ValidateUpdate
from sampan.specs.kubernetes import labels as selectors
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.labelselector import can_select, is_empty, label_selector_errors, shown
from sampan.specs.kubernetes.objects import copied

CONTAINERS = (
    Column("Containers", description="Names of each container in the template.", priority=1),
    Column("Images", description="Images referenced by each container in the template.", priority=1),
)
AGE = Column("Age", describe="metadata.creationTimestamp")
_DECREMENTED = "cannot be decremented"


def spec_of(value: Object) -> Object:
    found: Object = value.get("spec") or {}
    return found


def status_of(value: Object) -> Object:
    found: Object = value.get("status") or {}
    return found


def fresh_status(zero: Object) -> Prepare:
    """What a client says of the status of what it creates does not count; `zero` is what Go writes of
    none.
    """

    def prepare(value: Object, _context: Context) -> None:
        value["status"] = copied(zero)

    return prepare


def keep_status(new: Object, old: Object, _context: Context) -> None:
    new["status"] = old.get("status") or {}


def keep_spec(new: Object, old: Object, _context: Context) -> None:
    """Of a write of the status."""
    new["spec"] = old.get("spec") or {}


def keep_spec_and_labels(new: Object, old: Object, context: Context) -> None:
    keep_spec(new, old, context)
    meta = new.setdefault("metadata", {})
    meta.pop("labels", None)
    if before := (old.get("metadata") or {}).get("labels"):
        meta["labels"] = before


def status_subresource(
    validate: ValidateUpdate, prepare: Callable[[Object, Object, Context], None] = keep_spec
) -> Subresource:
    return Subresource("status", prepare_update=prepare, validate_update=validate)


SCALE = Subresource("scale", group="autoscaling", version="v1", kind="Scale")


def not_negative(value: Object, path: str, *fields: str) -> list[FieldError]:
    return [
        invalid(f"{path}.{name}", value[name], names.NOT_NEGATIVE)
        for name in fields
        if (value.get(name) or 0) < 0
    ]


def more_than_replicas(status: Object, *fields: str) -> list[FieldError]:
    """Of the counters that count some of all replicas."""
    replicas = status.get("replicas", 0)
    return [
        invalid(f"status.{name}", status.get(name, 0), "cannot be greater than status.replicas")
        for name in fields
        if status.get(name, 0) > replicas
    ]


def more_available_than_ready(status: Object, than: str) -> list[FieldError]:
    available = status.get("availableReplicas", 0)
    if available <= status.get("readyReplicas", 0):
        return []
    return [invalid("status.availableReplicas", available, f"cannot be greater than {than}")]


def collision_errors(new: Object, old: Object) -> list[FieldError]:
    """Of a count that only grows."""
    count, before = (status_of(one).get("collisionCount") for one in (new, old))
    if before is None or (count is not None and count >= before):
        return []
    return [invalid("status.collisionCount", count or 0, _DECREMENTED)]


def selector_errors(selector: Object | None, path: str, kind: str) -> list[FieldError]:
    """Of one that must be there and select something."""
    if selector is None:
        return [required(path)]
    found = label_selector_errors(selector, path)
    if is_empty(selector):
        found.append(invalid(path, shown(selector), f"empty selector is invalid for {kind}"))
    return found


def labels_errors(template: Object, selector: Object | None, path: str) -> list[FieldError]:
    """What is selected must be what is made; `selector` is one that can select."""
    labels = (template.get("metadata") or {}).get("labels")
    if selector is not None and is_empty(selector):
        return []
    if selectors.from_object(selector).matches(labels or {}):
        return []
    detail = "`selector` does not match template `labels`"
    return [invalid(f"{path}.metadata.labels", labels or None, detail)]


def always_errors(spec: Object, path: str, kind: str) -> list[FieldError]:
    """Pods that are replaced when they are gone never end by themselves."""
    found: list[FieldError] = []
    if (policy := spec.get("restartPolicy", "")) != "Always":
        found.append(not_supported(f"{path}.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        found.append(forbidden(f"{path}.activeDeadlineSeconds", detail))
    return found


def replicated_template_errors(spec: Object, path: str) -> list[FieldError]:
    """Of Deployments and ReplicaSets: the template, and the selector that must fit it."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    if selector is not None and not can_select(selector):
        return [invalid(f"{path}.selector", shown(selector), "invalid label selector")]
    found = labels_errors(template, selector, f"{path}.template")
    found += template_errors(template, f"{path}.template")
    return found + always_errors(template.get("spec") or {}, f"{path}.template.spec", "ReplicaSet")


def selector_change_errors(new: Object, old: Object) -> list[FieldError]:
    selector = spec_of(new).get("selector")
    if same(selector, spec_of(old).get("selector")):
        return []
    value = None if selector is None else shown(selector)
    return [invalid("spec.selector", value, "field is immutable")]


def changed_template_warnings(new: Object, old: Object | None, path: str = "spec.template") -> list[str]:
    """Of a template that is new or has changed: what has been said once is not said with every write."""
    if old is not None and same(spec_of(new), spec_of(old)):
        return []
    value: Any = new
    for name in path.split("."):
        value = value.get(name) or {}
    return template_warnings(value, path)


def containers_cells(template: Object) -> list[str]:
    containers: Sequence[Object] = (template.get("spec") or {}).get("containers") or ()
    return [",".join(one.get(key, "") for one in containers) for key in ("name", "image")]


def selector_text(selector: Object | None) -> str:
    """metav1.FormatLabelSelector."""
    return str(selectors.from_object(selector)) or "<none>"


def labels_text(labels: dict[str, str] | None) -> str:
    """labels.FormatLabels."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def scale_selector(value: Object) -> str:
    """Of a Scale: text, empty where there is none."""
    selector = spec_of(value).get("selector")
    return "" if selector is None else str(selectors.from_object(selector))
