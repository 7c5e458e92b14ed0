"""Expressions of webhooks and policies at work; k8s.io/apiserver pkg/admission/plugin/cel and
plugin/webhook/matchconditions
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sampan.kube.kinds.admissionregistration.expressions import Variables, plain
from sampan.kube.kinds.resource import Object
from sampan.kube.schema.cel.errors import CelError, CelEvaluationError
from sampan.kube.schema.cel.program import MATCH_CONDITIONS, Budget, Program, compile
from sampan.kube.schema.cel.types import DYN

OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class Failure(Exception):
    """An expression that has no value; the text says which and why."""


class OutOfBudget(Failure):
    """All expressions together cost too much."""


class Expression:
    """One that was compiled, or is known not to be valid."""

    def __init__(self, source: str, environment: Any) -> None:
        self.source = source
        self.program: Program | None = None
        self.error = ""
        try:
            self.program = compile(source, environment)
        except CelError as error:
            self.error = f"compilation failed: {error}"

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget) -> Any:
        """Raises Failure."""
        if self.program is None:
            raise Failure(f"compilation error: {self.error}")
        if budget.remaining < 0:
            raise OutOfBudget(OUT_OF_BUDGET)
        failure: CelEvaluationError | None = None
        value = None
        try:
            value = self.program.evaluate(bindings, budget)
        except CelEvaluationError as error:
            failure = error
        if budget.remaining < 0:
            raise OutOfBudget(OUT_OF_BUDGET)
        if failure is not None:
            raise Failure(f"expression '{self.source}' resulted in error: {failure}")
        return value


class Conditions:
    """The match conditions of a webhook or a policy."""

    def __init__(self, conditions: Sequence[Object] | None, policy: str, params: bool) -> None:
        environment = plain(params, True)
        self._all = [Expression(one["expression"].strip(), environment) for one in conditions or ()]
        self._fails = policy != "Ignore"

    def hold(self, bindings: Mapping[str, Any]) -> bool:
        """Raises Failure if that cannot be told and must be known."""
        budget = Budget(MATCH_CONDITIONS)
        wrong = []
        for one in self._all:
            try:
                if one.evaluate(bindings, budget) is False:
                    return False
            except OutOfBudget as error:
                wrong = [str(error)]
                break
            except Failure as error:
                wrong.append(str(error))
        if wrong and self._fails:
            unique = list(dict.fromkeys(wrong))
            raise Failure(unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]")
        return not wrong


class PolicyVariables:
    """The variables of a policy, compiled."""

    def __init__(self, variables: Sequence[Object] | None, params: bool) -> None:
        self._variables = Variables(bool(variables))
        self._params = params
        self.expressions: dict[str, Expression] = {}
        for one in variables or ():
            made = Expression(one["expression"], self._variables.environment(params, True))
            self.expressions[one["name"]] = made
            self._variables.add(one["name"], made.program.type if made.program is not None else DYN)
        self._environments: dict[bool, Any] = {}

    def expression(self, source: str, *, authorizer: bool = True) -> Expression:
        """One that may mention them."""
        if authorizer not in self._environments:
            self._environments[authorizer] = self._variables.environment(self._params, authorizer)
        return Expression(source, self._environments[authorizer])


class Values(Mapping[str, Any]):
    """The variables of one evaluation: each is evaluated when it is first needed, and only once."""

    def __init__(self, variables: PolicyVariables, bindings: Mapping[str, Any], budget: Budget) -> None:
        self._expressions = variables.expressions
        self._bindings = bindings
        self._budget = budget
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._evaluate(name)
        found = self._known[name]
        if isinstance(found, CelEvaluationError):
            raise found
        return found

    def _evaluate(self, name: str) -> Any:
        one = self._expressions[name]
        if one.program is None:
            return CelEvaluationError(f'composited variable "{name}" fails to compile: {one.error}')
        try:
            return one.program.evaluate(self._bindings, self._budget)
        except CelEvaluationError as error:
            return CelEvaluationError(f'composited variable "{name}" fails to evaluate: {error}')

    def __iter__(self) -> Iterator[str]:
        return iter(self._expressions)

    def __len__(self) -> int:
        return len(self._expressions)
