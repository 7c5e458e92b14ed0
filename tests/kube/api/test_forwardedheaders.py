"""What of a request and of an answer goes on to another server, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sampan.kube.access.user import User
from sampan.kube.api.forwardedheaders import Unspeakable, answer_headers, identity, request_headers

JANE = User("jane", "j-1", ("crew", "all"), {"scopes.example.com/a": ("x", "y"), "%": ("z",)})
names = st.sampled_from(
    [
        "X-Remote-User",
        "x_remote_group",
        "X-REMOTE-EXTRA-A",
        "Impersonate-User",
        "impersonate_group",
        "AUTHORIZATION",
    ]
)


def test_who_asks_is_told_as_a_front_proxy_tells_it() -> None:
    assert list(identity(JANE).items()) == [
        ("X-Remote-User", "jane"),
        ("X-Remote-Uid", "j-1"),
        ("X-Remote-Group", "crew"),
        ("X-Remote-Group", "all"),
        ("X-Remote-Extra-scopes.example.com%2Fa", "x"),
        ("X-Remote-Extra-scopes.example.com%2Fa", "y"),
        ("X-Remote-Extra-%25", "z"),
    ]


@pytest.mark.parametrize("name", ["a\r\nX-Remote-Group: system:masters", "a\n", "a\0b", "\x7f"])
def test_names_that_are_more_than_a_line_are_never_sent(name: str) -> None:
    for user in (User(name), User("a", name), User("a", "", (name,)), User("a", "", (), {"k": (name,)})):
        with pytest.raises(Unspeakable):
            identity(user)


@given(st.lists(st.tuples(names, st.text("abc", max_size=3)), max_size=6))
def test_nobody_says_for_himself_who_he_is(sent: list[tuple[str, str]]) -> None:
    found = request_headers(CIMultiDict(sent), User("jane"), "192.0.2.1", "10.0.0.1:443")
    assert found.getall("X-Remote-User") == ["jane"]
    own = {"x-remote-user", "x-forwarded-for", "x-forwarded-proto", "host"}
    assert {name.lower() for name in found} == own


def test_tokens_of_browsers_stay_here() -> None:
    token = "base64url.bearer.authorization.k8s.io.c2VjcmV0"
    for sent, expected in (
        (f"{token}, v4.channel.k8s.io", ["v4.channel.k8s.io"]),
        (token, []),
        ("a,b", ["a, b"]),
    ):
        found = request_headers(CIMultiDict({"Sec-WebSocket-Protocol": sent}), User("jane"), "", "h")
        assert found.getall("Sec-WebSocket-Protocol", []) == expected


def test_what_is_for_one_connection_stays_there() -> None:
    sent = CIMultiDict(
        [("Connection", "close, X-A"), ("connection", "x-b"), ("X-A", "1"), ("X-B", "2"), ("X-C", "3")]
    )
    sent.extend(
        [("Transfer-Encoding", "chunked"), ("TE", "trailers"), ("Upgrade", "h2c"), ("Set-Cookie", "a")]
    )
    sent.extend([("Set-Cookie", "b"), ("Access-Control-Allow-Origin", "*")])
    assert list(answer_headers(sent).items()) == [("X-C", "3"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]
