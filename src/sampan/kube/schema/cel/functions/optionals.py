"""Values that may be missing; cel-go's cel/library.go, OptionalTypes"""

from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.functions.standard import index
from sampan.kube.schema.cel.values import NONE, Optional, some, zero


def value(optional: Optional) -> Any:
    if not optional.has:
        raise CelEvaluationError("optional.none() dereference")
    return optional.value


def optional_index(container: Any, key: Any) -> Optional:
    if type(container) is Optional:
        if not container.has:
            return NONE
        container = container.value
    try:
        return some(index(container, key))
    except CelEvaluationError as e:
        if str(e).startswith(("no such key", "index out of bounds")):
            return NONE
        raise


def index_of_optional(container: Optional, key: Any) -> Optional:
    return optional_index(container, key)


def _never(*_: Any) -> Any:
    """`or` and `orValue` do not look at their argument unless they must: the compiler sees to them."""
    raise CelEvaluationError("no such overload")


def overloads() -> list[Row]:
    return [
        ("optional.of", "optional_of", "A -> optional(A)", some),
        (
            "optional.ofNonZeroValue",
            "optional_ofNonZeroValue",
            "A -> optional(A)",
            lambda one: NONE if one is None or zero(one) else some(one),
        ),
        ("optional.none", "optional_none", "-> optional(A)", lambda: NONE),
        ("value", "optional_value", "optional(A) . -> A", value),
        ("hasValue", "optional_hasValue", "optional(A) . -> bool", lambda one: one.has),
        ("or", "optional_or_optional", "optional(A) . optional(A) -> optional(A)", _never),
        ("orValue", "optional_orValue_value", "optional(A) . A -> A", _never),
        ("_[?_]", "list_optindex_optional_int", "list(A), int -> optional(A)", optional_index),
        (
            "_[?_]",
            "optional_list_optindex_optional_int",
            "optional(list(A)), int -> optional(A)",
            optional_index,
        ),
        ("_[?_]", "map_optindex_optional_value", "map(A, B), A -> optional(B)", optional_index),
        (
            "_[?_]",
            "optional_map_optindex_optional_value",
            "optional(map(A, B)), A -> optional(B)",
            optional_index,
        ),
        ("_[_]", "optional_list_index_int", "optional(list(A)), int -> optional(A)", index_of_optional),
        ("_[_]", "optional_map_index_value", "optional(map(A, B)), A -> optional(B)", index_of_optional),
    ]
