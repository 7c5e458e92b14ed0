"""Expressions that select devices. k8s.io/dynamic-resource-allocation/cel/compile.go"""

from functools import cache

from sampan.kube.kinds.resource import Object
from sampan.kube.schema.cel.declarations import Declared, Environment
from sampan.kube.schema.cel.errors import CelError
from sampan.kube.schema.cel.program import compile
from sampan.kube.schema.cel.types import DYN, STRING, Field, Type, map_of, opaque
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required, too_long

LENGTH, COST = 10 << 10, 1_000_000
DOMAINS, IDENTIFIERS, TEXT = 63, 32, 64  # how long they may be
ATTRIBUTES = 32  # of a device, and as many capacities


def selector_errors(selector: Object, path: str) -> list[FieldError]:
    """Of a DeviceSelector."""
    cel = selector.get("cel")
    if cel is None:
        return [required(f"{path}.cel")]
    expression, where = cel.get("expression", ""), f"{path}.cel.expression"
    if names.size(expression) > LENGTH:
        return [too_long(where, LENGTH)]
    try:
        program = compile(expression, devices())
    except CelError as e:
        return [invalid(where, expression, f"compilation failed: {e}")]
    if program.type.kind not in ("bool", "dyn"):
        detail = f"must evaluate to bool or the unknown type, not {program.type}"
        return [invalid(where, expression, detail)]
    if program.cost() > COST:
        return [forbidden(where, "too complex, exceeds cost limit")]
    return []


@cache
def devices() -> Environment:
    """What selectors may mention: `device`, by its driver, attributes and capacity."""
    quantity = opaque("kubernetes.Quantity")
    value = Declared(DYN, most=TEXT)
    attributes = _by_domain(value)
    capacity = _by_domain(Declared(quantity))
    fields = {"driver": Declared(STRING, most=DOMAINS), "attributes": attributes, "capacity": capacity}
    types = {name: Field(name, one.type) for name, one in fields.items()}
    device = Declared(Type("object", "kubernetes.DRADevice", fields=types), fields=fields)
    return Environment({"device": device}, bind=True)


def _by_domain(value: Declared) -> Declared:
    inner = Declared(
        map_of(STRING, value.type), most=ATTRIBUTES, key=Declared(STRING, most=IDENTIFIERS), item=value
    )
    return Declared(
        map_of(STRING, inner.type), most=ATTRIBUTES, key=Declared(STRING, most=DOMAINS), item=inner
    )
