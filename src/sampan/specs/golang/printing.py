"""JSON values as Go's fmt prints them with %v and %#v, once decoded into interface{}. Pure.

https://pkg.go.dev/fmt#hdr-Printing: integers are int64, other numbers float64, keys of maps sorted.
"""

from sampan.specs.golang.quote import quote


def plain(value: object) -> str:
    """%v: "map[a:1 b:[x y]]"."""
    if value is None:
        return "<nil>"
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{plain(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(plain, value)) + "]"
    return _number(value)


def syntax(value: object) -> str:
    """%#v: 'map[string]interface {}{"a":1}'."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, dict):
        inside = ", ".join(f"{quote(key)}:{syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{inside}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(syntax, value))}}}"
    return _number(value)


def type_name(value: object) -> str:
    """%T."""
    return {"slice": "[]interface {}", "map": "map[string]interface {}"}.get(kind := kind_of(value), kind)


def kind_of(value: object) -> str:
    """reflect.Kind; of null what %s makes of no type at all."""
    if value is None:
        return "%!s(<nil>)"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    return "map" if isinstance(value, dict) else "slice"


def _number(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    text = repr(value)
    digits, _, exponent = text.partition("e")
    if 0 <= int(exponent or 0) < 21:  # where Go begins to write an exponent; Python at 16
        return digits.removesuffix(".0") if not exponent else f"{value:.0f}"
    return text
