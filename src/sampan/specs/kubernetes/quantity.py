"""Amounts of resources, "1500m" or "2Gi", as k8s.io/apimachinery/pkg/api/resource has them. Pure.

Upstream keeps small amounts as an int64 and a power of ten, and prints those as they were written where that
is close enough to canonical ("+1", "1.500"); what does not fit goes through big decimals, is rounded up to
nanos, and is always printed anew. Which of the two it was can be seen from outside, so it is kept here too.
"""

import re
from functools import lru_cache

from sampan.errors import Invalid

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NUMERIC_WRONG = "unable to parse numeric part of quantity"
SUFFIX_WRONG = "unable to parse quantity's suffix"

MAXIMUM = 2**63 - 1
NANO, MICRO, MILLI = -9, -6, -3

DECIMAL_SI, BINARY_SI, DECIMAL_EXPONENT = "DecimalSI", "BinarySI", "DecimalExponent"

_parts = re.compile(r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII).fullmatch
_exponent = re.compile(r"[eE]([-+]?[0-9]+)", re.ASCII).fullmatch
_DECIMAL = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES = {exponent: name for name, exponent in _DECIMAL.items()}
_BINARY_NAMES = ("", *_BINARY)

# Upstream's int64 has room for so many digits.
_DIGITS = 18
# Longer texts are no amounts of anything, and reading them takes time that grows with the square.
_LONGEST = 1000
# Two amounts so many powers of ten apart are not added digit by digit: "1e2000000000" is a valid quantity.
_APART = 2000


class Quantity:
    """`mantissa` times ten to the `exponent`. Never changed; two are equal if their values are."""

    __slots__ = ("_text", "exponent", "format", "mantissa", "small", "written")

    def __init__(
        self, mantissa: int, exponent: int = 0, format: str = DECIMAL_SI, small: bool = True, text: str = ""
    ) -> None:
        self.mantissa = mantissa
        self.exponent = exponent
        self.format = format
        self.small = small  # upstream has it as an int64
        self.written = text  # what upstream keeps of how it was written; "" for nothing
        self._text = text

    def __str__(self) -> str:
        """As Go prints it."""
        if not self._text:
            self._text = self._printed()
        return self._text

    def __repr__(self) -> str:
        return f"Quantity({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.compare(other) == 0

    def __hash__(self) -> int:
        return hash(_without_zeros(self.mantissa, self.exponent))

    def __lt__(self, other: "Quantity") -> bool:
        return self.compare(other) < 0

    def __le__(self, other: "Quantity") -> bool:
        return self.compare(other) <= 0

    def __gt__(self, other: "Quantity") -> bool:
        return self.compare(other) > 0

    def __ge__(self, other: "Quantity") -> bool:
        return self.compare(other) >= 0

    def __bool__(self) -> bool:
        return self.mantissa != 0

    def __add__(self, other: "Quantity") -> "Quantity":
        """In the form of the first, or of the second where the first is zero."""
        format = self.format if self.mantissa else other.format
        if not self.mantissa or not other.mantissa:
            one = self if self.mantissa else other
            return Quantity(one.mantissa, one.exponent, format, self.small and other.small)
        if abs(self.exponent - other.exponent) > _APART:
            one = max(self, other, key=lambda each: each.exponent)
            return Quantity(one.mantissa, one.exponent, format, False)
        exponent = min(self.exponent, other.exponent)
        mantissa = self._scaled_to(exponent) + other._scaled_to(exponent)
        small = self.small and other.small and abs(mantissa) <= MAXIMUM
        return Quantity(mantissa, exponent, format, small)

    def __neg__(self) -> "Quantity":
        return Quantity(-self.mantissa, self.exponent, self.format, self.small)

    def __sub__(self, other: "Quantity") -> "Quantity":
        return self + -other

    def __mul__(self, times: int) -> "Quantity":
        mantissa = self.mantissa * times
        return Quantity(mantissa, self.exponent, self.format, self.small and abs(mantissa) <= MAXIMUM)

    def compare(self, other: "Quantity") -> int:
        """Less than zero, zero or more, as self is less than the other, equal or more."""
        one, two = self.mantissa, other.mantissa
        if self.exponent != other.exponent and one and two and (one > 0) == (two > 0):
            if abs(self.exponent - other.exponent) > _APART:
                return self.exponent - other.exponent if one > 0 else other.exponent - self.exponent
            exponent = min(self.exponent, other.exponent)
            one, two = self._scaled_to(exponent), other._scaled_to(exponent)
        return (one > two) - (one < two)

    def sign(self) -> int:
        return (self.mantissa > 0) - (self.mantissa < 0)

    def _scaled_to(self, exponent: int) -> int:
        """The value in units of ten to the `exponent`, which is not above self's."""
        factor: int = 10 ** (self.exponent - exponent)
        return self.mantissa * factor

    def scaled_value(self, scale: int) -> int:
        """In units of ten to the `scale`, rounded away from zero; never more than an int64 holds."""
        if self.exponent < scale:
            return _rounded_up(self.mantissa, scale - self.exponent)
        if self.exponent - scale > 19:
            return MAXIMUM * self.sign()
        return max(-MAXIMUM, min(MAXIMUM, self._scaled_to(scale)))

    def value(self) -> int:
        return self.scaled_value(0)

    def milli_value(self) -> int:
        return self.scaled_value(MILLI)

    def is_integer(self) -> bool:
        """Is nothing lost in value()?"""
        return self.exponent >= 0 or _without_zeros(self.mantissa, self.exponent)[1] >= 0

    def round_up(self, scale: int) -> "Quantity":
        """To units of ten to the `scale`, away from zero; upstream's defaults do that with MILLI."""
        if self.exponent >= scale:
            return self if self.small else Quantity(self.mantissa, self.exponent, self.format, False)
        mantissa = _rounded_up(self.mantissa, scale - self.exponent)
        return Quantity(mantissa, scale, self.format, self.small)

    def _printed(self) -> str:
        if not self.mantissa:
            return "0"
        if self.format == BINARY_SI and self.is_integer() and abs(self.exponent) < _APART:
            value = self._scaled_to(0) if self.exponent >= 0 else self.mantissa // 10**-self.exponent
            if abs(value) >= 1024:
                return _in_binary(value)
        mantissa, exponent = _without_zeros(self.mantissa, self.exponent)
        mantissa, exponent = mantissa * 10 ** (exponent % 3), exponent - exponent % 3
        if self.format == DECIMAL_EXPONENT:
            return f"{mantissa}e{exponent}" if exponent else str(mantissa)
        # Beyond exa there is no suffix, and upstream prints none.
        return f"{mantissa}{_DECIMAL_NAMES.get(exponent, '')}"


def _without_zeros(mantissa: int, exponent: int) -> tuple[int, int]:
    if not mantissa:
        return 0, 0
    while mantissa % 10 == 0:
        mantissa, exponent = mantissa // 10, exponent + 1
    return mantissa, exponent


def _rounded_up(mantissa: int, places: int) -> int:
    """Without its last `places` digits; away from zero, so that who asks for little gets something."""
    if not mantissa:
        return 0
    sign = 1 if mantissa > 0 else -1
    if places > _APART:
        return sign
    unit: int = 10**places
    return sign * -(-abs(mantissa) // unit)


def _in_binary(value: int) -> str:
    times = 0
    while value % 1024 == 0:
        value, times = value // 1024, times + 1
    return f"{value}{_BINARY_NAMES[times] if times < len(_BINARY_NAMES) else ''}"


def _int32(number: int) -> int:
    return (number + 2**31) % 2**32 - 2**31


def _suffix(suffix: str) -> tuple[str, int]:
    if suffix in _DECIMAL:
        return DECIMAL_SI, _DECIMAL[suffix]
    if suffix in _BINARY:
        return BINARY_SI, _BINARY[suffix]
    found = _exponent(suffix)
    if not found or not -(2**63) <= int(found[1]) <= MAXIMUM:
        raise Invalid(SUFFIX_WRONG)
    return DECIMAL_EXPONENT, _int32(int(found[1]))


def read(text: str) -> Quantity:
    """Parse without remembering. Raises Invalid in Go's words."""
    found = _parts(text)
    if not text or not found:
        raise Invalid(FORMAT_WRONG)
    if len(text) > _LONGEST:
        raise Invalid(NUMERIC_WRONG)
    sign, number, fraction, suffix = found.groups("")
    number = number or "0"
    format, exponent = _suffix(suffix)
    if format == BINARY_SI:
        # A unit is worth three digits, and one is spare.
        fits = not fraction and 14 - len(number) - exponent * 3 // 10 >= 0
        factor, exponent = 2**exponent, 0
    else:
        fits = len(number) + len(fraction) <= _DIGITS
        factor = 1
    exponent -= len(fraction)
    digits = number + fraction
    mantissa = int(sign + digits) * factor
    if not fits or exponent < NANO:
        return _big(mantissa, exponent, format)
    if format == BINARY_SI:
        good = int(number) & 7 != 0
    else:
        good = exponent % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
    return Quantity(mantissa, exponent, format, True, text if good else "")


def _big(mantissa: int, exponent: int, format: str) -> Quantity:
    if exponent < NANO:
        mantissa, exponent = _rounded_up(mantissa, NANO - exponent), NANO
    amount = Quantity(mantissa, exponent, format, False)
    if format == BINARY_SI:
        if abs(mantissa) > MAXIMUM * 10 ** (-exponent):
            return Quantity(MAXIMUM if mantissa > 0 else -MAXIMUM, 0, format, False)
        if 0 < abs(mantissa) < 10 ** (-exponent):
            return Quantity(mantissa, exponent, DECIMAL_SI, False)
    return amount


@lru_cache(4096)
def _remembered(text: str) -> Quantity:
    return read(text)


def parse(text: str) -> Quantity:
    """What a quantity's text stands for. Raises Invalid in Go's words."""
    return _remembered(text) if len(text) < 32 else read(text)


def canonical(text: str) -> str:
    """The text with which Go would answer. Raises Invalid in Go's words."""
    return str(parse(text))
