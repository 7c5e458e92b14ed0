"""Go's strconv: ParseBool, ParseInt, ParseUint, Atoi, ParseFloat. Pure; https://pkg.go.dev/strconv

All raise Invalid with what Go's NumError says.
"""

from sampan.errors import Invalid
from sampan.specs.golang.quote import quote

TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_PREFIXES = {"b": 2, "o": 8, "x": 16}
_DIGITS = {char: value for value, char in enumerate("0123456789abcdef")}
_FLOAT = frozenset("0123456789.eE+-")
_HEX_FLOAT = frozenset("0123456789abcdefABCDEF.xXpP+-")


def parse_bool(text: str) -> bool:
    """Only what TRUE and FALSE list: neither "yes" nor "" nor "tRUE"."""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise _syntax("ParseBool", text)


def parse_int(text: str, base: int = 10, bits: int = 64, function: str = "ParseInt") -> int:
    """`base` 0: as the prefix says (0x, 0o, 0b, 0), underscores between digits allowed."""
    negative = text[:1] == "-"
    number = _magnitude(function, text, text[1:] if text[:1] in ("+", "-") else text, base)
    value = -number if negative else number
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise _range(function, text)
    return value


def parse_uint(text: str, base: int = 10, bits: int = 64) -> int:
    """As parse_int, without a sign."""
    value = _magnitude("ParseUint", text, text, base)
    if value >= 1 << bits:
        raise _range("ParseUint", text)
    return value


def atoi(text: str) -> int:
    """Decimal, with or without a sign, and within 64 bits; no spaces, no underscores."""
    return parse_int(text, function="Atoi")


def parse_float(text: str) -> float:
    """strconv.ParseFloat of 64 bits."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body.lower() in ("inf", "infinity") or text.lower() == "nan":
        return float(text)
    plain = body.replace("_", "") if _well_separated(body) else body
    hexadecimal = plain[:2].lower() == "0x"
    if plain[:1] in ("+", "-") or not (_HEX_FLOAT if hexadecimal else _FLOAT).issuperset(plain):
        raise _syntax("ParseFloat", text)
    try:
        if hexadecimal and "p" not in plain.lower():  # Python would do without the exponent
            raise ValueError(text)
        value = float.fromhex(plain) if hexadecimal else float(plain)
    except ValueError:
        raise _syntax("ParseFloat", text) from None
    except OverflowError:
        raise _range("ParseFloat", text) from None
    if value == float("inf"):
        raise _range("ParseFloat", text)
    return -value if text[:1] == "-" else value


def _magnitude(function: str, text: str, digits: str, base: int) -> int:
    if not digits:
        raise _syntax(function, text)
    body = digits
    if base == 0:
        base, body = _prefixed(digits)
        if not _well_separated(digits):
            raise _syntax(function, text)
        body = body.replace("_", "")
    value = 0
    for char in body:
        digit = _DIGITS.get(char.lower(), base)
        if digit >= base:
            raise _syntax(function, text)
        value = value * base + digit
        if value >> 64:  # Go reads no further, either
            raise _range(function, text)
    return value


def _prefixed(digits: str) -> tuple[int, str]:
    if digits[0] != "0":
        return 10, digits
    base = _PREFIXES.get(digits[1:2].lower(), 0)
    return (base, digits[2:]) if base and len(digits) > 2 else (8, digits[1:])


def _well_separated(text: str) -> bool:
    """Whether each underscore stands between digits, or after a prefix."""
    last, hexadecimal = "", False
    if text[:1] == "0" and text[1:2].lower() in _PREFIXES:
        last, hexadecimal, text = "0", text[1] in "xX", text[2:]
    for char in text:
        digit = _is_digit(char, hexadecimal)
        if (char == "_" and last != "0") or (last == "_" and not digit):
            return False
        last = "0" if digit else char
    return last != "_"


def _is_digit(char: str, hexadecimal: bool) -> bool:
    return _DIGITS.get(char.lower(), 16) < (16 if hexadecimal else 10)


def _syntax(function: str, text: str) -> Invalid:
    return Invalid(f"strconv.{function}: parsing {quote(text)}: invalid syntax")


def _range(function: str, text: str) -> Invalid:
    return Invalid(f"strconv.{function}: parsing {quote(text)}: value out of range")
