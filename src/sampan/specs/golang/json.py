"""What Go's encoding/json says of a value that does not fit, whoever has decoded it. Pure.

https://pkg.go.dev/encoding/json#UnmarshalTypeError
"""

from sampan.errors import Invalid

_NUMBERS = ("int", "uint", "float")  # and those with their size behind


def kind_of(value: object) -> str:
    """JSON's name for a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list | tuple) else "object"


def mistyped(value: object, wanted: str, field: str = "", *, what: str = "") -> Invalid:
    """For `value` where Go's type `wanted` is due, in a struct's field (Config.Env) or by itself.

    `what`: what was being read, put in front.
    """
    kind = kind_of(value)
    if kind == "number" and wanted.startswith(_NUMBERS):
        kind = f"number {value}"  # a number, but not one that fits
    where = f"struct field {field}" if field else "value"
    text = f"json: cannot unmarshal {kind} into Go {where} of type {wanted}"
    return Invalid(f"{what}: {text}" if what else text)
