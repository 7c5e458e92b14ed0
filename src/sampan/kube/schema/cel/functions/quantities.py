"""Kubernetes' quantities; k8s.io/apiserver pkg/cel/library/quantity.go"""

from sampan.errors import Invalid
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.values import INT_MAX, INT_MIN, Opaque
from sampan.specs.kubernetes import quantity as amounts

NAME = "kubernetes.Quantity"


class Quantity(Opaque):
    __slots__ = ("amount",)
    cel_type = NAME

    def __init__(self, amount: amounts.Quantity) -> None:
        self.amount = amount

    def __eq__(self, other: object) -> bool:
        return type(other) is Quantity and compare(self, other) == 0

    def __hash__(self) -> int:
        return hash(self.amount)


def quantity(text: str) -> Quantity:
    try:
        return Quantity(amounts.parse(text))
    except Invalid as e:
        raise CelEvaluationError(str(e)) from None


def is_quantity(text: str) -> bool:
    try:
        quantity(text)
    except CelEvaluationError:
        return False
    return True


def compare(one: Quantity, other: Quantity) -> int:
    return (one.amount > other.amount) - (one.amount < other.amount)


def _whole(one: Quantity) -> int | None:
    value = one.amount.value()
    return value if one.amount.is_integer() and INT_MIN < value < INT_MAX else None


def _float(one: Quantity) -> float:
    """Upstream's approximation; what is too large for a float is infinite."""
    return float(f"{one.amount.mantissa}e{one.amount.exponent}")


def as_integer(one: Quantity) -> int:
    value = _whole(one)
    if value is None:
        raise CelEvaluationError("cannot convert value to integer")
    return value


def _added(one: Quantity, other: Quantity) -> Quantity:
    return Quantity(one.amount + other.amount)


def _subtracted(one: Quantity, other: Quantity) -> Quantity:
    return Quantity(one.amount - other.amount)


def _of(number: int) -> Quantity:
    return Quantity(amounts.Quantity(number))


def overloads() -> list[Row]:
    zero = _of(0)
    return [
        ("quantity", "string_to_quantity", f"string -> {NAME}", quantity),
        ("isQuantity", "is_quantity_string", "string -> bool", is_quantity),
        ("sign", "quantity_sign", f"{NAME} . -> int", lambda one: compare(one, zero)),
        (
            "isGreaterThan",
            "quantity_is_greater_than",
            f"{NAME} . {NAME} -> bool",
            lambda a, b: compare(a, b) > 0,
        ),
        ("isLessThan", "quantity_is_less_than", f"{NAME} . {NAME} -> bool", lambda a, b: compare(a, b) < 0),
        ("compareTo", "quantity_compare_to", f"{NAME} . {NAME} -> int", compare),
        ("asApproximateFloat", "quantity_get_float", f"{NAME} . -> double", _float),
        ("asInteger", "quantity_get_int", f"{NAME} . -> int", as_integer),
        ("isInteger", "quantity_is_integer", f"{NAME} . -> bool", lambda one: _whole(one) is not None),
        ("add", "quantity_add", f"{NAME} . {NAME} -> {NAME}", _added),
        ("add", "quantity_add_int", f"{NAME} . int -> {NAME}", lambda one, number: _added(one, _of(number))),
        ("sub", "quantity_sub", f"{NAME} . {NAME} -> {NAME}", _subtracted),
        (
            "sub",
            "quantity_sub_int",
            f"{NAME} . int -> {NAME}",
            lambda one, number: _subtracted(one, _of(number)),
        ),
    ]
