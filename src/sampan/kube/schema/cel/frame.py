"""What one evaluation knows and has spent."""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.kube.schema.cel.errors import BudgetExceeded


class Frame:
    __slots__ = ("cost", "limit", "slots", "variables")

    def __init__(self, variables: Mapping[str, Any], slots: int, limit: int) -> None:
        self.variables = variables
        self.slots: list[Any] = [None] * slots
        self.cost = 0
        self.limit = limit

    def spend(self, cost: int) -> None:
        self.cost += cost
        if self.cost > self.limit:
            raise BudgetExceeded


Run = Callable[[Frame], Any]
