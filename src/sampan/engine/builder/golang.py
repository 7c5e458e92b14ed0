"""How Go prints values: BuildKit's history lines are made with %q and %v."""

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
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python's surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    if char == " " or (char.isprintable() and not char.isspace()):
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote_list(items: list[str] | tuple[str, ...]) -> str:
    """%q of a list of strings."""
    return "[" + " ".join(quote(item) for item in items) + "]"


def plain_list(items: list[str] | tuple[str, ...]) -> str:
    """%v of a list of strings."""
    return "[" + " ".join(items) + "]"


def duration(nanoseconds: int) -> str:
    """time.Duration's String: 1h2m0.5s, 300ms."""
    if nanoseconds == 0:
        return "0s"
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if left < 1_000_000_000:
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if left >= size:
                return f"{sign}{_fraction(left, size)}{unit}"
    minutes, rest = divmod(left, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_fraction(rest, 1_000_000_000)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def _fraction(number: int, size: int) -> str:
    whole, rest = divmod(number, size)
    if not rest:
        return str(whole)
    digits = len(str(size)) - 1
    return f"{whole}." + f"{rest:0{digits}}".rstrip("0")
