"""Role bindings. Kubernetes: pkg/registry/rbac/rolebinding"""

from sampan.kube.kinds.rbac.validation import (
    GROUP,
    binding_cells,
    binding_columns,
    binding_errors,
    default_binding,
    reference_errors,
)
from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError


def _validate(binding: Object, _: Context) -> list[FieldError]:
    return binding_errors(binding, ("Role", "ClusterRole"), namespaced=True)


def _validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    return _validate(new, context) + reference_errors(new, old)


RESOURCE = Resource(
    kind="RoleBinding",
    plural="rolebindings",
    group=GROUP,
    names="path-segment",
    default=default_binding,
    validate=_validate,
    validate_update=_validate_update,
    columns=binding_columns("roleBinding"),
    cells=binding_cells,
    create_on_update=True,
)
