"""Expressions that select devices: what they may mention, and what they say of one.

k8s.io/dynamic-resource-allocation/cel/compile.go
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.cel.declarations import Declared, Environment
from sampan.kube.schema.cel.errors import CelError, CelEvaluationError
from sampan.kube.schema.cel.functions.quantities import Quantity
from sampan.kube.schema.cel.functions.versions import semver
from sampan.kube.schema.cel.program import Budget, Program, compile
from sampan.kube.schema.cel.types import DYN, STRING, Field, Type, map_of, opaque
from sampan.specs.kubernetes import quantity

LENGTH, COST = 10 << 10, 1_000_000
DOMAINS, IDENTIFIERS, TEXT = 63, 32, 64  # how long they may be
ATTRIBUTES = 32  # of a device, and as many capacities


@cache
def devices() -> Environment:
    """`device`, by its driver, attributes and capacity."""
    value = Declared(DYN, most=TEXT)
    attributes = _by_domain(value)
    capacity = _by_domain(Declared(opaque("kubernetes.Quantity")))
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


def selector(expression: str) -> Program:
    """Raises Invalid if it is none."""
    try:
        program = compile(expression, devices())
    except CelError as error:
        raise Invalid(f"compilation failed: {error}") from error
    if program.type.kind not in ("bool", "dyn"):
        raise Invalid(f"must evaluate to bool or the unknown type, not {program.type}")
    return program


def selects(program: Program, device: Mapping[str, Any], budget: Budget) -> bool:
    """Of a device as `device_of` gives it. Raises CelEvaluationError."""
    found = program.evaluate({"device": device}, budget)
    if type(found) is not bool:
        raise CelEvaluationError("CEL result could not be converted to bool")
    return found


class _Domains(dict[str, Any]):
    """What a device has nothing of is there and empty."""

    __slots__ = ()

    def __missing__(self, key: str) -> Any:
        return {}


def device_of(driver: str, device: Mapping[str, Any]) -> Mapping[str, Any]:
    """A slice's device as selectors see it. Raises CelEvaluationError for attributes that say nothing."""
    attributes, capacity = _Domains(), _Domains()
    for name, value in (device.get("attributes") or {}).items():
        domain, own = _parted(name, driver)
        attributes.setdefault(domain, {})[own] = _attribute(name, value)
    for name, value in (device.get("capacity") or {}).items():
        domain, own = _parted(name, driver)
        capacity.setdefault(domain, {})[own] = _amount(name, value)
    return {"driver": driver, "attributes": attributes, "capacity": capacity}


def _parted(name: str, driver: str) -> tuple[str, str]:
    domain, slash, own = name.partition("/")
    return (domain, own) if slash else (driver, name)


def _attribute(name: str, value: Mapping[str, Any]) -> Any:
    for kind, type_ in (("int", int), ("bool", bool), ("string", str)):
        if type(value.get(kind)) is type_:
            return value[kind]
    if value.get("version") is None:
        raise CelEvaluationError(f"attribute {name}: unsupported attribute value")
    try:
        return semver(str(value["version"]))
    except CelEvaluationError as error:
        raise CelEvaluationError(f"attribute {name}: parse semantic version: {error}") from None


def _amount(name: str, value: Mapping[str, Any]) -> Quantity:
    try:
        return Quantity(quantity.parse(str(value.get("value"))))
    except Invalid as error:
        raise CelEvaluationError(f"capacity {name}: {error}") from None
