"""Sets of a job's indexes: intervals with both ends, in order, and their text "1,3-5,7". Pure."""

from itertools import pairwise

from sampan.specs.golang.quote import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Interval = tuple[int, int]
    Intervals = Sequence[Interval]


_ANY = 1 << 62


class IndexesError(ValueError):
    """Why a text is no such set."""


def read(text: str, completions: int) -> "list[Interval]":
    """The intervals; raises IndexesError."""
    found: list[Interval] = []
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


def recover(text: str, completions: int) -> "list[Interval]":
    """What can be read of a text that anybody may have written, without indexes that are none any more."""
    found: list[Interval] = []
    for part in text.split(",") if text else ():
        first, hyphen, last = part.partition("-")
        try:
            start = _index(first, _ANY)
            end = _index(last, _ANY) if hyphen else start
        except IndexesError:
            continue
        if start >= completions:
            break
        found.append((start, min(end, completions - 1)))
    return union(found)


def written(intervals: "Intervals") -> str:
    """Two neighbours are "3,4", more of them "3-5"."""
    parts = []
    for first, last in intervals:
        parts.append(str(first))
        if last > first:
            parts[-1] += f"{',' if last == first + 1 else '-'}{last}"
    return ",".join(parts)


def union(intervals: "Iterable[Interval]") -> "list[Interval]":
    """Of intervals in any order: those of the result neither meet nor touch."""
    found: list[Interval] = []
    for first, last in sorted(intervals):
        if last < first:
            continue
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def added(intervals: "Intervals", numbers: "Iterable[int]") -> "list[Interval]":
    """With these numbers as well."""
    return union([*intervals, *((number, number) for number in numbers)])


def contains(intervals: "Intervals", number: int) -> bool:
    """Is it in one of the intervals?"""
    low, high = 0, len(intervals)
    while low < high:  # all before `low` end below the number, all from `high` on do not
        middle = (low + high) // 2
        if intervals[middle][1] < number:
            low = middle + 1
        else:
            high = middle
    return low < len(intervals) and intervals[low][0] <= number


def free(intervals: "Intervals", most: int, completions: int) -> list[int]:
    """The lowest indexes that are in none of the intervals, `most` at most."""
    found: list[int] = []
    start = 0
    for first, last in [*intervals, (completions, completions)]:
        end = min(first, completions, start + most - len(found))
        found.extend(range(start, end))
        start = max(start, last + 1)
    return found


def count(intervals: "Intervals") -> int:
    """How many numbers are in them."""
    return sum(last - first + 1 for first, last in intervals)


def overlap(one: "Intervals", other: "Intervals") -> int:
    """How many indexes are in both."""
    return count(one) + count(other) - count(union([*one, *other]))


def shared(one: "Intervals", other: "Intervals") -> int | None:
    """The first index that is in both; None: there is none."""
    for (_, last), (first, _) in pairwise(sorted([*one, *other])):
        if first <= last:
            return first
    return None
