"""Expressions that select devices. k8s.io/kubernetes/pkg/apis/resource/validation"""

from sampan.errors import Invalid
from sampan.kube.kinds.resource import Object
from sampan.kube.schema.deviceselectors import COST, LENGTH, selector
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required, too_long


def selector_errors(value: Object, path: str) -> list[FieldError]:
    """Of a DeviceSelector."""
    cel = value.get("cel")
    if cel is None:
        return [required(f"{path}.cel")]
    expression, where = cel.get("expression", ""), f"{path}.cel.expression"
    if names.size(expression) > LENGTH:
        return [too_long(where, LENGTH)]
    try:
        program = selector(expression)
    except Invalid as error:
        return [invalid(where, expression, str(error))]
    if program.cost() > COST:
        return [forbidden(where, "too complex, exceeds cost limit")]
    return []
