"""Shortening text as Docker's formatter does, by display width."""

from __future__ import annotations


def ellipsis(text: str, width: int) -> str:
    """At most `width` columns, the last one an ellipsis where something is missing."""
    if width <= 0:
        return ""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…" if width > 1 else text[0]
    total = sum(columns(char) for char in text)
    if total <= width:
        return text
    if width == 1:
        return text[0]
    out, used = "", 0
    for char in text:
        used += columns(char)
        if used > width - 1:
            break
        out += char
    return out + "…"


def columns(char: str) -> int:
    """Columns of a character on a terminal."""
    if char < "\u1100":
        return 1
    import unicodedata

    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def natural(text: str) -> list[tuple[int, int | str]]:
    """A sort key that orders numbers inside text by their value, as Docker sorts its lists."""
    key: list[tuple[int, int | str]] = []
    at = 0
    while at < len(text):
        end = at
        digits = text[at] in "0123456789"
        while end < len(text) and (text[end] in "0123456789") == digits:
            end += 1
        key.append((0, int(text[at:end])) if digits else (1, text[at:end]))
        at = end
    return key
