"""Macros that loop. What each round costs besides its expressions is what cel-go's expansion of it costs."""

from collections.abc import Iterable, Mapping
from typing import Any

from sampan.kube.schema.cel.errors import BudgetExceeded, CelEvaluationError
from sampan.kube.schema.cel.frame import Frame, Run
from sampan.kube.schema.cel.values import LISTS, NONE, Optional, some

# Of each round: condition and step of the loop, and the accumulator they mention.
ALL_ROUND, EXISTS_ROUND = 3, 4
COUNT_ROUND = 2  # of an item that counts
APPEND_ROUND, INSERT_ROUND = 12, 3
LIST_START, MAP_START, RESULT = 10, 30, 1


def make(kind: str, range_: Run, slots: tuple[int, ...], condition: Run | None, step: Run) -> Run:
    if kind in ("all", "exists"):
        return _quantified(range_, slots, step, decisive=kind == "exists")
    if kind == "exists_one":
        return _exists_one(range_, slots, step)
    if kind == "filter":
        return _filter(range_, slots, step)
    if kind in ("map", "transformList"):
        return _map(range_, slots, condition, step)
    if kind in ("transformMap", "transformMapEntry"):
        return _transform(range_, slots, condition, step, entries=kind == "transformMapEntry")
    if kind == "bind":
        return _bind(range_, slots[0], step)
    return _optional_map(range_, slots[0], step, flat=kind == "optFlatMap")


def _rounds(frame: Frame, range_: Run, slots: tuple[int, ...]) -> Iterable[Any]:
    """Sets the variables for each round; yields the last variable's value."""
    container = range_(frame)
    values = frame.slots
    if type(container) in LISTS:
        if len(slots) == 1:
            return _each(frame, slots[0], container)
        return _pairs(values, slots, enumerate(container))
    if isinstance(container, Mapping):
        if len(slots) == 1:
            return _each(frame, slots[0], list(container))
        return _pairs(values, slots, list(container.items()))
    raise CelEvaluationError("no such overload")


def _each(frame: Frame, slot: int, items: list[Any]) -> Iterable[Any]:
    values = frame.slots
    for item in items:
        values[slot] = item
        yield item


def _pairs(values: list[Any], slots: tuple[int, ...], items: Iterable[tuple[Any, Any]]) -> Iterable[Any]:
    first, second = slots
    for key, value in items:
        values[first] = key
        values[second] = value
        yield value


def _quantified(range_: Run, slots: tuple[int, ...], step: Run, *, decisive: bool) -> Run:
    """An error is forgotten if there is a decisive item."""
    each = EXISTS_ROUND if decisive else ALL_ROUND

    def run(frame: Frame) -> Any:
        failure: CelEvaluationError | None = None
        for _ in _rounds(frame, range_, slots):
            frame.spend(each)
            try:
                found = step(frame)
            except BudgetExceeded:
                raise
            except CelEvaluationError as e:
                failure = failure or e
                continue
            if found is decisive:
                frame.cost += RESULT
                return decisive
            if found is not (not decisive):
                failure = failure or CelEvaluationError("no such overload")
        frame.cost += RESULT
        if failure is not None:
            raise failure
        return not decisive

    return run


def _exists_one(range_: Run, slots: tuple[int, ...], step: Run) -> Run:
    def run(frame: Frame) -> Any:
        count = 0
        for _ in _rounds(frame, range_, slots):
            found = _truth(step(frame))
            count += found
            frame.spend(COUNT_ROUND if found else 1)
        frame.cost += RESULT + 1
        return count == 1

    return run


def _filter(range_: Run, slots: tuple[int, ...], step: Run) -> Run:
    def run(frame: Frame) -> Any:
        found = []
        for item in _rounds(frame, range_, slots):
            keep = _truth(step(frame))
            frame.spend(APPEND_ROUND + 1 if keep else 1)
            if keep:
                found.append(item)
        frame.spend(LIST_START + RESULT)
        return found

    return run


def _map(range_: Run, slots: tuple[int, ...], condition: Run | None, step: Run) -> Run:
    def run(frame: Frame) -> Any:
        found = []
        for _ in _rounds(frame, range_, slots):
            if condition is not None and not _truth(condition(frame)):
                frame.spend(1)
                continue
            frame.spend(APPEND_ROUND)
            found.append(step(frame))
        frame.spend(LIST_START + RESULT)
        return found

    return run


def _transform(
    range_: Run, slots: tuple[int, ...], condition: Run | None, step: Run, *, entries: bool
) -> Run:
    def run(frame: Frame) -> Any:
        found: dict[Any, Any] = {}
        for _ in _rounds(frame, range_, slots):
            if condition is not None and not _truth(condition(frame)):
                frame.spend(1)
                continue
            key = frame.slots[slots[0]]
            value = step(frame)
            frame.spend(INSERT_ROUND - 1 if entries else INSERT_ROUND)
            for name, one in value.items() if entries else ((key, value),):
                insert(found, name, one)
        frame.spend(MAP_START + RESULT)
        return found

    return run


def insert(found: dict[Any, Any], key: Any, value: Any) -> None:
    if (type(key) is float and not key.is_integer()) or (
        type(key) not in (bool, int, float, str) and not isinstance(key, int)
    ):
        raise CelEvaluationError("unsupported key type")
    if key in found:
        raise CelEvaluationError(f"insert failed: key {key} already exists")
    found[key] = value


def _bind(value: Run, slot: int, step: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.slots[slot] = value(frame)
        frame.spend(LIST_START)
        return step(frame)

    return run


def _optional_map(value: Run, slot: int, step: Run, *, flat: bool) -> Run:
    def run(frame: Frame) -> Any:
        found = value(frame)
        if type(found) is not Optional:
            raise CelEvaluationError("no such overload")
        frame.spend(LIST_START + 3)
        if not found.has:
            return NONE
        frame.slots[slot] = found.value
        result = step(frame)
        return result if flat else some(result)

    return run


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise CelEvaluationError("no such overload")
