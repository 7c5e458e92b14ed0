"""Sets of a job's indexes as text: "1,3-5,7"."""

from itertools import pairwise

from sampan.specs.golang.quote import quote


class IndexesError(ValueError):
    """Why a text is no such set."""


def read(text: str, completions: int) -> list[tuple[int, int]]:
    """The intervals, with both ends; raises IndexesError."""
    found: list[tuple[int, int]] = []
    for interval in text.split(",") if text else ():
        limits = interval.split("-")
        if len(limits) > 2:
            raise IndexesError(
                f"the fragment {quote(interval)} violates the requirement that an index interval "
                "can have at most two parts separated by '-'"
            )
        numbers = []
        first = _index(limits[0], completions)
        if found and found[-1][1] >= first:
            raise _order(found[-1][1], first)
        numbers.append(first)
        if len(limits) == 2:
            numbers.append(_index(limits[1], completions))
            if numbers[1] <= first:
                raise _order(first, numbers[1])
        found.append((numbers[0], numbers[-1]))
    return found


def _index(text: str, completions: int) -> int:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise IndexesError(f"cannot convert string to integer for index: {quote(text)}")
    if (found := int(digits)) >= completions:
        raise IndexesError(f"too large index: {quote(text)}")
    return found


def _order(previous: int, current: int) -> IndexesError:
    return IndexesError(f"non-increasing order, previous: {previous}, current: {current}")


def count(intervals: list[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in intervals)


def shared(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> int | None:
    """The first index that is in both; None: there is none."""
    for (_, last), (first, _) in pairwise(sorted([*one, *other])):
        if first <= last:
            return first
    return None
