"""Go's strconv.Quote, and %q and %v of fmt. Pure; https://pkg.go.dev/strconv#Quote"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}


def quote(text: str) -> str:
    """strconv.Quote."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_escape(char, '"') for char in text) + '"'


def quote_rune(number: int) -> str:
    """%q of an integer: the character of that number."""
    if not 0 <= number <= 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        return "'\ufffd'"
    return "'" + _escape(chr(number), "'") + "'"


def _escape(char: str, delimiter: str) -> str:
    if char == delimiter:
        return "\\" + char
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as Python's surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable():  # as Go's IsPrint: of non-graphic characters only the space
        return char
    if 0xD800 <= code <= 0xDFFF:  # half a character; Go has none
        return "\ufffd"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote_list(items: "Iterable[str]") -> str:
    """%q of a list of strings."""
    return "[" + " ".join(quote(item) for item in items) + "]"


def plain_list(items: "Iterable[str]") -> str:
    """%v of a list of strings."""
    return "[" + " ".join(items) + "]"
