"""Operators that do not look at all their operands, with what stands in for nothing."""

from typing import Any

from sampan.kube.schema.cel.errors import BudgetExceeded, CelEvaluationError
from sampan.kube.schema.cel.frame import Frame, Run
from sampan.kube.schema.cel.selection import as_optional


def truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise CelEvaluationError("no such overload")


def both(left: Run, right: Run) -> Run:
    """False if either is, even if the other one is an error."""
    return _decided(left, right, False)


def either(left: Run, right: Run) -> Run:
    """True if either is, even if the other one is an error."""
    return _decided(left, right, True)


def _decided(left: Run, right: Run, decisive: bool) -> Run:
    """The one value decides whatever the other side is."""
    open_ = not decisive

    def run(frame: Frame) -> Any:
        try:
            first = left(frame)
            if first is decisive:
                return decisive
            failure = None if first is open_ else CelEvaluationError("no such overload")
        except BudgetExceeded:
            raise
        except CelEvaluationError as e:
            failure = e
        if failure is None:
            return truth(right(frame))
        return _other(right, frame, decisive, failure)

    return run


def _other(right: Run, frame: Frame, decisive: bool, failure: CelEvaluationError) -> Any:
    try:
        if right(frame) is decisive:
            return decisive
    except BudgetExceeded:
        raise
    except CelEvaluationError:
        pass
    raise failure


def negation(operand: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        return not truth(operand(frame))

    return run


def choice(condition: Run, yes: Run, no: Run) -> Run:
    return lambda frame: yes(frame) if truth(condition(frame)) else no(frame)


def or_value(operand: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        found = as_optional(operand(frame))
        return found.value if found.has else other(frame)

    return run


def or_optional(operand: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        found = as_optional(operand(frame))
        return found if found.has else other(frame)

    return run
