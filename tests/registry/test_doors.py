"""Every route with every kind of credentials: all doors ask the same gate.

The routes are taken from the router, so a new one fails here until the table says who may go through it.
"""

import base64
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import bcrypt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sampan.registry.auth.config import AuthConfig, Rule, TokenConfig
from sampan.registry.auth.jwt import sign
from sampan.registry.documents import OCI_MANIFEST
from sampan.registry.names import parse_reference
from sampan.registry.uploads import Chunk
from tests.registry.support import CONFIG, Client, image, serving, sha256
from tests.registry.tokens import hs256, rs256, unsigned

NAME = "private/a"
BODY = image(b"layer")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RULES = (
    Rule("public/**", ("anonymous",), ("pull",)),
    Rule("**", ("admin",), ("pull", "push", "delete")),
)


@dataclass(frozen=True)
class Door:
    """What it takes to get through, what is asked of it, and the answer to who gets in."""

    needs: str  # pull, push, delete: of private/a; catalog, entry, seeing; nothing
    path: str
    good: int
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    page: bool = False  # what one may not pull is not there: 404


V2, DIGEST, IMAGE = f"/v2/{NAME}", sha256(b"layer"), sha256(BODY)
ADMIN_FORM = {"grant_type": "password", "username": "admin", "password": "secret"}
DOORS = {
    ("GET", "/v2/"): Door("entry", "/v2/", 200),
    ("HEAD", "/v2/"): Door("entry", "/v2/", 200),
    ("GET", "/v2"): Door("entry", "/v2", 200),
    ("GET", "/v2/{name}/tags/list"): Door("pull", f"{V2}/tags/list", 200),
    ("GET", "/v2/_catalog"): Door("catalog", "/v2/_catalog", 200),
    ("GET", "/v1/_ping"): Door("nothing", "/v1/_ping", 200),
    ("GET", "/v1/search"): Door("catalog", "/v1/search?q=a", 200),
    ("POST", "/v2/{name}/blobs/uploads/"): Door("push", f"{V2}/blobs/uploads/", 202),
    ("POST", "/v2/{name}/blobs/uploads"): Door("push", f"{V2}/blobs/uploads", 202),
    ("GET", "/v2/{name}/blobs/uploads/{id}"): Door("push", f"{V2}/blobs/uploads/UPLOAD", 204),
    ("PATCH", "/v2/{name}/blobs/uploads/{id}"): Door("push", f"{V2}/blobs/uploads/UPLOAD", 202, b"x"),
    ("PUT", "/v2/{name}/blobs/uploads/{id}"): Door(
        "push", f"{V2}/blobs/uploads/UPLOAD?digest={sha256(b'x')}", 201, b"x"
    ),
    ("DELETE", "/v2/{name}/blobs/uploads/{id}"): Door("push", f"{V2}/blobs/uploads/UPLOAD", 204),
    ("GET", "/v2/{name}/blobs/{digest}"): Door("pull", f"{V2}/blobs/{DIGEST}", 200),
    ("HEAD", "/v2/{name}/blobs/{digest}"): Door("pull", f"{V2}/blobs/{DIGEST}", 200),
    ("DELETE", "/v2/{name}/blobs/{digest}"): Door("delete", f"{V2}/blobs/{sha256(b'loose')}", 202),
    ("GET", "/v2/{name}/manifests/{reference}"): Door("pull", f"{V2}/manifests/v1", 200),
    ("HEAD", "/v2/{name}/manifests/{reference}"): Door("pull", f"{V2}/manifests/v1", 200),
    ("PUT", "/v2/{name}/manifests/{reference}"): Door(
        "push", f"{V2}/manifests/v2", 201, BODY, {"Content-Type": OCI_MANIFEST}
    ),
    ("DELETE", "/v2/{name}/manifests/{reference}"): Door("delete", f"{V2}/manifests/v1", 202),
    ("GET", "/v2/{name}/referrers/{digest}"): Door("pull", f"{V2}/referrers/{IMAGE}", 200),
    ("GET", "/healthz"): Door("nothing", "/healthz", 200),
    ("GET", "/readyz"): Door("nothing", "/readyz", 200),
    ("GET", "/metrics"): Door("nothing", "/metrics", 200),
    ("GET", "/"): Door("seeing", "/", 200),
    ("GET", "/sign-in"): Door("entry", "/sign-in", 303),
    ("GET", "/ui/repository/{name}"): Door("pull", f"/ui/repository/{NAME}", 200, page=True),
    ("GET", "/ui/manifest/{name}/{reference}"): Door("pull", f"/ui/manifest/{NAME}/v1", 200, page=True),
    ("GET", "/ui/delete/{name}/{reference}"): Door("delete", f"/ui/delete/{NAME}/v1", 200, page=True),
    ("POST", "/ui/delete/{name}/{reference}"): Door(
        "delete",
        f"/ui/delete/{NAME}/v1",
        303,
        b"token=" + b"t" * 43,
        {**FORM, "Cookie": f"sampan_form={'t' * 43}"},
        page=True,
    ),
    ("GET", "/ui/style.css"): Door("nothing", "/ui/style.css", 200),
    ("GET", "/ui/page.js"): Door("nothing", "/ui/page.js", 200),
    ("GET", "/ui/icon.svg"): Door("nothing", "/ui/icon.svg", 200),
}
# Only where tokens are our own: what is asked with is the request's own credentials.
TOKEN_DOORS = {
    ("GET", "/token"): Door("password", "/token?service=sampan-registry", 200),
    ("POST", "/token"): Door("nothing", "/token", 200, urlencode(ADMIN_FORM).encode(), FORM),
}


@dataclass(frozen=True)
class Kind:
    """Credentials, and what they are good for; `rights` are those in private/a."""

    name: str
    authorization: str = ""
    rights: tuple[str, ...] = ()
    entry: bool = True
    good: bool = True  # bad ones are refused even where none would be needed

    def passes(self, door: Door) -> bool:
        if door.needs == "nothing":
            return True
        if door.needs == "password":
            return not self.authorization or (self.good and self.authorization.startswith("Basic"))
        if door.needs == "entry":
            return self.good and self.entry
        if door.needs == "delete" and door.page:
            return self.good and {"pull", "delete"} <= set(self.rights)
        return self.good and (door.needs == "seeing" or door.needs in self.rights)


ALL = ("pull", "push", "delete", "catalog")
NOBODY = Kind("none", entry=False)


def basic(user: str, password: str = "secret") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


BASIC = [
    NOBODY,
    Kind("basic credentials", basic("admin"), ALL),
    Kind("basic credentials of one without rights", basic("bob"), ("catalog",)),
    Kind("a wrong password", basic("admin", "wrong"), good=False),
    Kind("an unknown user", basic("eve"), good=False),
]


def access(name: str, *actions: str, type: str = "repository") -> dict[str, Any]:
    return {"type": type, "name": name, "actions": list(actions)}


SCOPES: list[tuple[str, list[dict[str, Any]], tuple[str, ...]]] = [
    ("no scope", [], ()),
    ("pull of another repository", [access("public/p", "pull")], ()),
    ("everything in a repository above", [access("private", "*")], ()),
    ("pull", [access(NAME, "pull")], ("pull",)),
    ("push", [access(NAME, "push")], ("push",)),
    ("delete", [access(NAME, "delete")], ("delete",)),
    ("pull and delete", [access(NAME, "pull", "delete")], ("pull", "delete")),
    ("listings", [access("catalog", "*", type="registry")], ("catalog",)),
    ("a repository called as listings are", [access("registry:catalog:*", "*")], ()),
    ("everything", [access(NAME, "*"), access("catalog", "*", type="registry")], ALL),
]


def own_tokens(key: bytes) -> list[Kind]:
    claims = {"aud": "sampan-registry", "sub": "admin", "exp": time.time() + 600}
    full = claims | {"access": [access(NAME, "*"), access("catalog", "*", type="registry")]}

    def token(name: str, claims: dict[str, Any], key: bytes, **more: Any) -> Kind:
        return Kind(f"a token: {name}", f"Bearer {hs256(claims, key)}", **more)

    return [
        *BASIC,
        *(token(name, claims | {"access": found}, key, rights=rights) for name, found, rights in SCOPES),
        token("of one without rights", full | {"sub": "bob"}, key, rights=("catalog",)),
        token("expired", full | {"exp": time.time() - 600}, key, good=False),
        token("another's signature", full, b"another key", good=False),
        token("for another service", full | {"aud": "there"}, key, good=False),
        Kind("a token: unsigned", f"Bearer {unsigned(full)}", good=False),
        Kind("a token: none at all", "Bearer", good=False),
    ]


def foreign_tokens(key: rsa.RSAPrivateKey) -> list[Kind]:
    claims = {"iss": "issuer", "aud": "here", "sub": "eve", "exp": time.time() + 600}
    full = claims | {"access": [access(NAME, "*"), access("catalog", "*", type="registry")]}

    def token(name: str, claims: dict[str, Any], key: rsa.RSAPrivateKey, **more: Any) -> Kind:
        return Kind(f"a token: {name}", f"Bearer {rs256(claims, key)}", **more)

    return [
        NOBODY,
        Kind("basic credentials, which mean nothing here", basic("admin"), entry=False),
        *(token(name, claims | {"access": found}, key, rights=rights) for name, found, rights in SCOPES),
        token("expired", full | {"exp": time.time() - 600}, key, good=False),
        token("another's signature", full, rsa.generate_private_key(65537, 2048), good=False),
        token("of another issuer", full | {"iss": "x"}, key, good=False),
        Kind("a token: unsigned", f"Bearer {unsigned(full)}", good=False),
    ]


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("doors") / "users"
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    path.write_text(f"admin:{hashed}\nbob:{hashed}\n")
    return str(path)


async def furnish(client: Client) -> str:
    """What the doors lead to, made past them; returns an upload's id."""
    registry = client.registry
    for content in (CONFIG, b"layer", b"loose"):
        await registry.uploads.put(NAME, sha256(content), Chunk(arriving(content)))
    await registry.manifests.put(NAME, parse_reference("v1"), OCI_MANIFEST, BODY)
    return await registry.uploads.start(NAME)


async def arriving(content: bytes) -> AsyncIterator[bytes]:
    yield content


def state(client: Client) -> list[Any]:
    """All that a request could change, but for the times."""
    read = client.registry.read.execute
    uploads = client.registry.layout.uploads
    return [
        read("SELECT name, manifest FROM tags ORDER BY name").fetchall(),
        read("SELECT id, digest FROM manifests ORDER BY id").fetchall(),
        read("SELECT repository, digest FROM links ORDER BY repository, digest").fetchall(),
        read("SELECT id FROM uploads ORDER BY id").fetchall(),
        sorted((entry.name, entry.stat().st_size) for entry in uploads.iterdir()),
    ]


async def check(client: Client, kind: Kind, route: tuple[str, str], door: Door, upload: str) -> None:
    headers = {name.replace("-", "_"): value for name, value in door.headers.items()}
    if kind.authorization:
        headers["Authorization"] = kind.authorization
    answer = await client(route[0], door.path.replace("UPLOAD", upload), door.body, **headers)
    said = (kind.name, route, answer.status, answer.body[:200])
    if kind.passes(door):
        assert answer.status == door.good, said
        return
    assert answer.status in ((401, 403, 404) if door.page else (401, 403)), said
    assert (answer.status == 401) or kind.good, said
    assert ("Www-Authenticate" in answer.headers) == (answer.status == 401), said


async def check_all(client: Client, kinds: list[Kind], doors: Mapping[tuple[str, str], Door]) -> None:
    assert {(route.method, route.path) for route in client.api.table.routes} == set(doors)
    upload, before = await furnish(client), state(client)
    for kind in kinds:
        for route, door in doors.items():
            await check(client, kind, route, door, upload)
            if state(client) != before:
                assert kind.passes(door), f"{kind.name} was refused and has changed something: {route}"
                upload, before = await furnish(client), state(client)


async def test_all_doors_where_tokens_are_our_own(tmp_path: Path, users: str) -> None:
    async with serving(tmp_path, auth=AuthConfig("token", htpasswd=users, rule=RULES)) as client:
        kinds = own_tokens(client.registry.layout.token_key.read_bytes())
        await check_all(client, kinds, DOORS | TOKEN_DOORS)


async def test_all_doors_with_basic_authentication(tmp_path: Path, users: str) -> None:
    async with serving(tmp_path, auth=AuthConfig(htpasswd=users, rule=RULES)) as client:
        await check_all(client, BASIC, DOORS)


async def test_all_doors_where_a_service_issues_tokens(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "keys.pem").write_bytes(pem)
    token = TokenConfig("https://auth.example/token", "here", "issuer", str(tmp_path / "keys.pem"))
    auth = AuthConfig("token", token=token, rule=RULES)
    async with serving(tmp_path / "root", auth=auth) as client:
        await check_all(client, foreign_tokens(key), DOORS)


async def test_all_doors_without_authentication(tmp_path: Path) -> None:
    kinds = [Kind("none", rights=ALL), Kind("basic credentials", basic("x"), ALL)]
    async with serving(tmp_path / "open") as client:
        await check_all(client, kinds, DOORS)
    kinds = [Kind("none", rights=("catalog",))]
    async with serving(tmp_path / "rules", auth=AuthConfig(rule=RULES)) as client:
        await check_all(client, kinds, DOORS)


MOUNTS = [
    ("push alone", [], 202),
    ("pull of the source", [access(NAME, "pull")], 201),
    ("push to the source", [access(NAME, "push")], 202),
]


@pytest.mark.parametrize(("more", "status"), [row[1:] for row in MOUNTS], ids=[row[0] for row in MOUNTS])
async def test_a_blob_is_mounted_only_with_the_right_to_pull_it(
    tmp_path: Path, users: str, more: list[dict[str, Any]], status: int
) -> None:
    async with serving(tmp_path, auth=AuthConfig("token", htpasswd=users, rule=RULES)) as client:
        await furnish(client)
        claims = {"aud": "sampan-registry", "sub": "admin", "exp": time.time() + 600}
        claims["access"] = [access("mine/b", "pull", "push"), *more]
        token = sign(claims, client.registry.layout.token_key.read_bytes())
        path = f"/v2/mine/b/blobs/uploads/?mount={DIGEST}&from={NAME}"
        assert (await client("POST", path, Authorization=f"Bearer {token}")).status == status
        read = await client("GET", f"/v2/mine/b/blobs/{DIGEST}", Authorization=f"Bearer {token}")
        assert read.status == (200 if status == 201 else 404)


async def test_who_would_mount_is_told_to_ask_for_both_repositories(tmp_path: Path, users: str) -> None:
    async with serving(tmp_path, auth=AuthConfig("token", htpasswd=users, rule=RULES)) as client:
        answer = await client("POST", f"/v2/mine/b/blobs/uploads/?mount={DIGEST}&from={NAME}")
        scope = f'scope="repository:mine/b:pull,push repository:{NAME}:pull"'
        assert scope in answer.headers["Www-Authenticate"]
        forged = await client("POST", f'/v2/mine/b/blobs/uploads/?mount={DIGEST}&from=a"b%22,realm=%22x')
        assert 'scope="repository:mine/b:pull,push"' in forged.headers["Www-Authenticate"]


async def test_listings_keep_to_what_a_token_is_for(tmp_path: Path, users: str) -> None:
    async with serving(tmp_path, auth=AuthConfig("token", htpasswd=users, rule=RULES)) as client:
        await furnish(client)
        for kind in own_tokens(client.registry.layout.token_key.read_bytes()):
            answer = await client("GET", "/", **_headers(kind))
            shown = NAME in re.findall(r"/ui/repository/([a-z/]+)", answer.body.decode())
            listed = {"pull", "catalog"} & set(kind.rights) and "without rights" not in kind.name
            assert shown == bool(listed), kind.name
            catalog = await client("GET", "/v2/_catalog", **_headers(kind))
            if catalog.status == 200:
                assert (NAME in json.loads(catalog.body)["repositories"]) == shown, kind.name


def _headers(kind: Kind) -> dict[str, str]:
    return {"Authorization": kind.authorization} if kind.authorization else {}
