"""Cluster roles. Kubernetes: pkg/registry/rbac/clusterrole"""

from sampan.kube.kinds.rbac.validation import GROUP, rules_errors
from sampan.kube.kinds.resource import Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required
from sampan.specs.kubernetes.labelselector import label_selector_errors


def _aggregation_errors(rule: Object) -> list[FieldError]:
    path = "aggregationRule.clusterRoleSelectors"
    selectors = rule.get("clusterRoleSelectors") or ()
    if not selectors:
        why = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        return [required(path, why)]
    found = []
    for index, selector in enumerate(selectors):
        errors = label_selector_errors(selector, f"{path}[{index}]")
        found += errors
        if errors:
            found.append(invalid(f"{path}[{index}]", None, "invalid label selector."))
    return found


def _validate(role: Object, _: Context) -> list[FieldError]:
    aggregation = role.get("aggregationRule")
    errors = rules_errors(role, namespaced=False)
    return errors if aggregation is None else errors + _aggregation_errors(aggregation)


RESOURCE = Resource(
    kind="ClusterRole",
    plural="clusterroles",
    group=GROUP,
    namespaced=False,
    names="path-segment",
    validate=_validate,
    create_on_update=True,
)
