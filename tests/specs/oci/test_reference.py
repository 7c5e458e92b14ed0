"""Docker's reference grammar, and how names are shown again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.specs.oci.reference import Reference, is_domain, is_path, is_tag, parse

HEX = "2185cad4d9b06f883c4e080a10bfcf638e05d1c4fe88268210496dcafe31f21c"
SHA = f"sha256:{HEX}"

NORMALISED = [
    ("ubuntu", "docker.io/library/ubuntu", "ubuntu"),
    ("ubuntu:22.04", "docker.io/library/ubuntu:22.04", "ubuntu:22.04"),
    ("library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
    ("docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
    ("index.docker.io/library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
    ("me/app", "docker.io/me/app", "me/app"),
    ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
    ("localhost/app", "localhost/app", "localhost/app"),
    ("localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"),
    ("Host/app", "Host/app", "Host/app"),
    ("reg.example.com/a/b/c:t", "reg.example.com/a/b/c:t", "reg.example.com/a/b/c:t"),
    ("127.0.0.1:5000/x", "127.0.0.1:5000/x", "127.0.0.1:5000/x"),
    ("[fd00::1]:5000/x", "[fd00::1]:5000/x", "[fd00::1]:5000/x"),
    (f"ubuntu@{SHA}", f"docker.io/library/ubuntu@{SHA}", f"ubuntu@{SHA}"),
    (f"ubuntu:x@{SHA}", f"docker.io/library/ubuntu:x@{SHA}", f"ubuntu:x@{SHA}"),
    ("a.b_c__d-e---f", "docker.io/library/a.b_c__d-e---f", "a.b_c__d-e---f"),
    ("foo:" + "t" * 128, "docker.io/library/foo:" + "t" * 128, "foo:" + "t" * 128),
]


@pytest.mark.parametrize(("text", "whole", "familiar"), NORMALISED)
def test_names_are_normalised_and_shown_short(text: str, whole: str, familiar: str) -> None:
    reference = parse(text)
    assert (str(reference), reference.familiar) == (whole, familiar)


REFUSED = [
    ("", "invalid reference format"),
    (":tag", "invalid reference format"),
    ("a:b:c", "invalid reference format"),
    ("foo/", "invalid reference format"),
    ("/foo", "invalid reference format"),
    ("foo//bar", "invalid reference format"),
    ("-foo", "invalid reference format"),
    ("foo_", "invalid reference format"),
    ("foo___bar", "invalid reference format"),
    ("foo..bar", "invalid reference format"),
    ("foo:-tag", "invalid reference format"),
    ("foo:" + "t" * 129, "invalid reference format"),
    ("foo@sha256:aa", "invalid reference format"),
    ("foo bar", "invalid reference format"),
    ("foo\n", "invalid reference format"),
    ("http://foo/bar", "invalid reference format"),
    ("Foo", "invalid reference format: repository name (library/Foo) must be lowercase"),
    ("reg.io/Foo", "invalid reference format: repository name (Foo) must be lowercase"),
    (HEX, f"invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"),
    ("a/" * 128 + "b", "repository name must not be more than 255 characters"),
    (f"foo@sha512:{HEX}", "invalid checksum digest length"),
    (f"foo@md6:{HEX}", "unsupported digest algorithm"),
    (f"foo@sha256:{HEX.upper()}", "invalid checksum digest format"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_breaks_the_grammar_is_refused_in_dockers_words(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert caught.value.message == message


def test_latest_is_added_only_where_nothing_else_is() -> None:
    assert parse("a").with_default_tag().familiar == "a:latest"
    assert parse("a:b").with_default_tag().familiar == "a:b"
    assert parse(f"a@{SHA}").with_default_tag().tag is None


def test_tags_and_digests_replace_each_other() -> None:
    assert parse(f"a@{SHA}").with_tag("b") == parse("a:b")
    assert parse("a:b").with_digest(SHA) == parse(f"a@{SHA}")
    for tag in ("", "-a", "a b", "a/b"):
        with pytest.raises(Invalid, match="invalid tag format"):
            parse("a").with_tag(tag)


component = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}", fullmatch=True)
tag = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True)
domain = st.sampled_from(["docker.io", "localhost", "reg.example.com:5000", "[::1]:443", "10.0.0.1"])


@given(domain, st.lists(component, min_size=1, max_size=3), tag, st.booleans())
def test_what_is_written_is_read_again(host: str, parts: list[str], tag: str | None, digest: bool) -> None:
    path = "/".join(parts)
    if host == "docker.io" and len(parts) == 1:
        path = f"library/{path}"
    reference = Reference(host, path, tag, SHA if digest else None)
    assert parse(str(reference)) == reference
    if host != "docker.io" or "." not in parts[0]:  # else its short form names a registry, in Docker as well
        assert parse(reference.familiar) == reference


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_invalid(text: str) -> None:
    try:
        reference = parse(text)
    except Invalid:
        return
    assert parse(str(reference)) == reference


# The grammar as distribution/reference draws it (regexp.go).
LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
DOMAIN = rf"(?:{LABEL}(?:\.{LABEL})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
COMPONENT = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
PATH = f"{COMPONENT}(?:/{COMPONENT})*"
TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"


@given(st.text("aZ0.:_-[]/", max_size=10) | st.text(max_size=4))
def test_the_grammar_is_distributions(text: str) -> None:
    for function, grammar in ((is_domain, DOMAIN), (is_path, PATH), (is_tag, TAG)):
        assert function(text) == (re.fullmatch(grammar, text) is not None)


def test_a_reference_is_a_value() -> None:
    one = parse("a:b")
    assert one == Reference("docker.io", "library/a", "b") and len({one, parse("a:b")}) == 1
    with pytest.raises(AttributeError):
        one.tag = "c"
