"""The page for people: what it shows, to whom, and that nothing pushed can turn into markup."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.registry.auth.config import AuthConfig, Rule
from sampan.registry.documents import OCI_INDEX, OCI_MANIFEST
from sampan.registry.web.data import command, steps
from sampan.registry.web.formatting import ago, short, size
from sampan.registry.web.markup import Html, element, join
from tests.registry.support import Client, descriptor, image, serving, sha256

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
CONFIG = {
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "config": {
        "Labels": {EVIL: EVIL},
        "Env": [EVIL],
        "Cmd": [EVIL],
        "User": EVIL,
        "ExposedPorts": {EVIL: {}},
    },
    "history": [
        {"created_by": f"/bin/sh -c #(nop) ADD {EVIL}"},
        {"created_by": "ENV A=b", "empty_layer": True},
    ],
}


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(text)
    return parser.found


async def push_evil(client: Client) -> str:
    config = json.dumps(CONFIG).encode()
    for data in (config, b"layer"):
        await client.push_blob("team/web", data)
    document = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor(b"layer", f"x/{EVIL}")],
            "annotations": {EVIL: EVIL},
        }
    ).encode()
    answer = await client("PUT", "/v2/team/web/manifests/1.0", document, Content_Type=OCI_MANIFEST)
    assert answer.status == 201, answer.body
    return sha256(document)


async def test_repositories_tags_and_images_are_shown(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        digest = await push_evil(client)
        home = (await client("GET", "/")).body.decode()
        assert 'href="/ui/repository/team/web"' in home
        tags = (await client("GET", "/ui/repository/team/web")).body.decode()
        assert "docker pull 127.0.0.1:" in tags and "/team/web:1.0" in tags
        page = (await client("GET", "/ui/manifest/team/web/1.0")).body.decode()
        for text in (digest, "linux/arm64/v8", "ENV A=b", "no layer", "never", "Delete"):
            assert text in page
        by_digest = await client("GET", f"/ui/manifest/team/web/{digest}")
        assert by_digest.status == 200


async def test_nothing_pushed_becomes_markup(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        await push_evil(client)
        for path in (
            "/",
            f"/?q={EVIL}".replace(" ", "+"),
            "/ui/repository/team/web",
            "/ui/manifest/team/web/1.0",
        ):
            answer = await client("GET", path)
            assert answer.status == 200
            for tag, attributes in elements(answer.body.decode()):
                assert tag != "img" and not any(name.startswith("on") for name in attributes)
                assert tag != "script" or attributes.get("src") == "/ui/page.js"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy


async def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        text = (await client("GET", "/")).body.decode()
        used = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert used and all(target.startswith(("/", "#")) for target in used)
        for target in ("/ui/style.css", "/ui/page.js", "/ui/icon.svg"):
            answer = await client("GET", target)
            assert answer.status == 200
            assert b"://" not in answer.body.replace(b"http://www.w3.org/2000/svg", b"")


async def test_search(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        for name in ("team/web", "team/api", "other"):
            await client.push_image(name, "1", b"x")
        assert b"2 repositories" in (await client("GET", "/?q=team")).body
        assert b"Nothing here" in (await client("GET", "/?q=nope")).body


async def test_long_lists_have_pages(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        await client.push_image("a", "0", b"x")
        for number in range(1, 60):
            await client("PUT", f"/v2/a/manifests/{number}", image(b"x"), Content_Type=OCI_MANIFEST)
        first = (await client("GET", "/ui/repository/a")).body
        assert b"page 1 of 2" in first and b"page=2" in first
        assert (await client("GET", "/ui/repository/a?page=2")).body.count(b'data-label="Tag"') == 10


async def test_an_index_names_its_platforms(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        await client.push_image("a", "x", b"layer")
        entry: dict[str, Any] = descriptor(image(b"layer"), OCI_MANIFEST)
        entry["platform"] = {"os": "linux", "architecture": "riscv64"}
        document = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
        await client("PUT", "/v2/a/manifests/multi", document, Content_Type=OCI_INDEX)
        assert b"linux/riscv64" in (await client("GET", "/ui/repository/a")).body
        assert b"linux/riscv64" in (await client("GET", "/ui/manifest/a/multi")).body


async def confirm(client: Client, path: str, **headers: str) -> tuple[str, str]:
    """The form's token and the cookie."""
    answer = await client("GET", path, **headers)
    assert answer.status == 200, answer.body
    token = re.search(r'name="token" value="([^"]+)"', answer.body.decode())
    assert token is not None
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    return token[1], cookie.partition(";")[0]


FORM = "application/x-www-form-urlencoded"


async def test_a_delete_with_our_form(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        await client.push_image("a", "1", b"x")
        path = "/ui/delete/a/1"
        token, cookie = await confirm(client, path)
        url = f"http://127.0.0.1:{client.port}"
        assert (await client("GET", "/v2/a/manifests/1")).status == 200
        headers = {"Content_Type": FORM, "Cookie": cookie, "Origin": url}
        answer = await client("POST", path, f"token={token}", **headers)
        assert (answer.status, answer.headers["Location"]) == (303, "/ui/repository/a")
        assert (await client("GET", "/v2/a/manifests/1")).status == 404
        assert client.events[-1].action == "delete"


FORGED = [
    ("no cookie", {"Cookie": ""}),
    ("another cookie", {"Cookie": "sampan_form=" + "x" * 43}),
    ("another site", {"Origin": "https://evil.example"}),
    ("no origin to tell", {"Origin": "null"}),
    ("a cross-site request", {"Sec_Fetch_Site": "cross-site"}),
    ("a same-site request", {"Sec_Fetch_Site": "same-site"}),
]


@pytest.mark.parametrize("headers", [row[1] for row in FORGED], ids=[row[0] for row in FORGED])
async def test_a_forged_form_deletes_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    async with serving(tmp_path / "root") as client:
        await client.push_image("a", "1", b"x")
        token, cookie = await confirm(client, "/ui/delete/a/1")
        sent = {"Content_Type": FORM, "Cookie": cookie, **headers}
        assert (await client("POST", "/ui/delete/a/1", f"token={token}", **sent)).status == 403
        assert (await client("GET", "/v2/a/manifests/1")).status == 200


async def test_without_deletes_there_is_no_form(tmp_path: Path) -> None:
    async with serving(tmp_path / "root", allow_delete=False) as client:
        await client.push_image("a", "1", b"x")
        assert b"/ui/delete/" not in (await client("GET", "/ui/manifest/a/1")).body
        assert (await client("GET", "/ui/delete/a/1")).status == 403


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:pw".encode()).decode()


def auth(directory: Path, *rules: Rule) -> AuthConfig:
    hashed = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
    (directory / "users").write_text(f"ann:{hashed}\nbob:{hashed}\n")
    return AuthConfig(htpasswd=str(directory / "users"), rule=rules)


RULES = (
    Rule("public/**", ("anonymous",), ("pull",)),
    Rule("ann/**", ("ann",), ("pull", "push", "delete")),
    Rule("shared/**", ("*",), ("pull",)),
)


async def test_one_sees_what_one_may_pull(tmp_path: Path) -> None:
    async with serving(tmp_path / "root") as client:
        for name in ("public/a", "ann/a", "shared/a"):
            await client.push_image(name, "1", b"x")
    async with serving(tmp_path / "root", auth=auth(tmp_path, *RULES)) as client:

        async def seen(**headers: str) -> set[str]:
            body = (await client("GET", "/", **headers)).body.decode()
            return set(re.findall(r"/ui/repository/([a-z/]+)", body))

        assert await seen() == {"public/a"}
        assert await seen(Authorization=basic("ann")) == {"public/a", "ann/a", "shared/a"}
        assert await seen(Authorization=basic("bob")) == {"public/a", "shared/a"}
        assert (await client("GET", "/ui/repository/ann/a", Authorization=basic("bob"))).status == 404
        assert (await client("GET", "/ui/manifest/ann/a/1", Authorization=basic("bob"))).status == 404
        may = await client("GET", "/ui/manifest/ann/a/1", Authorization=basic("ann"))
        assert b"/ui/delete/" in may.body
        may_not = await client("GET", "/ui/manifest/shared/a/1", Authorization=basic("ann"))
        assert may_not.status == 200 and b"/ui/delete/" not in may_not.body
        assert (await client("GET", "/ui/delete/shared/a/1", Authorization=basic("ann"))).status == 403


async def test_browsers_are_asked_for_a_password(tmp_path: Path) -> None:
    async with serving(tmp_path / "root", auth=auth(tmp_path)) as client:
        answer = await client("GET", "/")
        assert answer.status == 401
        assert answer.headers["Www-Authenticate"].startswith("Basic ")
        wrong = "Basic " + base64.b64encode(b"ann:no").decode()
        assert (await client("GET", "/", Authorization=wrong)).status == 401
        assert (await client("GET", "/", Authorization=basic("ann"))).status == 200


async def test_the_page_can_be_left_out(tmp_path: Path) -> None:
    async with serving(tmp_path / "root", page=False) as client:
        assert (await client("GET", "/")).status == 404


@given(st.text(max_size=60), st.text(max_size=60))
def test_text_stays_text(content: str, value: str) -> None:
    made = element("b", content, title=value)
    assert [tag for tag, _ in elements(str(made))] == ["b"]
    assert "<" not in str(made)[3:-4].replace("&lt;", "") or value
    assert join(made, content).startswith(made)
    assert isinstance(made, Html)


def test_sizes() -> None:
    assert [size(n) for n in (0, 999, 1000, 1_234_567, 12_345_678, 123_456_789, 10**13)] == [
        "0 B", "999 B", "1 kB", "1.23 MB", "12.3 MB", "123 MB", "10 TB",
    ]  # fmt: skip


def test_ages() -> None:
    def plain(then: float) -> str:
        return re.sub("<[^>]+>", "", ago(then, 10**9))

    assert ago(None, 0) == "never"
    assert [plain(10**9 - s) for s in (5, 60, 7200, 86400 * 3, 86400 * 70, 86400 * 800)] == [
        "just now", "1 minute ago", "2 hours ago", "3 days ago", "2 months ago", "2 years ago",
    ]  # fmt: skip


def test_history_that_does_not_fit_the_layers_is_left_out() -> None:
    assert steps({"history": [{"created_by": "a"}, {"created_by": "b"}]}, ()) == ()
    assert command("/bin/sh -c apt-get update") == "RUN apt-get update"
    assert command("COPY . / # buildkit") == "COPY . /"
    assert short("sha256:" + "a" * 64) == "sha256:" + "a" * 12
