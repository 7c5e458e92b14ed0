"""Errors about one field of an object, in the words of k8s.io/apimachinery/pkg/util/validation/field. Pure.

A path is a string, "spec.ports[0].name": made only where something is wrong, by whoever walks the object.
"""

from sampan.specs.golang.quote import quote

REQUIRED = "FieldValueRequired"
INVALID = "FieldValueInvalid"
DUPLICATE = "FieldValueDuplicate"
NOT_FOUND = "FieldValueNotFound"
NOT_SUPPORTED = "FieldValueNotSupported"
FORBIDDEN = "FieldValueForbidden"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
INTERNAL = "InternalError"
TYPE_INVALID = "FieldValueTypeInvalid"


class FieldError:
    """`reason` is one of the constants; `body` is the message without the field's path."""

    __slots__ = ("body", "path", "reason")

    def __init__(self, path: str, reason: str, body: str) -> None:
        self.path = path
        self.reason = reason
        self.body = body

    def __str__(self) -> str:
        return f"{self.path}: {self.body}"

    def __repr__(self) -> str:
        return f"FieldError({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldError) and (self.path, self.body) == (other.path, other.body)

    def __hash__(self) -> int:
        return hash((self.path, self.body))


class Shown(str):
    """A value in the form in which it is to be shown: structs, whose fields keep the order of Go's."""

    __slots__ = ()


def show(value: object) -> str:
    """A value as Go prints it in such a message: strings quoted, the rest as JSON-like text."""
    if isinstance(value, Shown):
        return str(value)
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return _json(value)


def shown_in_order(value: object) -> Shown:
    """JSON whose keys stay in their order, for what is a struct in Go and no map."""
    return Shown(_json(value, sort=False))


def _json(value: object, sort: bool = True) -> str:
    import json

    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort)
    # Go's encoder escapes these three, and the two separators of lines.
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def required(path: str, detail: str = "") -> FieldError:
    """It is not there and has to be."""
    return FieldError(path, REQUIRED, "Required value" + (f": {detail}" if detail else ""))


def invalid(path: str, value: object, detail: str = "") -> FieldError:
    """It is there and wrong; `detail` says why."""
    return FieldError(path, INVALID, f"Invalid value: {show(value)}" + (f": {detail}" if detail else ""))


def duplicate(path: str, value: object, detail: str = "") -> FieldError:
    """It has been there before."""
    tail = f": {detail}" if detail else ""
    return FieldError(path, DUPLICATE, f"Duplicate value: {show(value)}{tail}")


def not_found(path: str, value: object) -> FieldError:
    """It names something that there is not."""
    return FieldError(path, NOT_FOUND, f"Not found: {show(value)}")


def not_supported(path: str, value: object, supported: "list[str] | tuple[str, ...]") -> FieldError:
    """`supported` in the order in which it is shown."""
    shown = ", ".join(quote(one) for one in supported)
    tail = f": supported values: {shown}" if supported else ""
    return FieldError(path, NOT_SUPPORTED, f"Unsupported value: {show(value)}{tail}")


def forbidden(path: str, detail: str) -> FieldError:
    """It may not be there, or not be changed."""
    return FieldError(path, FORBIDDEN, "Forbidden" + (f": {detail}" if detail else ""))


def too_long(path: str, maximum: int) -> FieldError:
    """It has more than `maximum` bytes."""
    return FieldError(path, TOO_LONG, f"Too long: may not be more than {maximum} bytes")


def too_many(path: str, actual: int, maximum: int) -> FieldError:
    """It has more items than it may."""
    items = "item" if maximum == 1 else "items"
    return FieldError(path, TOO_MANY, f"Too many: {actual}: must have at most {maximum} {items}")


def internal(path: str, detail: str) -> FieldError:
    """The server could not tell."""
    return FieldError(path, INTERNAL, f"Internal error: {detail}")
