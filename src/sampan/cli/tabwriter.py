"""Elastic columns as Go's text/tabwriter makes them (padding with spaces, cells ended by tabs)."""

from __future__ import annotations


def align(text: str, minimum: int = 10, padding: int = 3) -> str:
    """A column is a run of lines that have a cell there; the last cell of a line belongs to no column."""
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[0] * (len(cells) - 1) for cells in lines]
    _measure(lines, widths, 0, len(lines), 0, minimum, padding)
    out = []
    for cells, sizes in zip(lines, widths, strict=True):
        out.append("".join(cell.ljust(size) for cell, size in zip(cells, sizes, strict=False)) + cells[-1])
    return "\n".join(out)


def _measure(
    lines: list[list[str]],
    widths: list[list[int]],
    first: int,
    last: int,
    column: int,
    minimum: int,
    padding: int,
) -> None:
    at = first
    while at < last:
        if len(lines[at]) - 1 <= column:
            at += 1
            continue
        end = at
        while end < last and len(lines[end]) - 1 > column:
            end += 1
        width = max(max(len(lines[row][column]) for row in range(at, end)) + padding, minimum)
        for row in range(at, end):
            widths[row][column] = width
        _measure(lines, widths, at, end, column + 1, minimum, padding)
        at = end
