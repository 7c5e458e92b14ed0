"""No evaluation costs more than it may; what it may cost is told when it is compiled."""

import time

import pytest

from sampan.kube.schema.cel.declarations import environment
from sampan.kube.schema.cel.errors import BudgetExceeded, CelEvaluationError
from sampan.kube.schema.cel.program import PER_CALL, Budget, compile
from sampan.kube.schema.cel.types import DYN
from sampan.kube.schema.celtypes import declare

ENVIRONMENT = environment({"x": DYN})


def test_a_budget_pays_for_all_evaluations_together() -> None:
    program = compile("x.all(e, e > 0)", ENVIRONMENT)
    budget = Budget(1000)
    spent = []
    for _ in range(3):
        before = budget.remaining
        assert program.evaluate({"x": [1] * 10}, budget) is True
        spent.append(before - budget.remaining)
    assert spent[0] > 10
    assert len(set(spent)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "x.all(a, x.all(b, x.all(c, a + b + c >= 0)))",
        "x.map(a, x.map(b, x.map(c, [a, b, c]))).size() > 0",
        "x.filter(a, x.exists(b, x.exists(c, a + b + c < 0))).size() == 0",
        "x.map(e, 'aaaaaaaaaaaaaaaaaaaaaaaa' + string(e)).join(',').split(',')"
        ".map(a, a.replace('a', 'bbbbbbbb')).join('').matches('(b*)*c')"
        " || x.all(a, x.all(b, x.all(c, true)))",
    ],
)
def test_an_evaluation_that_would_cost_too_much_ends_soon(source: str) -> None:
    program = compile(source, ENVIRONMENT)
    budget = Budget()
    started = time.monotonic()
    with pytest.raises(BudgetExceeded, match="operation cancelled: actual cost limit exceeded"):
        program.evaluate({"x": list(range(2000))}, budget)
    assert time.monotonic() - started < 10
    assert Budget().remaining - budget.remaining >= PER_CALL


def test_patterns_that_take_others_forever_take_steps_that_are_counted() -> None:
    program = compile("x.matches('(a+)+$')", ENVIRONMENT)
    started = time.monotonic()
    assert program.evaluate({"x": "a" * 5000 + "b"}, Budget()) is False
    assert time.monotonic() - started < 5


def test_strings_cannot_be_blown_up() -> None:
    source = "x" + "".join(".replace('', x)" for _ in range(6)) + ".size() > 0"
    with pytest.raises(CelEvaluationError):
        compile(source, ENVIRONMENT).evaluate({"x": "a" * 200}, Budget())


@pytest.mark.parametrize(
    ("schema", "source", "least", "most"),
    [
        ({"type": "integer"}, "self > 0", 1, 10),
        ({"type": "string", "maxLength": 10}, "self == 'a'", 1, 10),
        ({"type": "array", "maxItems": 10, "items": {"type": "integer"}}, "self.all(e, e > 0)", 20, 200),
        ({"type": "array", "items": {"type": "integer"}}, "self.all(e, e > 0)", 1_000_000, 100_000_000),
        (
            {"type": "array", "items": {"type": "string"}},
            "self.all(a, self.all(b, a == b))",
            10**10,
            10**20,
        ),
    ],
)
def test_costs_are_estimated_from_what_the_schema_bounds(
    schema: dict[str, object], source: str, least: int, most: int
) -> None:
    from sampan.kube.schema.cel.declarations import Environment

    declared = declare(schema)
    assert declared is not None
    assert least <= compile(source, Environment({"self": declared})).cost() <= most
