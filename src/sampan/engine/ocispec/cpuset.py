"""Lists of CPUs and memory nodes such as "0-2,7". cpuset(7) "List format"."""

# As in moby: no machine has more, and "0-999999999" must not fill the memory.
MAXIMUM = 8192


def parse(text: str) -> frozenset[int]:
    """Raises ValueError, worded as moby's parsers.ParseUintList."""
    found: set[int] = set()
    if not text:
        return frozenset()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start, end = _number(first, text), _number(last, text) if dash else _number(first, text)
        if start > end:
            raise ValueError(f"invalid format: {text}")
        found.update(range(start, end + 1))
    return frozenset(found)


def _number(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"invalid format: {text}")
    number = int(digits)
    if number >= MAXIMUM:
        raise ValueError(f"value of out range, maximum is {MAXIMUM - 1}")
    return number
