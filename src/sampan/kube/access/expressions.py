"""Expressions in configuration files: compiled when the file is read, so that a wrong one stops the start."""

from collections.abc import Mapping
from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.cel import program
from sampan.kube.schema.cel.declarations import environment
from sampan.kube.schema.cel.errors import BudgetExceeded, CelError, CelEvaluationError
from sampan.kube.schema.cel.types import DYN


class Failed(Exception):
    """An expression has no value for what it was asked about."""


class Expression:
    """Of one variable, about whose type nothing is known."""

    def __init__(self, source: str, variable: str, where: str) -> None:
        """Raises Invalid."""
        try:
            self._program = program.compile(source, environment({variable: DYN}))
        except CelError as error:
            raise Invalid(f"{where}: {error}") from error
        self.source = source
        self._variable = variable

    def value(self, about: Mapping[str, Any]) -> Any:
        """Raises Failed."""
        try:
            return self._program.evaluate({self._variable: about}, program.Budget())
        except (CelEvaluationError, BudgetExceeded) as error:
            raise Failed(f"{self.source}: {error}") from error
