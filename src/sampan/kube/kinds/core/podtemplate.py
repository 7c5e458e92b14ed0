"""PodTemplates: pods to be made from, by whoever wants to."""

from typing import Any

from sampan.kube.kinds import workloads
from sampan.kube.kinds.core.podspec.defaults import default_template
from sampan.kube.kinds.core.podspec.spec import template_errors
from sampan.kube.kinds.core.podspec.warnings import template_warnings
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError


def _default(value: Object) -> None:
    default_template(value.setdefault("template", {}))


def _errors(value: Object, _context: Context) -> list[FieldError]:
    return template_errors(value.get("template") or {}, "template")


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    if old is not None and same(new.get("template"), old.get("template")):
        return []
    return template_warnings(new.get("template") or {}, "template")


def _cells(value: Object, _now: float) -> list[Any]:
    template = value.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    return [*workloads.containers_cells(template), workloads.labels_text(labels)]


RESOURCE = Resource(
    kind="PodTemplate",
    plural="podtemplates",
    default=_default,
    validate=_errors,
    warnings=_warnings,
    generation=("template",),
    columns=(
        Column("Containers", description="Names of each container in the template."),
        Column("Images", description="Images referenced by each container in the template."),
        Column("Pod Labels", description="The labels for the pod template."),
    ),
    cells=_cells,
    deletion_returns_object=True,
)
