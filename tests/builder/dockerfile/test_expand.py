"""Variables, quotes and escapes. The two tables were asked from Docker 26 (as arguments of USER)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.builder.dockerfile import globs
from sampan.builder.dockerfile.expand import MAX_EXPANDED, Expander
from sampan.builder.errors import DockerfileError
from sampan.specs.golang.quote import quote

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
VARIABLES = {
    "x": "foo.tar.gz",
    "p": "/a/b/c",
    "q": "*a\\*b?",
    "e": "",
    "s": "foo",
    "r": "oxoyo zoo",
    "m": "banana",
    "PATH": PATH,
}

WORDS = [
    ("$x", "foo.tar.gz"),
    ("${x}", "foo.tar.gz"),
    ("${x%.*}", "foo.tar"),
    ("${x%%.*}", "foo"),
    ("${x#*.}", "tar.gz"),
    ("${x##*.}", "gz"),
    ("${p##*/}", "c"),
    ("${p#*/}", "a/b/c"),
    ("${p%/*}", "/a/b"),
    ("${p%%/*}", ""),
    ("${x/o/0}", "f0o.tar.gz"),
    ("${x//o/0}", "f00.tar.gz"),
    ("${p//\\//:}", ":a:b:c"),
    ("${x//./\\/}", "foo\\/tar\\/gz"),
    ("${x/\\?/y}", "foo.tar.gz"),
    ("${x/?/y}", "yoo.tar.gz"),
    ("${x//?/y}", "yyyyyyyyyy"),
    ("${x/*/y}", "y"),
    ("${x//*/y}", "y"),
    ("${x/t*r/y}", "foo.y.gz"),
    ("${x//a?/Z}", "foo.tZ.gz"),
    ("${x/#f/y}", "foo.tar.gz"),
    ("${q/\\*/-}", "-a\\*b?"),
    ("${q//\\*/-}", "-a\\-b?"),
    ("${q//\\\\/-}", "*a-*b?"),
    ("${u:-d}", "d"),
    ("${u-d}", "d"),
    ("${e:-d}", "d"),
    ("${e-d}", ""),
    ("${u:+d}", ""),
    ("${u+d}", ""),
    ("${e:+d}", ""),
    ("${e+d}", "d"),
    ("${x:+d}", "d"),
    ("${x+d}", "d"),
    ("${x:?no}", "foo.tar.gz"),
    ("${x?no}", "foo.tar.gz"),
    ("${e?no}", ""),
    ("${u:-${x}}", "foo.tar.gz"),
    ("${u:-${u2:-deep}}", "deep"),
    ('${u:-"quoted part"}', "quoted part"),
    ("${u:-'$x'}", "$x"),
    ('${u:-"$x"}', "foo.tar.gz"),
    ("${x:+'$x'}", "$x"),
    ('"a${x}b"', "afoo.tar.gzb"),
    ("'a${x}b'", "a${x}b"),
    ("a\\$x", "a$x"),
    ('"a\\$x"', "a$x"),
    ("'a\\$x'", "a\\$x"),
    ('"a\\\\b"', "a\\b"),
    ('"a\\bc"', "a\\bc"),
    ("a\\bc", "abc"),
    ("a\\\\bc", "a\\bc"),
    ("\"a'b'c\"", "a'b'c"),
    ("'a\"b\"c'", 'a"b"c'),
    ('"a\\"b"', 'a"b'),
    ('a"b c"d', "ab cd"),
    ("a'b c'd", "ab cd"),
    ('""', ""),
    ("''", ""),
    ('"$e"', ""),
    ("$", "$"),
    ("a$", "a$"),
    ("$$x", "x"),
    ("$1", ""),
    ("$1x", "x"),
    ("$12", ""),
    ("$@x", "x"),
    ("$*", ""),
    ("$#", ""),
    ("$?", ""),
    ("$-", ""),
    ("$!", ""),
    ("$0", ""),
    ("$x_y", ""),
    ("${x}_y", "foo.tar.gz_y"),
    ("$x.y", "foo.tar.gz.y"),
    ("$x-y", "foo.tar.gz-y"),
    ("$é", ""),
    ("$xé", ""),
    ("é$x", "éfoo.tar.gz"),
    ('"${u:-a b}"', "a b"),
    ("${u:-a\\}b}", "a}b"),
    ('"${u:-a\\}b}"', "a}b"),
    ('${u:-a"}"b}', "a}b"),
    ('${x%"${x#?}"}', "f"),
    ("${x#\\*}", "foo.tar.gz"),
    ("${q#\\*}", "a\\*b?"),
    ("${x%%}", "foo.tar.gz"),
    ("${x##}", "foo.tar.gz"),
    ("${x/foo/}", ".tar.gz"),
    ("${x//foo/$p}", "/a/b/c.tar.gz"),
    ("${x/foo/$p}", "/a/b/c.tar.gz"),
    ("${x/$u/z}", "zfoo.tar.gz"),
    ("${x/${s}/z}", "z.tar.gz"),
    ("${x#$s}", ".tar.gz"),
    ("${x%.tar.gz}", "foo"),
    ("a\\ b", "a b"),
    ('"a\\ b"', "a\\ b"),
    ("`x`", "`x`"),
    ('"`x`"', "`x`"),
    ("a`$x", "a`foo.tar.gz"),
    ("~", "~"),
    ("*", "*"),
    ("{$x}", "{foo.tar.gz}"),
    ("$(x)", "$(x)"),
    ("${x:-$u}", "foo.tar.gz"),
    ("$ x", "$ x"),
    ("a\\", "a"),
    ('"\\\\"', "\\"),
    ("'\\\\'", "\\\\"),
    ('\\"$x\\"', '"foo.tar.gz"'),
    ("\\'$x\\'", "'foo.tar.gz'"),
    ("'a'\"b\"$x'c'", "abfoo.tar.gzc"),
    ("\"$x'$x'\"", "foo.tar.gz'foo.tar.gz'"),
    ("${u:-}", ""),
    ("${u:+}", ""),
    ("${e:-$e}", ""),
    ("${r//o*o/X}", "X"),
    ("${r/o*o/X}", "X"),
    ("${r#*o}", "xoyo zoo"),
    ("${r##*o}", ""),
    ("${r%o*}", "oxoyo zo"),
    ("${r%%o*}", ""),
    ("${r#?o}", "oxoyo zoo"),
    ("${x//o/}", "f.tar.gz"),
    ("${x//oo/o}", "fo.tar.gz"),
    ("${m//a/aa}", "baanaanaa"),
    ("${x/o/\\}}", "f\\}o.tar.gz"),
    ('${x/o/"}"}', "f}o.tar.gz"),
    ('${x/"o"/0}', "f0o.tar.gz"),
    ("${x/'o'/0}", "f0o.tar.gz"),
    ("${u/a/b}", ""),
    ("${u#a}", ""),
    # Docker 26 dies of these.
    ("${x%}", "foo.tar.gz"),
    ("${x#}", "foo.tar.gz"),
    ("\\", ""),
]


@pytest.mark.parametrize(("word", "value"), WORDS)
def test_a_word_becomes_what_docker_makes_of_it(word: str, value: str) -> None:
    assert Expander(VARIABLES).word(word) == value


ERRORS = [
    ("${x#f\\oo}", "invalid pattern (f\\oo) in substitution: invalid escape '\\o'"),
    ("${ x}", "unsupported modifier ( ) in substitution"),
    ("${x/\\o/0}", "invalid pattern (\\o) in substitution: invalid escape '\\o'"),
    ("${", "syntax error: missing '}'"),
    ("${}", "syntax error: bad substitution"),
    ("${x:", "syntax error: missing '}'"),
    ("${x:}", "syntax error: missing '}'"),
    ("${x:z}", "unsupported modifier (:z) in substitution"),
    ("${x:=z}", "unsupported modifier (:=) in substitution"),
    ("${u:?foo}", "u: foo"),
    ("${u?}", "u: is not allowed to be unset"),
    ("${e:?}", "e: is not allowed to be empty"),
    ("${PATH/a", "syntax error: missing '/' in ${}"),
    ("${PATH/a/b", "syntax error: missing '}'"),
    ("${x!}", "unsupported modifier (!) in substitution"),
    ('"abc', "unexpected end of statement while looking for matching double-quote"),
    ("'abc", "unexpected end of statement while looking for matching single-quote"),
    ('b"c', "unexpected end of statement while looking for matching double-quote"),
    ("${x", "unsupported modifier (\ufffd) in substitution"),
]


@pytest.mark.parametrize(("word", "message"), ERRORS)
def test_a_word_that_cannot_be_read_says_why(word: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        Expander(VARIABLES).word(word)
    assert caught.value.message == f"failed to process {quote(word)}: {message}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("80 443/udp", ["80", "443/udp"]),
        ("$two", ["1", "2"]),
        ('"$two"', ["1 2"]),
        ("a$two", ["a1", "2"]),
        ("'1 2'3", ["1 23"]),
        ("a\\ b c", ["a b", "c"]),
        ("$nothing", []),
        ('"" x', ["x"]),
    ],
)
def test_words_split_after_variables_were_replaced_and_never_inside_quotes(
    text: str, words: list[str]
) -> None:
    assert Expander({"two": "1 2"}).words(text) == words


def test_the_backtick_escapes_if_the_file_says_so() -> None:
    assert Expander({"x": "y"}, escape="`").word(r"a\b`$x$x") == r"a\b$xy"


def test_names_that_were_met_are_remembered() -> None:
    expander = Expander({"a": "1", "b": ""})
    expander.word("$a ${b:-$c} '$d' \\$e ${f+x}")
    assert (expander.matched, expander.unmatched) == ({"a", "b"}, {"c", "f"})


def test_quotes_mean_nothing_in_heredocs() -> None:
    assert Expander({"x": "y"}).raw("'$x' \"$x\" it's \\$x") == "'y' \"y\" it's $x"


def test_names_of_steps_keep_quotes_and_unset_variables() -> None:
    shown = Expander({"x": "y"}).display("RUN echo \"$x\" '$x' $u ${u:-1} ${u/a/b} \\$x")
    assert shown == "RUN echo \"y\" '$x' $u ${u:-1} ${u/a/b} $x"


def test_variables_cannot_fill_the_memory() -> None:
    with pytest.raises(DockerfileError, match="expand to more than"):
        Expander({"a": "x" * 1000}).word("$a" * (MAX_EXPANDED // 1000 + 1))
    with pytest.raises(DockerfileError, match="the result is too long"):
        Expander({"a": "x" * 100_000, "b": "y" * 1000}).word("${a//x/$b}")


def test_nesting_has_an_end() -> None:
    with pytest.raises(DockerfileError):
        Expander({}).word("${u:-" * 5000 + "x" + "}" * 5000)


def test_patterns_take_no_more_than_linear_time_for_each_star() -> None:
    value = "a" * 20_000
    assert Expander({"x": value}).word("${x#*a*a*a*a*a*a*a*a*b}") == value
    assert Expander({"x": value}).word("${x%%*b*a*a*a*a*a*a*a*}") == value
    assert Expander({"x": value}).word("${x//a*a*a*a*a*b/y}") == value


@given(st.text("ab/*?\n", max_size=8), st.text("ab/\n", max_size=12), st.booleans())
def test_trimming_agrees_with_a_plain_search(pattern: str, value: str, greedy: bool) -> None:
    """Against trying every prefix: `*` and `?` match no newline."""
    ends = [end for end in range(len(value) + 1) if _matches(pattern, value[:end])]
    wanted = value[(ends[-1] if greedy else ends[0]) :] if ends else value
    assert globs.remove_prefix(pattern, value, greedy=greedy) == wanted
    mirrored = globs.remove_suffix(pattern[::-1], value[::-1], greedy=greedy)
    assert mirrored == wanted[::-1]


def _matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return _matches(pattern[1:], text) or (text[:1] not in ("", "\n") and _matches(pattern, text[1:]))
    if not text or (pattern[0] == "?" and text[0] == "\n") or pattern[0] not in ("?", text[0]):
        return False
    return _matches(pattern[1:], text[1:])


@given(st.text(), st.dictionaries(st.text("abxy_", min_size=1), st.text()))
def test_any_text_is_a_word_or_an_error(text: str, variables: dict[str, str]) -> None:
    for method in ("word", "words", "raw", "display"):
        try:
            getattr(Expander(variables), method)(text)
        except DockerfileError as error:
            assert error.message


@given(st.text(alphabet=st.characters(exclude_characters="$\\\"'")))
def test_text_without_special_characters_stays_as_it_is(text: str) -> None:
    assert Expander({}).word(text) == text
    assert Expander({}).word(f"'{text}'") == text
    assert Expander({"x": text}).word("$x") == text
