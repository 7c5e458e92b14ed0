"""The formats of strings that schemas of custom resources may ask for. Pure; k8s.io/kube-openapi
pkg/validation/strfmt, and which of them count: k8s.io/apiextensions-apiserver
pkg/apiserver/validation/formats.go
"""

from sampan.errors import Invalid
from sampan.specs.golang import duration, url
from sampan.specs.golang.regexp import Regexp, compile_regexp
from sampan.specs.kubernetes import ip
from sampan.specs.kubernetes.names import dns1123_label, dns1123_subdomain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_UUID = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}$"
_BYTE = "0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5]"
PATTERNS = {
    "bsonobjectid": "^[0-9a-fA-F]{24}$",
    "uuid": _UUID % ("[0-9a-f]", "[0-9a-f]"),
    "uuid3": _UUID % ("3", "[0-9a-f]"),
    "uuid4": _UUID % ("4", "[89ab]"),
    "uuid5": _UUID % ("5", "[89ab]"),
    "ssn": "^\\d{3}[- ]?\\d{2}[- ]?\\d{4}$",
    "hexcolor": "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$",
    "rgbcolor": f"^rgb\\(\\s*({_BYTE})\\s*,\\s*({_BYTE})\\s*,\\s*({_BYTE})\\s*\\)$",
    "byte": "^(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=|[A-Za-z0-9+\\/]{4})$",
    "time": "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$",
    "hostname": (
        "^([a-zA-Z0-9\\p{S}\\p{L}]((-?[a-zA-Z0-9\\p{S}\\p{L}]{0,62})?)"
        "|([a-zA-Z0-9\\p{S}\\p{L}](([a-zA-Z0-9-\\p{S}\\p{L}]{0,61}[a-zA-Z0-9\\p{S}\\p{L}])?)(\\.)){1,}"
        "([a-zA-Z0-9\\p{S}\\p{L}])(-?[a-zA-Z0-9\\p{S}\\p{L}]){1,62})$"
    ),
    "creditcard": (
        "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
        "|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\\d{3})\\d{11}|6[27][0-9]{14})$"
    ),
    "duration": "^[0-9]+\\s?[a-zA-Z]+$",
}
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_UNITS = frozenset(
    [
        "ns",
        "nano",
        "nanos",
        "nanosecond",
        "nanoseconds",
        "us",
        "µs",
        "micro",
        "micros",
        "microsecond",
        "microseconds",
        "ms",
        "milli",
        "millis",
        "millisecond",
        "milliseconds",
        "s",
        "sec",
        "secs",
        "second",
        "seconds",
        "m",
        "min",
        "mins",
        "minute",
        "minutes",
        "h",
        "hr",
        "hrs",
        "hour",
        "hours",
        "d",
        "day",
        "days",
        "w",
        "wk",
        "wks",
        "week",
        "weeks",
    ]
)


_patterns: "dict[str, Regexp]" = {}


def _pattern(name: str) -> Regexp:
    """Compiled when it is first needed."""
    known = _patterns.get(name)
    if known is None:
        known = _patterns[name] = compile_regexp(PATTERNS[name])
    return known


def supported(format: str) -> bool:
    """Whether a schema that asks for it means anything by that."""
    return format.replace("-", "") in _CHECKS or format in _NAMES


def valid(format: str, text: str) -> bool:
    """Of a supported format. Dashes in a format's name do not matter: date-time is datetime."""
    check = _NAMES.get(format) or _CHECKS.get(format.replace("-", ""))
    try:
        return check(text) if check else _pattern(format).search(text)
    except Invalid:  # a pattern that takes too long
        return False


def _matches(name: str) -> "Callable[[str], bool]":
    return lambda text: _pattern(name).search(text)


def _uri(text: str) -> bool:
    try:
        url.parse_request(text)
    except Invalid:
        return False
    return True


def _email(text: str) -> bool:
    """As net/mail.ParseAddress, which also takes "Name <a@b>"."""
    if text.endswith(">") and "<" in text:
        text = text[text.rindex("<") + 1 : -1]
    local, at, domain = text.rpartition("@")
    atoms = local[1:-1].split(".") if local[:1] == '"' == local[-1:] and len(local) > 1 else local.split(".")
    parts = [*atoms, *domain.split(".")]
    return bool(at) and all(
        part and not any(char in '()<>[]:;@\\,." \t\r\n' for char in part) for part in parts
    )


def _hostname(text: str) -> bool:
    return (
        len(text.encode("utf-8", "replace")) <= 255
        and all(len(part) <= 63 for part in text.split("."))
        and _pattern("hostname").search(text)
    )


def _address(version: int) -> "Callable[[str], bool]":
    def check(text: str) -> bool:
        return ip.parse(text) is not None and ("." if version == 4 else ":") in text

    return check


def _cidr(text: str) -> bool:
    return ip.parse_range(text) is not None


def _mac(text: str) -> bool:
    """As net.ParseMAC: 6, 8 or 20 bytes, by ones or (with dots) by twos."""
    for separator, width in ((":", 2), ("-", 2), (".", 4)):
        parts = text.split(separator)
        if len(parts) > 1:
            hexadecimal = all(len(part) == width and _is_hex(part) for part in parts)
            return hexadecimal and len(parts) * width // 2 in (6, 8, 20)
    return False


def _is_hex(text: str) -> bool:
    return all(char in "0123456789abcdefABCDEF" for char in text)


def is_date(text: str) -> bool:
    """2006-01-02"""
    year, month, day = text[:4], text[5:7], text[8:]
    digits = len(text) == 10 and text.isascii() and (year + month + day).isdecimal()
    if not digits or text[4] != "-" or text[7] != "-" or not 1 <= int(month) <= 12:
        return False
    leap = int(year) % 4 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0)
    return 1 <= int(day) <= _MONTHS[int(month) - 1] + (month == "02" and leap)


def is_date_time(text: str) -> bool:
    date, _, rest = text.lower().partition("t")
    if not rest or not is_date(date) or not _pattern("time").search(rest):
        return False
    return int(rest[:2]) < 24 and int(rest[3:5]) < 60 and int(rest[6:8]) < 60


def _duration(text: str) -> bool:
    try:
        duration.parse_duration(text)
        return True
    except Invalid:
        unit = text.lstrip("0123456789").lstrip()
        return unit != text and unit in _UNITS and _pattern("duration").search(text)


def _luhn(text: str) -> bool:
    total = 0
    for at, char in enumerate(reversed(text)):
        digit = int(char) * (1 + at % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def _credit_card(text: str) -> bool:
    digits = "".join(char for char in text if char in "0123456789")
    return _pattern("creditcard").search(digits) and _luhn(digits)


def _isbn10(text: str) -> bool:
    text = "".join(char for char in text if not char.isspace() and char != "-")
    if len(text) != 10 or not text.isascii() or not text[:9].isdecimal() or text[9] not in "0123456789X":
        return False
    total = sum((at + 1) * int(char) for at, char in enumerate(text[:9]))
    return (total + 10 * (10 if text[9] == "X" else int(text[9]))) % 11 == 0


def _isbn13(text: str) -> bool:
    text = "".join(char for char in text if not char.isspace() and char != "-")
    if len(text) != 13 or not text.isascii() or not text.isdecimal():
        return False
    return sum(int(char) * (1 + 2 * (at % 2)) for at, char in enumerate(text)) % 10 == 0


_CHECKS: "dict[str, Callable[[str], bool]]" = {
    **{name: _matches(name) for name in ("bsonobjectid", "uuid", "uuid3", "uuid4", "uuid5", "ssn")},
    **{name: _matches(name) for name in ("hexcolor", "rgbcolor", "byte")},
    "uri": _uri,
    "email": _email,
    "hostname": _hostname,
    "ipv4": _address(4),
    "ipv6": _address(6),
    "cidr": _cidr,
    "mac": _mac,
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _credit_card,
    "password": lambda text: True,
    "date": is_date,
    "duration": _duration,
    "datetime": is_date_time,
}
_NAMES: "dict[str, Callable[[str], bool]]" = {
    "k8s-short-name": lambda text: not dns1123_label(text),
    "k8s-long-name": lambda text: not dns1123_subdomain(text),
}
