"""Whatever bytes a header has: a clear answer, a line in the access log, a notification."""

import base64
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path

import bcrypt
import orjson
import pytest

import sampan.registry
from tests.registry.process import Served, registry_process
from tests.registry.support import CONFIG, image, sha256
from tests.support.poll import until

PUSHER = b"Basic " + base64.b64encode(b"bob:secret")
# Those that a handler reads; `test_all_headers_are_tried` finds out when there are others.
READ = (
    "Authorization", "Content-Range", "Content-Type", "Cookie", "Expect", "Host", "If-None-Match", "If-Range",
    "Origin", "Range", "Sec-Fetch-Site", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto",
)  # fmt: skip
TEXT = [
    b"\xff", b"\xff\xfe", b"\xc3\xa9", b"\xed\xa0\x80", b'"', b"\\", b"%", b"\x7f", b"\t \t", b"9" * 4000,
    b"http://[", b"http://[::1", b"//", b"null", b"-1", b"*", b"W/", b"100-continue", b"\xff \xff", b"",
    b"text/plain; charset=\xff", b"application/vnd.oci.image.manifest.v1+json; x=\xff",
    b"sampan_form=\xff", b"a=b; =; ;;",
]  # fmt: skip
RANGES = [
    b"0-", b"bytes=", b"bytes=-0", b"bytes=5-1", b"bytes=0-1,3-4", b"bytes 0-0/*", b"0-99999999999999999999",
    b"bytes=999999999999999999-", "\u00b2-\u00b3".encode(), "bytes=\u00b2-".encode(),
]  # fmt: skip
CREDENTIALS = [
    b"Basic", b"Basic \xff", *(b"Basic " + base64.b64encode(text) for text in (
        b"\xff:\xfe", b"bob\0:\0", "b\u00f3b:\u2028".encode(), b":", b"bob",
    )),
    b"Bearer", b"Bearer \xff.\xfe.\xfd", b"Bearer e30.e30.e30", b"Bearer eyJhbGciOiJIUzI1NiJ9.W10.x",
    b"Bearer " + b"." * 2000,
]  # fmt: skip
VALUES = [*TEXT, *RANGES, *CREDENTIALS]
BODY = image()
DIGEST = sha256(CONFIG).encode()
REQUESTS = [
    (b"GET", b"/v2/", b""),
    (b"GET", b"/v2/a/blobs/" + DIGEST, b""),
    (b"GET", b"/v2/a/manifests/x", b""),
    (b"PUT", b"/v2/a/manifests/x", BODY),
    (b"POST", b"/v2/a/blobs/uploads/?digest=" + DIGEST, CONFIG),
    (b"POST", b"/v2/a/blobs/uploads/", b""),
    (b"GET", b"/token?scope=repository:a:pull", b""),
    (b"GET", b"/", b""),
    (b"GET", b"/ui/delete/a/x", b""),
    (b"POST", b"/ui/delete/a/x", b"token=x"),
    (b"GET", b"/v2/\xff/tags/list", b""),
    (b"GET", b"/v2/a/tags/list?n=%ff&last=\xff", b""),
    (b"GET", b"/\xff\xfe?q=\xff", b""),
]
CONFIGURATION = """
[log]
access = "{directory}/access"
[auth]
mode = "token"
htpasswd = "{directory}/users"
[[webhook]]
name = "ci"
url = "http://127.0.0.1:1/"
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("headers")
    (directory / "config.toml").write_text(CONFIGURATION.format(directory=directory))
    (directory / "users").write_text(f"bob:{bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}\n")
    with registry_process(directory, "--config", str(directory / "config.toml")) as served:
        push = [
            ("POST", f"/v2/a/blobs/uploads/?digest={DIGEST.decode()}", CONFIG),
            ("PUT", "/v2/a/manifests/x", BODY),
        ]
        for method, path, body in push:
            assert served.request(method, path, body, Authorization=PUSHER.decode())[0] == 201
        yield served


def ask(served: Served, method: bytes, path: bytes, body: bytes, headers: dict[bytes, bytes]) -> HTTPResponse:
    """One request, byte for byte."""
    usual = {b"Host": b"x", b"Authorization": PUSHER, b"Content-Length": b"%d" % len(body)}
    lines = [b"%s: %s\r\n" % line for line in {**usual, **headers, b"Connection": b"close"}.items()]
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as sock:
        sock.sendall(b"%s %s HTTP/1.1\r\n%s\r\n%s" % (method, path, b"".join(lines), body))
        response = HTTPResponse(sock, method=method.decode())
        response.begin()
        response.read()
        return response


@pytest.mark.parametrize("header", READ)
def test_no_header_is_an_error_of_ours(served: Served, header: str) -> None:
    for value in VALUES:
        for method, path, body in REQUESTS:
            response = ask(served, method, path, body, {header.encode(): value})
            assert response.status < 500, (header, value, method, path)
    assert "Traceback" not in served.log


def access_lines(served: Served) -> list[dict[str, str]]:
    return [json.loads(line) for line in (served.root.parent / "access").read_text().splitlines()]


def test_a_strange_user_agent_is_logged_and_told(served: Served) -> None:
    name = "told"
    for method, path, body in (
        (b"POST", f"/v2/{name}/blobs/uploads/?digest={DIGEST.decode()}".encode(), CONFIG),
        (b"PUT", f"/v2/{name}/manifests/x".encode(), BODY),
        (b"DELETE", f"/v2/{name}/manifests/x".encode(), b""),
    ):
        assert ask(served, method, path, body, {b"User-Agent": b"evil \xff"}).status in (201, 202)

    def agents() -> list[str]:
        return [line["user_agent"] for line in access_lines(served) if line.get("repository") == name]

    until(lambda: agents() == ["evil \ufffd"] * 3, "each has its line")
    with closing(sqlite3.connect(served.root / "registry.db")) as db:
        events = [orjson.loads(row[0]) for row in db.execute("SELECT event FROM notifications ORDER BY id")]
    told = [event for event in events if event["target"]["repository"] == name]
    assert [event["action"] for event in told] == ["push", "push", "delete"]
    assert {event["request"]["useragent"] for event in told} == {"evil \ufffd"}


def test_every_request_has_its_line_whatever_its_path(served: Served) -> None:
    before = len(access_lines(served))
    for path in (
        b"/v2/\xff",
        b"/\xff?q=\xff&n=\xff",
        b"/v2/a/tags/list?last=%ff",
        b"//x/..",
        b"/?q=%00",
        b"*",
        b" ",
    ):
        ask(served, b"GET", path, b"", {})
    until(lambda: len(access_lines(served)) == before + 7, "each has its line")


BLOB = b"/v2/a/blobs/uploads/?digest=" + DIGEST
CLEAR = [
    ("a manifest's type", b"PUT", b"/v2/a/manifests/y", BODY, b"Content-Type", b"\xff\xfe", 400),
    ("another site's form", b"POST", b"/ui/delete/a/x", b"token=x", b"Origin", b"http://[", 403),
    ("a range that is none", b"GET", b"/v2/a/blobs/" + DIGEST, b"", b"Range", b"\xff", 200),
    ("a chunk's place", b"POST", BLOB, CONFIG, b"Content-Range", b"\xff", 400),
    ("a scheme", b"GET", b"/v2/", b"", b"X-Forwarded-Proto", b"\xff", 200),
    ("credentials", b"GET", b"/v2/", b"", b"Authorization", b"\xff", 401),
]


@pytest.mark.parametrize("row", CLEAR, ids=[row[0] for row in CLEAR])
def test_the_answer_is_clear(served: Served, row: tuple[str, bytes, bytes, bytes, bytes, bytes, int]) -> None:
    _, method, path, body, header, value, status = row
    assert ask(served, method, path, body, {header: value}).status == status


ELSEWHERE = ("cache", "share", "webhooks")  # what they read is in others' answers


def test_all_headers_are_tried() -> None:
    directory = Path(sampan.registry.__file__).parent
    text = "\n".join(
        path.read_text() for path in directory.rglob("*.py") if path.parent.name not in ELSEWHERE
    )
    found = re.findall(r'(?:request\.headers|\bheaders|given)(?:\.get\(|\[)"([A-Z][A-Za-z-]+)"', text)
    found += re.findall(r'"([A-Z][A-Za-z-]+)" (?:not )?in (?:call\.)?(?:request\.headers|given)', text)
    answers = {
        "WWW-Authenticate", "Location", "ETag", "Accept-Ranges", "Content-Length", "OCI-Subject",
        "OCI-Filters-Applied",
    }  # fmt: skip
    assert set(found) - answers <= set(READ)
    assert {"User-Agent", "Origin", "Range", "Authorization"} <= set(found)
