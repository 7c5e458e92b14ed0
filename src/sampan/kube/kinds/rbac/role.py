"""Roles. Kubernetes: pkg/registry/rbac/role"""

from sampan.kube.kinds.rbac.validation import GROUP, rules_errors
from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError


def _validate(role: Object, _: Context) -> list[FieldError]:
    return rules_errors(role, namespaced=True)


RESOURCE = Resource(
    kind="Role",
    plural="roles",
    group=GROUP,
    names="path-segment",
    validate=_validate,
    create_on_update=True,
)
