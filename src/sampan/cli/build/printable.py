"""Programs' output as text that is safe on a terminal: colours stay, everything that moves or asks does not.

Source: ECMA-48 (control sequences), xterm's control sequences (OSC, DCS).
"""

from __future__ import annotations

_ESC = "\x1b"
_RESET = "\x1b[0m"
_STRINGS = "]PX^_"  # OSC, DCS, SOS, PM, APC: up to a BEL or ST


def printable(data: bytes) -> str:
    """One line. What a carriage return has overwritten is gone, as on a terminal."""
    text = data.decode("utf-8", "replace")
    if text.isprintable():
        return text
    text = text.rstrip("\r\n")
    text = text.rsplit("\r", 1)[-1] if "\r" in text else text
    if _ESC not in text:
        return "".join(
            char if char >= " " and not "\x7f" <= char <= "\x9f" else _control(char) for char in text
        )
    return _with_escapes(text)


def printable_lines(text: str) -> str:
    return "\n".join(printable(line.encode("utf-8", "surrogateescape")) for line in text.split("\n"))


def _control(char: str) -> str:
    return "\t" if char == "\t" else ""


def _with_escapes(text: str) -> str:
    out: list[str] = []
    coloured = False
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        if char != _ESC:
            out.append(char if char >= " " and not "\x7f" <= char <= "\x9f" else _control(char))
            at += 1
            continue
        after = _sequence_end(text, at)
        sequence = text[at:after]
        if sequence[1:2] == "[" and sequence[-1:] == "m" and not set(sequence[2:-1]) - set("0123456789;:"):
            out.append(sequence)
            coloured = True
        at = after
    if coloured:
        out.append(_RESET)
    return "".join(out)


def _sequence_end(text: str, at: int) -> int:
    """Where the escape sequence at `at` ends."""
    kind = text[at + 1 : at + 2]
    position = at + 2
    if kind == "[":
        while position < len(text) and not "@" <= text[position] <= "~":
            position += 1
        return position + 1
    if kind and kind in _STRINGS:
        while position < len(text):
            if text[position] == "\x07":
                return position + 1
            if text[position] == _ESC:
                return position + 2
            position += 1
        return position
    if kind and " " <= kind <= "/":  # an intermediate byte: one more follows
        while position < len(text) and " " <= text[position] <= "/":
            position += 1
        return position + 1
    return position


def without_colours(text: str) -> str:
    if _ESC not in text:
        return text
    parts = text.split(_ESC + "[")
    return parts[0] + "".join(part.partition("m")[2] for part in parts[1:])


def fit(text: str, width: int) -> tuple[str, int]:
    """As much of `text`, which has no colours, as fits into `width` columns, and how many those are."""
    if text.isascii():
        cut = text.expandtabs(8)[:width] if "\t" in text else text[:width]
        return cut, len(cut)
    import unicodedata

    columns = 0
    out: list[str] = []
    for char in text.expandtabs(8):
        size = (
            0
            if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Me", "Mn")
            else 2
            if unicodedata.east_asian_width(char) in "WF"
            else 1
        )
        if columns + size > width:
            break
        out.append(char)
        columns += size
    return "".join(out), columns
