"""The same expressions evaluated by Google's own C++ runtime, where it is installed."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.schema.cel.declarations import environment
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.program import Budget, compile
from sampan.kube.schema.cel.types import DYN

cel = pytest.importorskip("cel_expr_python.cel", reason="cel-expr-python is not installed")

VALUES = {"x": {"a": 1, "b": [1, 2, 3], "s": "text", "n": None, "f": 2.5, "t": True}}
THEIRS = cel.NewEnv(variables={"x": cel.Type.DYN})
OURS = environment({"x": DYN})

atoms = st.sampled_from(
    ["1", "-3", "2.5", "'ab'", "true", "false", "x.a", "x.b", "x.s", "x.f", "x.t", "x.nosuch", "7u", "[1, 2]"]
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    inner = inner.map(lambda one: f"dyn({one})")
    pairs = st.tuples(inner, inner)
    operators = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "in"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda one: f"({one[0]} {one[1]} {one[2]})"),
        st.tuples(inner, inner, inner).map(lambda one: f"({one[0]} ? {one[1]} : {one[2]})"),
        inner.map(lambda one: f"!({one})"),
        inner.map(lambda one: f"-({one})"),
        inner.map(lambda one: f"size({one})"),
        inner.map(lambda one: f"string({one})"),
        inner.map(lambda one: f"type({one}) == int"),
        inner.map(lambda one: f"[1, 2].exists(e, dyn(e) == {one})"),
        inner.map(lambda one: f"[1, 2].all(e, {one})"),
        pairs.map(lambda one: f"[dyn({one[0]}), dyn({one[1]})]"),
    )


expressions = st.recursive(atoms.map(lambda one: f"dyn({one})"), _larger, max_leaves=6)


def _ours(source: str) -> Any:
    try:
        return compile(source, OURS).evaluate(VALUES, Budget())
    except CelEvaluationError:
        return "error"


def _theirs(source: str) -> Any:
    found = THEIRS.compile(source).eval(data=VALUES)
    return "error" if found.type() == cel.Type.ERROR else found.plain_value()


@settings(max_examples=400, deadline=None)
@given(expressions)
def test_both_find_the_same_value_or_none(source: str) -> None:
    assert _ours(source) == _theirs(source), source
