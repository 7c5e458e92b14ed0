"""How Go's encoding/json writes a value, and what it says of one that does not fit. Pure.

https://pkg.go.dev/encoding/json#UnmarshalTypeError
"""

from json import dumps

from sampan.errors import Invalid

_NUMBERS = ("int", "uint", "float")  # and those with their size behind
# What its encoder escapes beside what JSON must: HTML's characters and the separators of lines, also in keys.
ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


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


def marshal(value: object) -> bytes:
    """A JSON value as Go writes one it holds as maps: sorted keys, no blanks, safe to stand in HTML."""
    text = dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Outside of strings these characters do not occur.
    return text.translate(ESCAPED).encode()
