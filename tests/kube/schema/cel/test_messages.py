"""What is said of expressions that are not valid: cel-go's words, places and pictures."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.schema.cel.declarations import environment
from sampan.kube.schema.cel.errors import CelError
from sampan.kube.schema.cel.program import compile_anew
from sampan.kube.schema.cel.types import DYN, INT, STRING, Field, Type, list_of

OBJECT = Type("object", "Foo", fields={"n": Field("n", INT), "s": Field("s", STRING)})
ENVIRONMENT = environment({"self": OBJECT, "any": DYN, "l": list_of(INT)})


def errors_of(source: str) -> str:
    with pytest.raises(CelError) as caught:
        compile_anew(source, ENVIRONMENT)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ("1 + x", "ERROR: <input>:1:5: undeclared reference to 'x' (in container '')\n | 1 + x\n | ....^"),
        ("self.z", "ERROR: <input>:1:5: undefined field 'z'\n | self.z\n | ....^"),
        (
            "self.n + 'a'",
            "ERROR: <input>:1:8: found no matching overload for '_+_' applied to '(int, string)'\n"
            " | self.n + 'a'\n | .......^",
        ),
        (
            "self.s.nosuch()",
            "ERROR: <input>:1:14: undeclared reference to 'nosuch' (in container '')\n"
            " | self.s.nosuch()\n | .............^",
        ),
        ("nosuch(1)", "ERROR: <input>:1:7: undeclared reference to 'nosuch' (in container '')"),
        ("self.n.size()", "found no matching overload for 'size' applied to 'int.()'"),
        ("has(self)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(self)\n | ....^"),
        ("l.all(1, true)", "argument must be a simple name"),
        ("l.all(e, 1)", "found no matching overload for '_&&_' applied to '(bool, int)'"),
        ("[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'"),
        ("true ? 1 : 'a'", "found no matching overload for '_?_:_' applied to '(bool, int, string)'"),
        ("1 +", "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting "),
        ("(1", "Syntax error: "),
        ("'abc", "Syntax error: token recognition error at: ''abc'"),
        ("9223372036854775808", "invalid int literal"),
        ("if", "ERROR: <input>:1:1: reserved identifier: if"),
        ("cel.bind(v, 1, v)", "undeclared reference to 'cel' (in container '')"),
        ("self.s.matches('(')", "ERROR: <input>:1:16: invalid matches argument"),
        ("a\n + 1", "ERROR: <input>:1:1: undeclared reference to 'a' (in container '')\n | a\n | ^"),
    ],
)
def test_the_first_thing_that_is_said(source: str, first: str) -> None:
    assert errors_of(source).startswith(first) or first in errors_of(source).splitlines()[0]


def test_all_errors_are_told_in_the_order_of_their_places() -> None:
    lines = [line for line in errors_of("x + y + self.z").splitlines() if line.startswith("ERROR")]
    assert [line.split(": ")[1] for line in lines] == ["<input>:1:1", "<input>:1:5", "<input>:1:13"]


def test_wide_characters_move_the_caret_by_wide_dots() -> None:
    assert errors_of("'ü' + x").splitlines()[2] == " | .\uff0e....^"


@pytest.mark.parametrize(
    "source",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "1" + "-(1" * 3000 + ")" * 3000,
        "[" * 3000,
        "1" + "+1" * 60000,
        "!" * 100000 + "true",
    ],
)
def test_what_nests_too_deeply_is_refused_and_never_more(source: str) -> None:
    assert errors_of(source)


ALPHABET = "abx1.?:[](){}'\"\\+-*/%<>=!&|, \n\u00fc\U0001f600"


@settings(max_examples=300, deadline=None)
@given(st.text(ALPHABET, max_size=40))
def test_any_text_compiles_or_is_told_what_is_wrong(source: str) -> None:
    try:
        compile_anew(source, ENVIRONMENT)
    except CelError as error:
        assert str(error).startswith("ERROR: <input>:")
