"""What Go says of texts that are no JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.golang.jsonsyntax import syntax_error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ('{"a"', "unexpected end of JSON input"),
        ('"abc', "unexpected end of JSON input"),
        ('"a\\', "unexpected end of JSON input"),
        ("tru", "unexpected end of JSON input"),
        ("-", "unexpected end of JSON input"),
        ("1.", "unexpected end of JSON input"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1,2,3 4]", "invalid character '4' after array element"),
        ("[1,2x]", "invalid character 'x' after array element"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("01", "invalid character '1' after top-level value"),
        ("[1,02]", "invalid character '2' after array element"),
        ("trux", "invalid character 'x' in literal true (expecting 'e')"),
        ("[1,nul]", "invalid character ']' in literal null (expecting 'l')"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("[1,1.x]", "invalid character 'x' after decimal point in numeric literal"),
        ('{"a":1,"b":1ex}', "invalid character 'x' in exponent of numeric literal"),
        ('"\\x"', "invalid character 'x' in string escape code"),
        ('"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
        ('"a\nb"', "invalid character '\\n' in string literal"),
        ("NaN", "invalid character 'N' looking for beginning of value"),
        ("\ufeff{}", "invalid character '\\ufeff' looking for beginning of value"),
        ("[" * 10_001, "exceeded max depth"),
    ],
)
def test_what_is_wrong(text: str, message: str) -> None:
    assert syntax_error(text) == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_json_is_json(value: object, indent: int | None, ascii: bool) -> None:
    assert syntax_error(json.dumps(value, indent=indent, ensure_ascii=ascii)) == ""


@given(st.text(alphabet='{}[]":,-+.0123eEtrufalsn \\\n'))
def test_texts_are_refused_where_python_refuses_them(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        assert syntax_error(text) != ""
    else:
        assert syntax_error(text) == ""
