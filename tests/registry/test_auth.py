"""Who gets in, who is asked for credentials (401), who is told that none would help (403)."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sampan.errors import Invalid
from sampan.registry.auth.access import BadToken, Rules
from sampan.registry.auth.config import AuthConfig, Rule, TokenConfig
from sampan.registry.auth.htpasswd import parse
from sampan.registry.auth.jwt import Verifier
from tests.registry.support import Client, Clock, serving
from tests.registry.tokens import es256, hs256, rs256, unsigned

RULES = (
    Rule("public/**", ("anonymous",), ("pull",)),
    Rule("**", ("admin",), ("pull", "push", "delete")),
    Rule("team/*", ("*",), ("pull",)),
    Rule("home/{user}/**", ("*",), ("pull", "push")),
)


@pytest.fixture(scope="module")
def htpasswd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("auth") / "htpasswd"
    lines = [f"{user}:{bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}" for user in ("admin", "bob")]
    path.write_text("# users\n" + "\n".join(lines) + "\n")
    yield str(path)


def basic(user: str, password: str = "secret") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


WHO_MAY = [
    # user, method, path, status when let in it is not 401 and not 403
    (None, "GET", "/v2/", 401),
    ("bob", "GET", "/v2/", 200),
    (None, "GET", "/v2/public/x/tags/list", 404),
    (None, "GET", "/v2/team/x/tags/list", 401),
    ("bob", "GET", "/v2/team/x/tags/list", 404),
    ("bob", "POST", "/v2/team/x/blobs/uploads/", 403),
    ("bob", "POST", "/v2/home/bob/x/blobs/uploads/", 202),
    ("bob", "POST", "/v2/home/admin/x/blobs/uploads/", 403),
    ("bob", "DELETE", "/v2/home/bob/x/manifests/y", 403),
    ("admin", "DELETE", "/v2/home/bob/x/manifests/y", 404),
    (None, "POST", "/v2/public/x/blobs/uploads/", 401),
    (None, "GET", "/v2/_catalog", 401),
    ("bob", "GET", "/v2/_catalog", 200),
    (None, "GET", "/healthz", 200),
]


@pytest.mark.parametrize("mode", ["htpasswd", "token"])
@pytest.mark.parametrize(("user", "method", "path", "status"), WHO_MAY)
async def test_rules_with_basic_credentials(
    tmp_path: Path, htpasswd: str, mode: str, user: str | None, method: str, path: str, status: int
) -> None:
    async with serving(tmp_path, auth=AuthConfig(mode=mode, htpasswd=htpasswd, rule=RULES)) as client:
        answer = await client(method, path, **(basic(user) if user else {}))
        assert answer.status == status
        if status == 401:
            assert answer.code == "UNAUTHORIZED"
            kind = "Basic" if mode == "htpasswd" else "Bearer"
            assert answer.headers["Www-Authenticate"].startswith(f"{kind} realm=")
        if status == 403:
            assert answer.code == "DENIED"


@pytest.mark.parametrize("user", ["bob", "nobody"])
async def test_wrong_password_is_unauthorized_even_where_anonymous_may(
    tmp_path: Path, htpasswd: str, user: str
) -> None:
    async with serving(tmp_path, auth=AuthConfig(htpasswd=htpasswd, rule=RULES)) as client:
        answer = await client("GET", "/v2/public/x/tags/list", **basic(user, "wrong"))
        assert (answer.status, answer.headers["Www-Authenticate"]) == (401, 'Basic realm="Sampan registry"')


async def test_listings_show_only_what_one_may_pull(tmp_path: Path, htpasswd: str) -> None:
    async with serving(tmp_path) as client:
        for name in ("home/bob/a", "home/admin/b", "public/c", "team/d"):
            await client.push_image(name, "x")
    async with serving(tmp_path, auth=AuthConfig(htpasswd=htpasswd, rule=RULES)) as client:
        seen = (await client("GET", "/v2/_catalog", **basic("bob"))).json["repositories"]
        assert seen == ["home/bob/a", "public/c", "team/d"]
        found = (await client("GET", "/v1/search?q=home", **basic("bob"))).json["results"]
        assert [item["name"] for item in found] == ["home/bob/a"]
        mount = "/v2/home/bob/new/blobs/uploads/?mount={}&from=home/admin/b"
        digest = client.registry.read.execute("SELECT digest FROM blobs").fetchone()[0]
        assert (await client("POST", mount.format(digest), **basic("bob"))).status == 202
        assert (await client("POST", mount.format(digest), **basic("admin"))).status == 201


async def token(client: Client, query: str, user: str | None = None) -> dict[str, Any]:
    answer = await client("GET", f"/token?service=sampan-registry&{query}", **(basic(user) if user else {}))
    assert answer.status == 200
    found: dict[str, Any] = answer.json
    return found


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


async def test_own_tokens_from_challenge_to_push(tmp_path: Path, htpasswd: str) -> None:
    async with serving(tmp_path, auth=AuthConfig("token", htpasswd=htpasswd, rule=RULES)) as client:
        asked = await client("POST", "/v2/home/bob/x/blobs/uploads/")
        assert asked.headers["Www-Authenticate"] == (
            f'Bearer realm="http://127.0.0.1:{client.port}/token",service="sampan-registry",'
            'scope="repository:home/bob/x:pull,push"'
        )
        answer = await token(client, "scope=repository:home/bob/x:pull,push", "bob")
        assert answer["token"] == answer["access_token"]
        good = bearer(answer["token"])
        assert (await client("POST", "/v2/home/bob/x/blobs/uploads/", **good)).status == 202
        assert (await client("GET", "/v2/", **good)).status == 200
        elsewhere = await client("GET", "/v2/team/x/tags/list", **good)
        assert elsewhere.status == 401
        assert 'error="insufficient_scope"' in elsewhere.headers["Www-Authenticate"]
        never = await client("POST", "/v2/team/x/blobs/uploads/", **good)
        assert (never.status, never.code) == (403, "DENIED")


async def test_anonymous_token_is_good_for_what_everybody_may(tmp_path: Path, htpasswd: str) -> None:
    async with serving(tmp_path, auth=AuthConfig("token", htpasswd=htpasswd, rule=RULES)) as client:
        good = bearer((await token(client, "scope=repository:public/x:pull"))["token"])
        assert (await client("GET", "/v2/public/x/tags/list", **good)).code == "NAME_UNKNOWN"
        assert (await client("POST", "/v2/public/x/blobs/uploads/", **good)).status == 401


async def test_token_endpoint_by_post_and_with_wrong_passwords(tmp_path: Path, htpasswd: str) -> None:
    async with serving(tmp_path, auth=AuthConfig("token", htpasswd=htpasswd, rule=RULES)) as client:
        form = {
            "grant_type": "password",
            "username": "bob",
            "password": "secret",
            "scope": "repository:team/x:pull",
        }
        answer = await client("POST", "/token", form)
        assert answer.status == 200
        used = await client("GET", "/v2/team/x/tags/list", **bearer(answer.json["access_token"]))
        assert used.code == "NAME_UNKNOWN"
        assert (await client("POST", "/token", form | {"password": "wrong"})).status == 401
        assert (await client("POST", "/token", {"grant_type": "refresh_token"})).status == 400
        assert (await client("GET", "/token", **basic("bob", "wrong"))).status == 401


async def test_forged_and_old_tokens_are_refused(tmp_path: Path, htpasswd: str) -> None:
    auth = AuthConfig("token", htpasswd=htpasswd, rule=RULES, token=TokenConfig(expiry=0.0))
    async with serving(tmp_path, auth=auth) as client:
        key = client.registry.layout.token_key.read_bytes()
        fresh = {"aud": "sampan-registry", "sub": "admin", "exp": time.time() + 60, "access": []}
        cases = [
            "x",
            hs256(fresh, b"another key"),
            hs256(fresh | {"exp": time.time() - 100}, key),
            hs256(fresh | {"nbf": time.time() + 100}, key),
            hs256(fresh | {"aud": "another service"}, key),
            hs256({name: value for name, value in fresh.items() if name != "exp"}, key),
            hs256(fresh | {"exp": "later"}, key),
            hs256(b'{"aud": "sampan-registry", "sub": "admin", "exp": Infinity}', key),
            hs256(b'{"aud": "sampan-registry", "sub": "admin", "exp": NaN}', key),
            hs256(b'{"aud": "sampan-registry", "sub": "admin", "exp": 1%s}' % (b"0" * 400), key),
            hs256(b"[" * 4000, key),
            hs256(fresh, key, alg="none"),
            hs256(fresh, key, alg=["HS256"]),
            hs256(fresh, key, alg="HS512"),
            unsigned(fresh),
        ]
        for case in cases:
            answer = await client("GET", "/v2/", **bearer(case))
            assert answer.status == 401
            assert 'error="invalid_token"' in answer.headers["Www-Authenticate"]
        assert (await client("GET", "/v2/", **bearer(hs256(fresh, key)))).status == 200


@pytest.mark.parametrize(
    "token", ["", "..", "a.b.c", "é.é.é", "\udcff.x.y", ".".join(["e30"] * 4), "=", "e30=.e30=.e30="]
)
def test_what_is_no_token_is_only_a_bad_one(token: str) -> None:
    """A header's bytes that are no UTF-8 come as surrogates."""
    with pytest.raises(BadToken):
        Verifier([b"k" * 32], "here", None, time.time).verify(token)


async def test_a_token_that_was_good_expires(tmp_path: Path, htpasswd: str) -> None:
    clock = Clock()
    async with serving(tmp_path, clock, auth=AuthConfig("token", htpasswd=htpasswd, rule=RULES)) as client:
        good = bearer((await token(client, "scope=repository:team/x:pull", "bob"))["token"])
        assert [(await client("GET", "/v2/", **good)).status for _ in range(2)] == [200, 200]
        clock.now += 300 + 59
        assert (await client("GET", "/v2/", **good)).status == 200
        clock.now += 2
        assert (await client("GET", "/v2/", **good)).status == 401


async def test_tokens_of_an_external_service(tmp_path: Path) -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    other_curve = ec.generate_private_key(ec.SECP384R1())
    public = [key.public_key() for key in (rsa_key, other_curve, ec_key)]
    pems = [key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in public]
    certs = tmp_path / "keys.pem"
    certs.write_bytes(b"".join(pems))
    realm = TokenConfig("https://auth.example/token", "here", "issuer", str(certs))
    auth = AuthConfig("token", token=realm, rule=(Rule("public/*", ("anonymous",), ("pull",)),))
    async with serving(tmp_path / "root", auth=auth) as client:
        asked = await client("GET", "/v2/a/tags/list")
        assert asked.headers["Www-Authenticate"] == (
            'Bearer realm="https://auth.example/token",service="here",scope="repository:a:pull"'
        )
        access = [{"type": "repository", "name": "a", "actions": ["pull"]}]
        claims = {"iss": "issuer", "aud": "here", "sub": "eve", "exp": time.time() + 60, "access": access}
        for good in (rs256(claims, rsa_key), es256(claims, ec_key)):
            assert (await client("GET", "/v2/a/tags/list", **bearer(good))).status == 404
            assert (await client("POST", "/v2/a/blobs/uploads/", **bearer(good))).status == 401
            assert (await client("GET", "/v2/_catalog", **bearer(good))).status == 401
        everything = claims | {"access": [{"type": "registry", "name": "catalog", "actions": ["*"]}]}
        assert (await client("GET", "/v2/_catalog", **bearer(rs256(everything, rsa_key)))).status == 200
        assert (await client("GET", "/v2/public/x/tags/list")).status == 404
        bad = [
            rs256(claims, rsa.generate_private_key(65537, 2048)),
            rs256(claims | {"iss": "another"}, rsa_key),
            es256(claims | {"aud": "there"}, ec_key),
            es256(claims | {"exp": time.time() - 100}, ec_key),
            *(hs256(claims, pem) for pem in pems),  # the public key as an HMAC secret
            rs256(claims, rsa_key, alg="ES256"),
            rs256(claims, rsa_key, alg="RS512"),
            es256(claims, other_curve),
            unsigned(claims),
        ]
        for case in bad:
            assert (await client("GET", "/v2/a/tags/list", **bearer(case))).status == 401


def test_rules_do_not_take_a_users_name_for_a_pattern() -> None:
    rules = Rules((Rule("home/{user}/**", ("*",), ("pull",)),))
    assert rules.allow("bob.b-1", "home/bob.b-1/x", "pull")
    assert not rules.allow("**", "home/anybody/x", "pull")
    assert not rules.allow("{a,b}", "home/a/x", "pull")


@pytest.mark.parametrize(
    "text",
    [
        "bob",
        "bob:$2y$05$short",
        "bob:$2y$99$" + "a" * 53,
        ":x",
        "bob:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=",
        "bob:$apr1$x$y",
    ],
)
def test_htpasswd_with_anything_but_bcrypt_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="line 1"):
        parse(text, "file")


async def test_htpasswd_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "htpasswd"
    path.write_text(f"bob:{bcrypt.hashpw(b'old', bcrypt.gensalt(4)).decode()}\n")
    async with serving(tmp_path / "root", auth=AuthConfig(htpasswd=str(path))) as client:
        assert (await client("GET", "/v2/", **basic("bob", "old"))).status == 200
        path.write_text(f"bob:{bcrypt.hashpw(b'new', bcrypt.gensalt(4)).decode()}\n")
        assert (await client("GET", "/v2/", **basic("bob", "old"))).status == 401
        assert (await client("GET", "/v2/", **basic("bob", "new"))).status == 200
