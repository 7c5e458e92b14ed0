"""One record of comma-separated values, quoted as RFC 4180 has it (Go's encoding/csv)."""

from __future__ import annotations


def fields(text: str) -> list[str]:
    """Raises ValueError in Go's words: EOF for nothing, or where a quote stands wrong."""
    if not text:
        raise ValueError("EOF")
    if '"' not in text:
        return text.split(",")
    found: list[str] = []
    at = 0
    while True:
        if text[at : at + 1] == '"':
            value, at = _quoted(text, at + 1)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            value, at = text[at:end], end
            if '"' in value:
                column = at - len(value) + value.index('"') + 1
                raise ValueError(f'parse error on line 1, column {column}: bare " in non-quoted-field')
        found.append(value)
        if at >= len(text):
            return found
        at += 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    value = ""
    while True:
        end = text.find('"', at)
        if end < 0:
            raise ValueError(
                f'parse error on line 1, column {len(text) + 1}: extraneous or missing " in quoted-field'
            )
        value += text[at:end]
        if text[end + 1 : end + 2] == '"':
            value += '"'
            at = end + 2
            continue
        if end + 1 < len(text) and text[end + 1] != ",":
            raise ValueError(
                f'parse error on line 1, column {end + 1}: extraneous or missing " in quoted-field'
            )
        return value, end + 1
