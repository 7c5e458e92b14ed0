"""Cluster role bindings. Kubernetes: pkg/registry/rbac/clusterrolebinding"""

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
    return binding_errors(binding, ("ClusterRole",), namespaced=False)


def _validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    return _validate(new, context) + reference_errors(new, old)


RESOURCE = Resource(
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    group=GROUP,
    namespaced=False,
    names="path-segment",
    default=default_binding,
    validate=_validate,
    validate_update=_validate_update,
    columns=binding_columns("clusterRoleBinding"),
    cells=binding_cells,
    create_on_update=True,
)
