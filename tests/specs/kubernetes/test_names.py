"""The grammars of names, each with values at its edges."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.kubernetes import names

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
KEY = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
PORT = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
RELAXED = "a valid environment variable name must consist only of printable ASCII characters other than '='"


@pytest.mark.parametrize(
    "function, value, messages",
    [
        (names.dns1123_label, "a-1", []),
        (names.dns1123_label, "a.b", ["must not contain dots"]),
        (names.dns1123_label, "a\n", [LABEL]),
        (names.dns1123_label, "a" * 64, ["must be no more than 63 characters"]),
        (names.dns1123_label, "é" * 32, ["must be no more than 63 characters", LABEL]),
        (names.dns1123_subdomain, "a.b-c.9", []),
        (names.dns1123_subdomain, "", [SUBDOMAIN]),
        (names.dns1123_subdomain, "a..b", [SUBDOMAIN]),
        (names.dns1123_subdomain, "a" * 254, ["must be no more than 253 characters"]),
        (names.dns1123_subdomain_with_underscore, "_a.b_c", []),
        (names.dns1123_subdomain, "_a", [SUBDOMAIN]),
        (names.dns1035_label, "a1", []),
        (names.path_segment, "system:node", []),
        (names.path_segment, "..", ["may not be '..'"]),
        (names.path_segment, "a/b%", ["may not contain '/'", "may not contain '%'"]),
        (names.qualified_name, "a.b/C_d", []),
        (names.qualified_name, "a" * 63, []),
        (names.qualified_name, "a" * 64, ["name part must be no more than 63 bytes"]),
        (names.qualified_name, "/a", ["prefix part must be non-empty"]),
        (names.qualified_name, "A/a", [f"prefix part {SUBDOMAIN}"]),
        (names.qualified_name, "a" * 254 + "/a", ["prefix part must be no more than 253 bytes"]),
        (names.qualified_name, "", ["name part must be non-empty", f"name part {KEY}"]),
        (
            names.qualified_name,
            "a/b/c",
            [
                f"a valid label key {KEY} with an optional DNS subdomain prefix and '/' "
                "(e.g. 'example.com/MyName')"
            ],
        ),
        (names.label_value, "", []),
        (names.label_value, "-", [VALUE]),
        (names.label_value, "v" * 64, ["must be no more than 63 bytes"]),
        (names.config_map_key, "..data", ["must not start with '..'"]),
        (names.config_map_key, "..", ["must not be '..'"]),
        (names.config_map_key, "a/b", [CONFIG_KEY]),
        (names.port_name, "http", []),
        (names.port_name, "1-2", ["must contain at least one letter (a-z)"]),
        (names.port_name, "", [PORT, "must contain at least one letter (a-z)"]),
        (
            names.port_name,
            "-a--",
            ["must not contain consecutive hyphens", "must not begin or end with a hyphen"],
        ),
        (names.port_name, "a" * 16, ["must be no more than 15 characters"]),
        (names.port_number, 0, ["must be between 1 and 65535, inclusive"]),
        (names.relaxed_env_var_name, "1 a", []),
        (names.relaxed_env_var_name, "a=", [RELAXED]),
        (names.relaxed_env_var_name, "", ["environment variable name must be non-empty"]),
    ],
)
def test_what_is_wrong_with_a_name(
    function: Callable[[object], list[str]], value: object, messages: list[str]
) -> None:
    assert function(value) == messages


@given(st.text() | st.from_regex(r"[a-zA-Z0-9./_-]{0,70}", fullmatch=True))
def test_the_short_look_at_a_key_agrees_with_the_long_one(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    good = (not slash or not names.dns1123_subdomain(prefix)) and bool(name) and not names.label_value(name)
    assert (names.qualified_name(key) == []) == good


def test_names_that_were_made_for_backtracking_are_refused_at_once() -> None:
    for value in ("a" * 1_000_000 + "!", "a." * 500_000 + "!", "a-" * 500_000):
        assert names.dns1123_subdomain(value)
        assert names.qualified_name(value)
        assert names.label_value(value)


@pytest.mark.parametrize("prefix, judged", [("a-", "a"), ("web-", "wea"), ("-", "-"), ("a", "a"), ("", "")])
def test_a_prefix_may_end_with_a_dash(prefix: str, judged: str) -> None:
    assert names.with_suffix(prefix) == judged


def test_annotations_have_a_limit_together() -> None:
    some = {"a": "x" * 200_000, "B/c": "y" * (62_144 - 5 + 1)}
    assert [str(error) for error in names.annotations_errors(some, "metadata.annotations")] == []
    some["B/c"] += "z"
    assert [str(error) for error in names.annotations_errors(some, "metadata.annotations")] == [
        "metadata.annotations: Too long: may not be more than 262144 bytes"
    ]


def test_domains_with_what_belongs_to_them() -> None:
    def check(errors: list[object], *texts: str) -> None:
        assert [str(error) for error in errors] == list(texts)

    check(
        [*names.domain_prefixed_path_errors("acme.io/a b", "p")],
        *[
            'p: Invalid value: "a b": Invalid path (regex used for validation is '
            "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"
        ],
    )
    check(
        [*names.domain_prefixed_path_errors("acme.io", "p")],
        'p: Invalid value: "acme.io": must be a domain-prefixed path (such as "acme.io/foo")',
    )
    check(
        [*names.fully_qualified_name_errors("a.b", "p")],
        'p: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
    )
    check([*names.fully_qualified_domain_name_errors("a.b.", "p")])
    check([*names.fully_qualified_domain_name_errors("", "p")], "p: Required value")
