"""The words of a strategic merge patch that are no fields, and what is said where they are misused."""

from typing import Any

from sampan.kube.schema.patches.refusals import failed
from sampan.specs.golang.printing import kind_of, plain, type_name
from sampan.specs.kubernetes.status import StatusError, bad_request

MARKER = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList"
SET_ORDER = "$setElementOrder"

_BAD_FORMAT = {
    DELETE_FROM: "invalid patch format of primitive list",
    SET_ORDER: "invalid patch format of setElementOrder list",
}


def directed_field(key: str, directive: str) -> str:
    """The field that "$setElementOrder/env" is about."""
    prefix, slash, field = key.partition("/")
    if not slash or prefix != directive:
        raise bad_request(_BAD_FORMAT[directive])
    return field


def bad_argument(value: Any, wanted: str) -> StatusError:
    return failed(f"expected a {wanted}, but received a {type_name(value)}")


def bad_directive(directive: Any, patch: dict[str, Any]) -> StatusError:
    shown = directive if isinstance(directive, str) else f"%!s({type_name(directive)}={plain(directive)})"
    return failed(f"unknown patch type: {shown} in map: {plain(patch)}")


def same_type(one: Any, other: Any) -> bool:
    """Of one Go type, once decoded into interface{}."""
    return kind_of(one) == kind_of(other)


def without_directives(value: Any) -> tuple[Any] | tuple[()]:
    """What is left of a value of a patch that nothing stood in the place of; (): nothing."""
    if isinstance(value, dict):
        if MARKER in value:
            return ()
        kept = {key: without_directives(item) for key, item in value.items()}
        return ({key: item[0] for key, item in kept.items() if item},)
    if isinstance(value, list):
        return ([item[0] for item in map(without_directives, value) if item],)
    return (value,)


def without_nulls(value: Any) -> None:
    """Take nulls out of maps, in place; they stay in lists."""
    if isinstance(value, dict):
        for key in [key for key, item in value.items() if item is None]:
            del value[key]
        for item in value.values():
            without_nulls(item)
    elif isinstance(value, list):
        for item in value:
            without_nulls(item)
