"""Sizes, durations, times, columns, JSON: the texts Docker's client prints."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.cli import gojson
from sampan.cli.container.ports import display_ports
from sampan.cli.listing import Listing
from sampan.cli.tabwriter import align
from sampan.cli.text import ellipsis, natural


def test_columns_belong_to_neighbouring_lines():
    assert align("a\tb\tc\nlonger than ten\tx\ty", 10, 3) == (
        "a                 b         c\nlonger than ten   x         y"
    )
    assert align("a\tb\nno columns\nccccccccccccc\td", 4, 1) == "a   b\nno columns\nccccccccccccc d"


def port(private, public=0, ip="", kind="tcp"):
    return {"PrivatePort": private, "PublicPort": public, "IP": ip, "Type": kind}


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ([], ""),
        ([port(80)], "80/tcp"),
        ([port(82), port(80), port(81), port(90, kind="udp")], "80-82/tcp, 90/udp"),
        ([port(80, 8080, "0.0.0.0"), port(80, 8080, "::")], "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"),
        ([port(80, 80, "0.0.0.0"), port(81, 81, "0.0.0.0")], "0.0.0.0:80-81->80-81/tcp"),
        ([port(80), port(82), port(83)], "80/tcp, 82-83/tcp"),
    ],
)
def test_ports_are_folded_into_ranges(ports, text):
    assert display_ports(ports) == text


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "a"),
        ("abcd", 0, ""),
        ("日本語", 4, "日…"),
        ("日本", 4, "日本"),
    ],
)
def test_long_texts_end_in_an_ellipsis(text, width, short):
    assert ellipsis(text, width) == short


def test_numbers_in_names_sort_by_value():
    assert sorted(["net10", "net9", "a1", "net"], key=natural) == ["a1", "net", "net9", "net10"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_json_goes_both_ways(value):
    text = gojson.dumps(value)
    assert json.loads(text) == value
    assert gojson.loads(text.encode()) == value
    assert json.loads(gojson.indent(text)) == value


@given(VALUES)
def test_indenting_is_what_python_does_with_indent(value):
    text = json.dumps(value)
    assert gojson.indent(text) == json.dumps(value, indent=4)


@pytest.mark.parametrize("text", ["", "{", "{} x", "nope", '{"a":}', "[1,]"])
def test_broken_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        gojson.loads(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (1e21, "1e+21"),
        (1e-7, "1e-07"),
        (-0.0, "-0"),
        (123456789.0, "123456789"),
        (1e20, "100000000000000000000"),
    ],
)
def test_numbers_are_written_as_go_writes_them(value, text):
    assert float(gojson.number(value)) == value
    assert gojson.number(value).replace("e-07", "e-7") == text.replace("e-07", "e-7")


LISTING = Listing(
    {"ID": ("ID", lambda row: row["id"]), "Name": ("NAME", lambda row: row["name"])},
    "*test.Context",
    {"Label": lambda row, name: f"<{name}>"},
)
ROWS = [{"id": "1", "name": "one<"}, {"id": "22", "name": "two"}]


@pytest.mark.parametrize(
    ("source", "quiet", "text"),
    [
        ("", "", "ID        NAME\n1         one<\n22        two\n"),
        ("table", "", "ID        NAME\n1         one<\n22        two\n"),
        ("table {{.Name}}\\t{{.ID}}", "", "NAME      ID\none<      1\ntwo       22\n"),
        ("table {{upper .Name}}", "", "NAME\nONE<\nTWO\n"),
        ("{{.ID}}:{{.Name}}", "", "1:one<\n22:two\n"),
        ("json", "", '{"ID":"1","Name":"one\\u003c"}\n{"ID":"22","Name":"two"}\n'),
        ("{{json .Name}}", "", '"one<"\n"two"\n'),
        ("", "{{.ID}}", "1\n22\n"),
        ('{{.Label "x"}}', "", "<x>\n<x>\n"),
    ],
)
def test_lists_in_every_format(source, quiet, text):
    assert LISTING.render(ROWS, source, "{{.ID}}\t{{.Name}}", quiet) == text
