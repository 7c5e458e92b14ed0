"""Go's texts of floating-point numbers. Pure; https://pkg.go.dev/strconv#FormatFloat"""

import math


def general(value: float) -> str:
    """%g and %v of fmt: the shortest text that means this number; 1e+06 and above with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    digits, exponent = _shortest(abs(value))
    if exponent < -4 or exponent >= 6:
        point = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
        return f"{sign}{point}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    padded = digits.ljust(exponent + 1, "0")
    rest = padded[exponent + 1 :]
    return sign + padded[: exponent + 1] + (f".{rest}" if rest else "")


def _shortest(value: float) -> tuple[str, int]:
    """The digits, and the power of ten of the first of them."""
    if value == 0:
        return "0", 0
    mantissa, _, exponent = f"{value!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent or 0) + len(whole) - 1
    digits = whole + fraction
    stripped = digits.lstrip("0")
    power -= len(digits) - len(stripped)
    return stripped.rstrip("0") or "0", power
