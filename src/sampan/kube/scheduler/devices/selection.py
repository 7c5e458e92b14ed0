"""Which devices the expressions of classes and claims select, evaluated once for each slice.

The expressions' compiler is loaded with the first of them: most clusters have none.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sampan.errors import Invalid
from sampan.kube.scheduler.devices.asking import Selector
from sampan.kube.scheduler.devices.effort import Effort, Unworkable
from sampan.kube.scheduler.devices.pools import Device, DeviceSlice

Answer = bool | str  # or why there is none
EVALUATION = 4  # steps, besides what it costs


class Answers:
    """Of one expression and one slice's devices, as far as they were needed."""

    def __init__(self, expression: str, slice: DeviceSlice) -> None:
        self._run = _evaluator(expression)
        self._slice = slice
        self._known: list[Answer | None] = [None] * len(slice.devices)

    def of(self, place: int, effort: Effort) -> Answer:
        """Raises Invalid if it is no expression."""
        found = self._known[place]
        if found is None:
            effort.step(EVALUATION)
            found = self._known[place] = self._run(self._slice.devices[place], effort)
        return found


def _evaluator(expression: str) -> Callable[[Device, Effort], Answer]:
    from sampan.kube.schema import deviceselectors
    from sampan.kube.schema.cel.errors import CelEvaluationError
    from sampan.kube.schema.cel.program import Budget

    def run(device: Device, effort: Effort) -> Answer:
        budget = Budget(remaining=0)
        try:
            program = deviceselectors.selector(expression)
            seen = deviceselectors.device_of(device.id.driver, device.value)
            return deviceselectors.selects(program, seen, budget)
        except CelEvaluationError as error:
            return str(error)
        finally:
            effort.cost += budget.remaining  # what it has cost, less than nothing

    return run


def selected(selectors: Iterable[Selector], device: Device, effort: Effort) -> Answer:
    """By all of them; the first that says no, or nothing, decides. Raises Unworkable and Exhausted."""
    for one in selectors:
        answers: Answers = device.slice.answers.get(one.expression, _maker(one.expression, device.slice))
        try:
            found = answers.of(device.place, effort)
        except Invalid as error:
            raise Unworkable(f"{one.of}: selector #{one.number}: CEL compile error: {error}") from error
        if type(found) is str:
            return f"{one.of}: selector #{one.number} on device {device.id}: CEL runtime error: {found}"
        if not found:
            return False
    return True


def _maker(expression: str, slice: DeviceSlice) -> Callable[[], Any]:
    return lambda: Answers(expression, slice)
