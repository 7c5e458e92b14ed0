"""Templates give what Go's text/template gives, failures included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.cli.gotemplate import Template, TemplateError
from sampan.cli.gotemplate.printf import sprintf
from sampan.cli.gotemplate.values import NIL, Struct, Texts

DATA = {
    "Name": "web",
    "Count": 3,
    "Ratio": 1.5,
    "On": True,
    "Off": False,
    "None": None,
    "List": ["a", "b", "c"],
    "Empty": [],
    "Map": {"b": 2, "a": 1},
    "Texts": Texts({"k": "v"}),
    "Deep": {"A": {"B": "x"}},
    "Struct": Struct({"X": 1, "Y": "z"}, "pkg.T", {"Z": 0}),
    "Nil": NIL,
}


def render(source, data=DATA, strict=False):
    return Template(source).execute(data, strict)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}}", "web"),
        ("{{ .Name }}!", "web!"),
        ("{{.Deep.A.B}}", "x"),
        ('{{(index .Map "a")}}', "1"),
        ("{{.Nope}}|{{.None}}|{{.Nil}}", "<no value>|<no value>|<nil>"),
        ("{{.List}} {{.Map}} {{.Struct}} {{.On}} {{.Ratio}}", "[a b c] map[a:1 b:2] {1 z} true 1.5"),
        ("{{.Struct.Z}}", "0"),
        ('{{.Texts.k}}{{.Texts.no}}{{index .Texts "no"}}', "v<no value>"),
        ("a {{- .Name -}} b", "awebb"),
        ("a {{/* note */ -}} b", "a b"),
        ("{{if .On}}y{{else}}n{{end}}{{if .Off}}y{{else}}n{{end}}", "yn"),
        ("{{if .Off}}1{{else if .On}}2{{else}}3{{end}}", "2"),
        ("{{if .Empty}}y{{end}}{{if .Struct}}s{{end}}{{if .Nil}}n{{end}}{{if .Nope}}m{{end}}", "s"),
        ("{{with .Deep}}{{.A.B}}{{end}}{{with .Nope}}x{{else}}none{{end}}", "xnone"),
        ("{{with .Nope}}1{{else with .Name}}{{.}}{{end}}", "web"),
        ("{{range .List}}<{{.}}>{{end}}", "<a><b><c>"),
        ("{{range $i, $e := .List}}{{$i}}{{$e}} {{end}}", "0a 1b 2c "),
        ("{{range $k, $v := .Map}}{{$k}}={{$v}},{{end}}", "a=1,b=2,"),
        ("{{range .Empty}}x{{else}}empty{{end}}", "empty"),
        ('{{range .List}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}', "ac"),
        ('{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("{{$x := .Deep}}{{$x.A.B}} {{$.Name}}", "x web"),
        ('{{define "t"}}[{{.}}]{{end}}{{template "t" .Name}}{{template "t"}}', "[web][<no value>]"),
        ('{{block "b" .Count}}<{{.}}>{{end}}', "<3>"),
        ('{{.Name | upper | printf "%s-%d" "x" }}', "x-%!d(string=WEB)"),
        ("{{and .On .Name}} {{and .Off .Nope.X}} {{or .Off .Name}} {{not .On}}", "web false web false"),
        (
            '{{eq .Count 3}} {{eq .Name "a" "web"}} {{ne 1 2}} {{lt 1 2}} {{ge 2 2}} {{gt "b" "a"}}',
            "true true true true true true",
        ),
        ("{{len .List}} {{len .Name}} {{index .List 1}} {{slice .Name 1 2}}", "3 3 b e"),
        ('{{print 1 2 "a" "b" 3}}|{{println 1 "a"}}', "1 2a b3|1 a\n".replace("a b3", "ab3")),
        ('{{html "<a&\'"}} {{urlquery "a b&c"}} {{js "it\'s"}}', "&lt;a&amp;&#39; a+b%26c it\\'s"),
        ("{{json .}}", None),
        ('{{json .Map}} {{json "a<b"}} {{json .Nope}}', '{"a":1,"b":2} "a<b" null'),
        ("{{json .Struct}}", '{"X":1,"Y":"z"}'),
        (
            '{{join .List ","}} {{split "a:b" ":"}} {{title "foo bar"}} {{lower "AB"}}',
            "a,b,c [a b] Foo Bar ab",
        ),
        ("{{pad .Name 1 2}}|{{truncate .Name 2}}|{{truncate .Name 9}}", " web  |we|web"),
        ("{{\"q\\t\"}}{{`raw\\n`}}{{'a'}}{{0x10}}{{1e3}}{{-1.5}}", "q\traw\\n97161000-1.5"),
    ],
)
def test_renders(source, text):
    result = render(source)
    assert text is None or result == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{", "template: :1: unclosed action"),
        ("{{.Name", "template: :1: unclosed action"),
        ("{{foo}}", 'template: :1: function "foo" not defined'),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("{{if .On}}x", "template: :1: unexpected EOF"),
        ("{{if}}x{{end}}", "template: :1: missing value for if"),
        ("{{range}}x{{end}}", "template: :1: missing value for range"),
        ("{{.Id}", "template: :1: bad character U+007D '}'"),
        ("a\n{{/* x", "template: :2: unclosed comment"),
        ("{{$x}}", 'template: :1: undefined variable "$x"'),
        ("{{(.Name}}", "template: :1: unclosed left paren"),
        ("{{break}}", "template: :1: {{break}} outside {{range}}"),
        ("{{1 | 2}}", "template: :1: non executable command in pipeline stage 2"),
    ],
)
def test_bad_templates_are_told_in_gos_words(source, text):
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert str(caught.value) == text
    assert caught.value.parsing


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{.Nope.X}}", 'template: :1:7: executing "" at <.Nope.X>: map has no entry for key "Nope"'),
        (
            "{{.Struct.Q}}",
            'template: :1:9: executing "" at <.Struct.Q>: can\'t evaluate field Q in type pkg.T',
        ),
        ("{{.Nil.X}}", 'template: :1:6: executing "" at <.Nil.X>: nil pointer evaluating X'),
        (
            "{{index .List 7}}",
            'template: :1:2: executing "" at <index .List 7>: error calling index: index out of range: 7',
        ),
        (
            "{{len 1 2}}",
            'template: :1:2: executing "" at <len>: wrong number of args for len: want 1 got 2',
        ),
        (
            '{{lt 1 "a"}}',
            'template: :1:2: executing "" at <lt 1 "a">: error calling lt: incompatible types for comparison',
        ),
        (
            '{{template "no"}}',
            'template: :1:11: executing "" at <{{template "no"}}>: template "no" not defined',
        ),
        ("x\n {{.Nope}}", 'template: :2:3: executing "" at <.Nope>: map has no entry for key "Nope"'),
    ],
)
def test_failures_say_where(source, text):
    with pytest.raises(TemplateError) as caught:
        render(source, strict=True)
    assert str(caught.value) == text


def test_a_template_that_includes_itself_ends_in_an_error():
    with pytest.raises(TemplateError, match="exceeded maximum template depth"):
        render('{{define "t"}}{{template "t" .}}{{end}}{{template "t" .}}')


@pytest.mark.parametrize(
    ("form", "values", "text"),
    [
        (
            "%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c|%q|%U",
            (1, 2, 3, 4, 255, 255, 8, 5, 65, 66, 0x20AC),
            "    1|2    |00003|+4|ff|FF|10|101|A|'B'|U+20AC",
        ),
        ("%5s|%-5s|%.2s|%q|%x", ("a", "b", "cde", 'f"', "hi"), '    a|b    |cd|"f\\""|6869'),
        ("%t %v %v %v", (True, None, 1.5, ["a"]), "true <nil> 1.5 [a]"),
        ("%T %T %T %T", (1, "a", 1.5, {}), "int string float64 map[string]interface {}"),
        ("%.2f %8.3f %e %g", (1.5, 2.25, 1000000.0, 1e21), "1.50    2.250 1.000000e+06 1e+21"),
        ("%d%%", (5,), "5%"),
        ("%d", ("x",), "%!d(string=x)"),
        ("%s", (5,), "%!s(int=5)"),
        ("%d %d", (1,), "1 %!d(MISSING)"),
        ("%d", (1, 2), "1%!(EXTRA int=2)"),
        ("%*d", (4, 7), "   7"),
        ("%", (), "%!(NOVERB)"),
        ("%s", (["a", "b"],), "[a b]"),
    ],
)
def test_printf_is_gos(form, values, text):
    assert sprintf(form, values) == text


LEAVES = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("ab<\n ", max_size=4)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["A", "B", "C"]),
    LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.sampled_from(["X", "Y"]), LEAVES),
)
PIECES = st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            ".A",
            ".B.X",
            " ",
            "if",
            "else",
            "end",
            "range",
            "with",
            "$x",
            ":=",
            "|",
            "(",
            ")",
            "len",
            "json",
            '"s"',
            "1",
            "eq",
            "-",
            "text",
            "/*",
            "*/",
            "define",
            "printf",
            "%d",
            ",",
        ]
    ),
    max_size=14,
).map("".join)


@given(PIECES, DOCUMENTS)
def test_whatever_is_typed_renders_or_fails_with_a_template_error(source, data):
    try:
        result = Template(source).execute(data)
    except TemplateError as error:
        assert str(error).startswith("template: :")
    else:
        assert isinstance(result, str)


@given(st.text("ab{<>} \n-", max_size=20).filter(lambda text: "{{" not in text))
def test_text_outside_actions_is_kept(text):
    assert render(text) == text


@given(DOCUMENTS)
def test_json_of_a_document_is_json(data):
    import json

    assert json.loads(render("{{json .}}", data)) == data
