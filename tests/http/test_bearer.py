"""Answering a registry that asks who one is: what is sent where, and for how long it is good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from sampan.errors import Failed, Unauthorized
from sampan.http.bearer import Authorizer, Credentials, TokenAnswer, parse_challenges

BEARER = 'Bearer realm="https://auth.invalid/token",service="reg",scope="repository:a:pull"'
PULL = ("repository:a:pull",)


GIVEN = TokenAnswer(200, {"token": "t", "expires_in": 300})


@dataclass
class Desk:
    """A token server, and the clock."""

    answer: TokenAnswer = GIVEN
    now: float = 0.0
    asked: list[tuple[str, str, dict[str, str], list[tuple[str, str]], dict[str, str]]] = field(
        default_factory=list
    )
    refuse_post: bool = False

    async def __call__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        query: Sequence[tuple[str, str]],
        form: Mapping[str, str],
    ) -> TokenAnswer:
        self.asked.append((method, url, dict(headers), list(query), dict(form)))
        return TokenAnswer(405, None) if method == "POST" and self.refuse_post else self.answer

    def authorizer(self, secure: bool = True, offline: bool = False, **credentials: str) -> Authorizer:
        return Authorizer(
            Credentials(**credentials), self, secure=secure, offline=offline, clock=lambda: self.now
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_nobody_is_told_anything_unasked(desk: Desk) -> None:
    assert await desk.authorizer(username="me", password="pw").header(PULL) == ""
    assert await desk.authorizer(registry_token="r").header(PULL) == "Bearer r"


async def test_basic(desk: Desk) -> None:
    known = desk.authorizer(username="me", password="p:w")
    assert known.challenged(['Basic realm="x"'], PULL)
    assert await known.header(PULL) == "Basic bWU6cDp3"
    assert not known.challenged(['Basic realm="x"'], PULL), "wrong ones are not sent twice"
    nobody = desk.authorizer()
    nobody.challenged(["Basic"], PULL)
    with pytest.raises(Unauthorized, match=r"^no basic auth credentials$"):
        await nobody.header(PULL)


async def test_a_token_for_each_scope_until_it_expires(desk: Desk) -> None:
    known = desk.authorizer(username="me", password="pw")
    assert known.challenged([BEARER], PULL)
    assert await known.header(PULL) == "Bearer t"
    assert desk.asked == [
        (
            "GET",
            "https://auth.invalid/token",
            {"Authorization": "Basic bWU6cHc="},
            [("service", "reg"), ("scope", "repository:a:pull"), ("account", "me")],
            {},
        )
    ]
    desk.now = 289
    await known.header(PULL)
    assert len(desk.asked) == 1
    await known.header(("repository:a:pull,push",))
    desk.now = 291
    await known.header(PULL)
    assert len(desk.asked) == 3


async def test_a_token_the_registry_no_longer_takes_is_fetched_again(desk: Desk) -> None:
    known = desk.authorizer()
    known.challenged([BEARER], PULL)
    await known.header(PULL)
    assert known.challenged([BEARER], PULL)
    await known.header(PULL)
    assert len(desk.asked) == 2


async def test_identity_tokens_are_refreshed(desk: Desk) -> None:
    desk.answer = TokenAnswer(200, {"access_token": "t2", "refresh_token": "next"})
    known = desk.authorizer(identity_token="refresh")
    known.challenged([BEARER], PULL)
    assert await known.header(PULL) == "Bearer t2"
    method, _, headers, _, form = desk.asked[0]
    assert (method, headers, form["grant_type"], form["refresh_token"]) == (
        "POST", {}, "refresh_token", "refresh",
    )  # fmt: skip
    assert known.identity_token == "next"


async def test_servers_without_oauth_are_asked_the_old_way(desk: Desk) -> None:
    desk.refuse_post = True
    known = desk.authorizer(identity_token="refresh")
    known.challenged([BEARER], PULL)
    assert await known.header(PULL) == "Bearer t"
    assert [item[0] for item in desk.asked] == ["POST", "GET"]


async def test_a_login_asks_for_an_identity_token(desk: Desk) -> None:
    known = desk.authorizer(offline=True, username="me", password="pw")
    known.challenged([BEARER], ())
    await known.header(())
    assert ("offline_token", "true") in desk.asked[0][3]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (TokenAnswer(401, None), Unauthorized, "unauthorized: incorrect username or password"),
        (TokenAnswer(500, None), Failed, "fetching a token failed with status 500"),
        (TokenAnswer(200, None), Failed, "authorization server did not include a token in the response"),
        (TokenAnswer(200, {"token": 3}), Failed, "authorization server did not include a token"),
        (TokenAnswer(200, {"token": "a\r\nX: y"}), Failed, "authorization server did not include a token"),
    ],
)
async def test_bad_answers(desk: Desk, answer: TokenAnswer, kind: type[Exception], message: str) -> None:
    desk.answer = answer
    known = desk.authorizer()
    known.challenged([BEARER], PULL)
    with pytest.raises(kind, match=message):
        await known.header(PULL)


@pytest.mark.parametrize(
    "realm", ["http://auth.invalid/token", "ftp://x", "/token", "https://me:pw@x/", "file:///etc/passwd"]
)
async def test_credentials_never_leave_tls(desk: Desk, realm: str) -> None:
    known = desk.authorizer(username="me", password="pw")
    known.challenged([f'Bearer realm="{realm}"'], PULL)
    with pytest.raises(Failed):
        await known.header(PULL)
    assert desk.asked == []


CHALLENGES: list[tuple[str, str, dict[str, Any]]] = [
    (
        BEARER,
        "bearer",
        {"realm": "https://auth.invalid/token", "service": "reg", "scope": "repository:a:pull"},
    ),
    ("Basic", "basic", {}),
    ('basic REALM = "a, \\"b\\""', "basic", {"realm": 'a, "b"'}),
    ("Bearer realm=x,service=y", "bearer", {"realm": "x", "service": "y"}),
    ("", "", {}),
]


@pytest.mark.parametrize(("header", "scheme", "parameters"), CHALLENGES)
def test_challenges(header: str, scheme: str, parameters: dict[str, str]) -> None:
    found = parse_challenges([header])[0]
    assert (found.scheme, found.parameters) == (scheme, parameters)
