"""Sets of characters in Go's regular expressions. Pure; https://github.com/google/re2/wiki/Syntax"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LAST = 0x10FFFF
Range = tuple[int, int]
DIGIT = ((48, 57),)
SPACE = ((9, 10), (12, 13), (32, 32))
WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
PERL = {"d": DIGIT, "s": SPACE, "w": WORD}
POSIX = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": DIGIT,
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_MAJOR = frozenset("LMNPSZC")
_CATEGORIES = frozenset(
    [
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "Mn",
        "Mc",
        "Me",
        "Nd",
        "Nl",
        "No",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
        "Sm",
        "Sc",
        "Sk",
        "So",
        "Zs",
        "Zl",
        "Zp",
        "Cc",
        "Cf",
        "Co",
        "Cs",
    ]
)
# Python knows no scripts: what the names of a script's characters begin with.
_SCRIPTS = {
    "Arabic": "ARABIC",
    "Armenian": "ARMENIAN",
    "Bengali": "BENGALI",
    "Cyrillic": "CYRILLIC",
    "Devanagari": "DEVANAGARI",
    "Georgian": "GEORGIAN",
    "Greek": "GREEK",
    "Han": "CJK",
    "Hangul": "HANGUL",
    "Hebrew": "HEBREW",
    "Hiragana": "HIRAGANA",
    "Katakana": "KATAKANA",
    "Latin": "LATIN",
    "Tamil": "TAMIL",
    "Telugu": "TELUGU",
    "Thai": "THAI",
}


def known_property(name: str) -> bool:
    """Whether `\\p{name}` is anything."""
    return name == "Any" or name in _MAJOR or name in _CATEGORIES or name in _SCRIPTS


class CharSet:
    """`properties`: names of Unicode's classes, with whether they are meant to be absent."""

    __slots__ = ("bounds", "negated", "properties")

    def __init__(
        self, ranges: "Iterable[Range]", properties: tuple[tuple[str, bool], ...] = (), negated: bool = False
    ) -> None:
        # Where it begins and ends to hold, in turns: an odd position is inside.
        self.bounds = [edge for low, high in _merged(ranges) for edge in (low, high + 1)]
        self.properties = properties
        self.negated = negated

    def has(self, char: str) -> bool:
        inside = self._before(ord(char)) % 2 == 1
        if not inside and self.properties:
            inside = any(_has_property(char, name) is not absent for name, absent in self.properties)
        return inside is not self.negated

    def _before(self, code: int) -> int:
        """How many bounds there are up to here; the module bisect is not for so light a part."""
        low, high = 0, len(self.bounds)
        while low < high:
            middle = (low + high) // 2
            if self.bounds[middle] > code:
                high = middle
            else:
                low = middle + 1
        return low


def _merged(ranges: "Iterable[Range]") -> list[Range]:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _has_property(char: str, name: str) -> bool:
    import unicodedata

    if name == "Any":
        return True
    if name in _SCRIPTS:
        return unicodedata.name(char, "").startswith(_SCRIPTS[name])
    return unicodedata.category(char).startswith(name)


def complement(ranges: "Iterable[Range]") -> list[Range]:
    out = []
    start = 0
    for low, high in _merged(ranges):
        if low > start:
            out.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        out.append((start, LAST))
    return out


def folded(ranges: "Iterable[Range]") -> list[Range]:
    """With the other case of each letter; of wide ranges only ASCII's letters."""
    out = list(ranges)
    for low, high in list(out):
        codes = range(low, high + 1) if high - low < 2000 else range(max(low, 65), min(high, 122) + 1)
        for code in codes:
            char = chr(code)
            out.extend((ord(one), ord(one)) for one in (char.lower(), char.upper()) if len(one) == 1)
    for low, high in list(out):  # the long s and the Kelvin sign
        out += [(0x17F, 0x17F)] if low <= 115 <= high else []
        out += [(0x212A, 0x212A)] if low <= 107 <= high else []
    return out
