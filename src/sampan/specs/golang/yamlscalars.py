"""What a scalar of YAML means to gopkg.in/yaml.v2, which sigs.k8s.io/yaml reads with. Pure; its resolve.go"""

import base64
import binascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PREFIX = "tag:yaml.org,2002:"
BINARY = _PREFIX + "binary"
_WORDS: "dict[str, Any]" = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NO_JSON = {
    **dict.fromkeys((".nan", ".NaN", ".NAN"), "NaN"),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), "+Inf"),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), "-Inf"),
}
_BASES = {"0x": 16, "0X": 16, "0o": 8, "0O": 8, "0b": 2, "0B": 2}


def resolve(text: str, *, plain: bool, tag: str = "") -> "Any":
    """A JSON value. `plain`: without quotes; `tag`: as written, or "". Raises ValueError in Go's words."""
    if tag == BINARY:
        return _binary(text)
    if tag in ("!", _PREFIX + "str") or (not plain and not tag):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text in _NO_JSON:
        raise ValueError(f"json: unsupported value: {_NO_JSON[text]}")
    if text[0] not in "+-.0123456789":
        return text
    bare = text.replace("_", "")
    number = _integer(bare)
    return _float(bare, text) if number is None else number


def _binary(text: str) -> str:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("yaml: !!binary value contains invalid base64 data") from None
    return data.decode("utf-8", "replace")


def _integer(text: str) -> "int | None":
    """As strconv.ParseInt with base 0: 0x, 0o, 0b, and octal after a zero; 64 bits."""
    sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
    base = _BASES.get(digits[:2], 10)
    if base != 10:
        digits = digits[2:]
    elif len(digits) > 1 and digits[0] == "0":
        base = 8
    if not digits.isascii() or not digits.isalnum() or len(digits) > 64:
        return None
    try:
        value = int(sign + digits, base)
    except ValueError:
        return None
    return value if -(1 << 63) <= value < 1 << 64 else None


def _float(bare: str, text: str) -> "float | int | str":
    mantissa, mark, exponent = bare.replace("E", "e").partition("e")
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    signs = len(mantissa) - len(mantissa.lstrip("+-"))
    digits = (whole + fraction).isascii() and (whole + fraction).isdigit()
    power = exponent[1:] if exponent[:1] in ("+", "-") else exponent
    if signs > 1 or not digits or (mark and not (power.isascii() and power.isdigit())):
        return text
    value = float(bare)
    if value - value != 0:
        return text
    return int(value) if value.is_integer() and abs(value) < 1e21 else value
