"""Tokens of other issuers, and the file that says which."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from sampan.errors import Invalid
from sampan.kube.access import authenticationconfig
from sampan.kube.access.oidc import Oidc
from sampan.kube.access.tokenchecks import Refused
from sampan.kube.pki import jws
from sampan.kube.pki.keyfiles import new_key

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
URL = "https://issuer.example.com"
KEY = new_key()
CLAIMS = {"iss": URL, "aud": "app", "sub": "jane", "exp": NOW.timestamp() + 60, "groups": ["a", "b"]}


class Issuer:
    """What an issuer publishes."""

    def __init__(self, *keys, issuer=URL):
        self.asked = []
        self.keys = keys or (KEY,)
        self.issuer = issuer

    async def fetch(self, url):
        self.asked.append(url)
        if url == f"{URL}/keys":
            return json.dumps({"keys": [jws.jwk(key.public_key()) for key in self.keys]}).encode()
        return json.dumps({"issuer": self.issuer, "jwks_uri": f"{URL}/keys"}).encode()


MAPPINGS = {"username": {"claim": "sub", "prefix": "x:"}, "groups": {"claim": "groups", "prefix": "g:"}}


def settings(tmp_path, **rest):
    path = tmp_path / "authentication.yaml"
    one = {"issuer": {"url": URL, "audiences": ["app"]}, "claimMappings": MAPPINGS, **rest}
    document = {
        "kind": "AuthenticationConfiguration",
        "apiVersion": "apiserver.config.k8s.io/v1",
        "jwt": [one],
    }
    path.write_text(json.dumps(document))
    checks, _ = authenticationconfig.from_file(path, ("own",), lambda: NOW)
    return checks[0]._settings


def oidc(tmp_path, issuer=None, now=lambda: NOW, **rest):
    return Oidc(settings(tmp_path, **rest), (issuer or Issuer()).fetch, now)


def token(key=KEY, **changed):
    return jws.sign(key, {**CLAIMS, **changed})


async def test_claims_become_a_user(tmp_path):
    found = await oidc(tmp_path).verify(token(), ())
    assert (found.user.name, found.user.groups, found.audiences) == ("x:jane", ("g:a", "g:b"), ("own",))


async def test_expressions_become_a_user(tmp_path):
    mappings = {
        "username": {"expression": "claims.sub + '@example.com'"},
        "groups": {"expression": "claims.groups.map(g, 'team-' + g)"},
        "uid": {"claim": "sub"},
        "extra": [{"key": "example.com/tenant", "valueExpression": "claims.tenant"}],
    }
    found = await oidc(tmp_path, claimMappings=mappings).verify(token(tenant="t"), ())
    user = found.user
    assert (user.name, user.uid, user.groups) == ("jane@example.com", "jane", ("team-a", "team-b"))
    assert user.extra == {"example.com/tenant": ("t",)}


async def refused(checking, token, message):
    with pytest.raises(Refused) as caught:
        await checking.verify(token, ())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"exp": NOW.timestamp() - 1}, "token is expired"),
        ({"exp": None}, "token is expired"),
        ({"nbf": NOW.timestamp() + 301}, "token is not valid yet"),
        ({"aud": ["other"]}, 'expected audience in ["app"]'),
        ({"sub": 7}, "the username is no string"),
        ({"groups": [7]}, "groups are no strings"),
        ({"groups": {"a": "b"}}, "groups are no strings"),
    ],
)
async def test_tokens_that_are_refused(tmp_path, changed, message):
    await refused(oidc(tmp_path), token(**changed), message)


async def test_rules_must_hold(tmp_path):
    rules = [
        {"claim": "hd", "requiredValue": "example.com"},
        {"expression": "claims.level > 2", "message": "level is too low"},
    ]
    users = [{"expression": "!user.username.startsWith('system:')", "message": "reserved"}]
    checking = oidc(tmp_path, claimValidationRules=rules, userValidationRules=users)
    assert await checking.verify(token(hd="example.com", level=3), ())
    await refused(checking, token(level=3), "required claim hd value does not match")
    await refused(checking, token(hd="example.com", level=2), "level is too low")
    await refused(checking, token(hd="example.com"), "no such key")
    mappings = {"username": {"claim": "sub", "prefix": ""}}
    checking = oidc(tmp_path, claimMappings=mappings, userValidationRules=users)
    await refused(checking, token(sub="system:admin"), "reserved")


async def test_addresses_must_be_confirmed(tmp_path):
    checking = oidc(tmp_path, claimMappings={"username": {"claim": "email", "prefix": ""}})
    assert await checking.verify(token(email="j@example.com"), ())
    await refused(checking, token(email="j@example.com", email_verified=False), "email not verified")


async def test_only_the_issuers_keys_count(tmp_path):
    await refused(oidc(tmp_path), token(new_key()), "failed to verify signature")
    assert await oidc(tmp_path).verify(token(iss="https://else"), ()) is None
    assert await oidc(tmp_path).verify("no token", ()) is None
    liar = oidc(tmp_path, Issuer(issuer="https://else"))
    await refused(liar, token(), "failed to verify signature")


async def test_new_keys_are_looked_for_but_not_on_everybodys_word(tmp_path):
    time = [NOW]
    issuer, later = Issuer(), new_key()
    checking = oidc(tmp_path, issuer, lambda: time[0])
    await checking.verify(token(), ())
    for _ in range(5):
        await refused(checking, token(later), "failed to verify signature")
    assert len(issuer.asked) == 2
    issuer.keys = (KEY, later)
    time[0] += timedelta(seconds=11)
    assert await checking.verify(token(later), ())
    assert len(issuer.asked) == 4


async def test_reviews_for_others_are_not_answered(tmp_path):
    assert await oidc(tmp_path).verify(token(), ["else"]) is None
    assert (await oidc(tmp_path).verify(token(), ["own", "x"])).audiences == ("own",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"issuer": {"url": "http://x", "audiences": ["a"]}}, "must be an https:// address"),
        ({"issuer": {"url": URL}}, "audiences: at least one is needed"),
        ({"issuer": {"url": URL, "audiences": ["a", "b"]}}, "audienceMatchPolicy must be MatchAny"),
        ({"claimMappings": {}}, "username: claim or expression is needed"),
        ({"claimMappings": {"username": {"claim": "sub"}}}, "prefix is needed with claim"),
        ({"claimMappings": {"username": {"expression": "claims."}}}, "Syntax error"),
        ({"claimMappings": {"username": {"expression": "nope.x"}}}, "undeclared reference"),
        ({"claimValidationRules": [{}]}, "one of claim and expression is needed"),
        (
            {"claimMappings": {**MAPPINGS, "extra": [{"key": "a.k8s.io/b", "valueExpression": "'x'"}]}},
            "is Kubernetes' own",
        ),
        ({"surprise": 1}, "unknown field 'surprise'"),
    ],
)
def test_files_that_are_refused(tmp_path, change, message):
    with pytest.raises(Invalid) as caught:
        settings(tmp_path, **change)
    assert message in str(caught.value)


def test_flags_prefix_names_with_the_issuer():
    def made(**rest):
        flags = {"issuer_url": URL, "client_id": "app", "audiences": (), "clock": lambda: NOW}
        return authenticationconfig.from_flags(**flags, **rest)._settings

    assert made().username.prefix == f"{URL}#"
    assert made(username_claim="email").username.prefix == ""
    assert made(username_prefix="-").username.prefix == ""
    assert made(username_prefix="oidc:").username.prefix == "oidc:"
    assert made(required_claims=("a=b",)).claim_rules[0].value == "b"
    for bad in ({"required_claims": ("a",)}, {"algorithms": ("HS256",)}, {"issuer_url": "http://x"}):
        with pytest.raises(Invalid):
            made(**bad) if "issuer_url" not in bad else authenticationconfig.from_flags(
                issuer_url="http://x", client_id="a", audiences=(), clock=lambda: NOW
            )


def test_anonymous_requests_by_the_file(tmp_path):
    path = tmp_path / "a.yaml"

    def read(anonymous):
        document = {"kind": "AuthenticationConfiguration", "apiVersion": "apiserver.config.k8s.io/v1"}
        path.write_text(json.dumps({**document, "anonymous": anonymous}))
        return authenticationconfig.from_file(path, (), lambda: NOW)[1]

    some = read({"enabled": True, "conditions": [{"path": "/livez"}]})
    assert some.allows("/livez") and not some.allows("/api")
    assert not read({"enabled": False}).allows("/livez")
    assert read(None) is None
    with pytest.raises(Invalid, match=r"anonymous\.conditions"):
        read({"enabled": False, "conditions": [{"path": "/livez"}]})
