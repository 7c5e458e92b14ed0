"""The image routes over HTTP: parameters, status codes, and errors before and after the first line."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from sampan.engine.api import images
from sampan.errors import Invalid
from sampan.http.app import Api, ApiVersions, Server, bind_unix
from tests.engine.images.conftest import Bench, tar

pytestmark = pytest.mark.root


@dataclass
class Door:
    """A client of a server with nothing but the image routes."""

    session: aiohttp.ClientSession
    bench: Bench

    async def __call__(
        self, method: str, path: str, data: bytes | None = None, **query: Any
    ) -> tuple[int, bytes]:
        answer = await self.session.request(method, f"http://d{path}", params=query, data=data)
        return answer.status, await answer.read()

    async def message(self, method: str, path: str, **query: Any) -> tuple[int, str]:
        status, body = await self(method, path, **query)
        return status, json.loads(body)["message"]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    bench = Bench.open(tmp_path)
    await bench.images.start()
    engine: Any = SimpleNamespace(images=bench.images)
    server = Server(Api(images.routes(engine), ApiVersions((1, 51), (1, 24))))
    await server.listen(bind_unix(str(tmp_path / "sock")))
    connector = aiohttp.UnixConnector(str(tmp_path / "sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Door(session, bench)
    await server.stop()
    await bench.images.stop()
    bench.store.close()


async def test_an_image_lives_its_life_over_http(door: Door) -> None:
    status, body = await door(
        "POST", "/images/create", tar(a="1"), fromSrc="-", repo="me/app", tag="1", changes="ENV A=1"
    )
    id = json.loads(body)["status"]
    assert (status, id[:7]) == (200, "sha256:")
    shown = json.loads((await door("GET", "/v1.44/images/me/app:1/json"))[1])
    assert (shown["Id"], shown["Config"]["Env"], shown["Comment"]) == (id, ["A=1"], "Imported from -")
    assert (await door("GET", "/images/me%2Fapp%3A1/json"))[0] == 200
    assert (await door("POST", "/images/me/app:1/tag", repo="reg.io:5000/x", tag="2")) == (201, b"")
    rows = json.loads((await door("GET", "/images/json"))[1])
    assert rows[0]["RepoTags"] == ["me/app:1", "reg.io:5000/x:2"]
    rows = json.loads((await door("GET", "/v1.40/images/json", filter="me/*"))[1])
    assert (rows[0]["RepoTags"], rows[0]["VirtualSize"]) == (["me/app:1"], 1)
    assert json.loads((await door("GET", "/images/me/app:1/history"))[1])[0]["Id"] == id
    status, archive = await door("GET", "/images/me/app:1/get")
    assert status == 200 and len(archive) % 512 == 0
    assert json.loads((await door("DELETE", "/images/me/app:1"))[1]) == [{"Untagged": "me/app:1"}]
    assert json.loads((await door("DELETE", "/images/reg.io:5000/x:2", noprune="1"))[1])[1] == {"Deleted": id}
    status, lines = await door("POST", "/images/load", archive)
    assert (status, json.loads(lines)) == (200, {"stream": "Loaded image: me/app:1\n"})
    pruned = json.loads((await door("POST", "/images/prune", filters='{"dangling":["false"]}'))[1])
    assert pruned["SpaceReclaimed"] == 1


LOWER = "invalid reference format: repository name (library/%s) must be lowercase"
NO_BOOTSTRAP = "cannot bootstrap 'x': only busybox, debian[:suite] or ubuntu[:suite]"
REFUSED = [
    ("GET", "/images/nope/json", {}, 404, "No such image: nope:latest"),
    ("GET", "/images/NOPE/json", {}, 400, LOWER % "NOPE"),
    ("GET", "/images/nope/history", {}, 404, "No such image: nope:latest"),
    ("GET", "/images/nope/get", {}, 404, "No such image: nope"),
    ("GET", "/images/get", {"names": "nope"}, 404, "No such image: nope"),
    ("DELETE", "/images/nope", {}, 404, "No such image: nope:latest"),
    ("POST", "/images/nope/tag", {"repo": "x"}, 404, "No such image: nope:latest"),
    ("POST", "/images/nope/tag", {"repo": "X"}, 400, LOWER % "X"),
    ("POST", "/images/nope/tag", {"repo": "x", "tag": "-"}, 400, "invalid tag format"),
    ("POST", "/images/create", {"fromImage": "X"}, 400, LOWER % "X"),
    ("POST", "/images/create", {"fromImage": "x", "tag": "-"}, 400, "invalid tag format"),
    (
        "POST",
        "/images/create",
        {"fromSrc": "-", "changes": "RUN x"},
        400,
        "RUN is not a valid change command",
    ),
    (
        "POST",
        "/images/create",
        {"fromSrc": "-", "platform": "windows"},
        400,
        "operating system is not supported",
    ),
    ("POST", "/images/create", {"fromSrc": "ftp://x/y"}, 400, "invalid URL to import from: ftp://x/y"),
    ("GET", "/images/json", {"filters": '{"nope":["x"]}'}, 400, "invalid filter 'nope'"),
    (
        "GET",
        "/images/json",
        {"filters": '{"until":["x"]}'},
        500,
        'failed to parse value as time or duration: "x"',
    ),
    ("POST", "/images/prune", {"filters": '{"nope":["x"]}'}, 400, "invalid filter 'nope'"),
    ("POST", "/sampan/images/bootstrap", {"name": "x"}, 400, NO_BOOTSTRAP),
]


@pytest.mark.parametrize(("method", "path", "query", "status", "message"), REFUSED)
async def test_bad_requests_get_dockers_answers(
    door: Door, method: str, path: str, query: dict[str, str], status: int, message: str
) -> None:
    assert await door.message(method, path, **query) == (status, message)


async def test_a_bad_archive_is_an_error_line(door: Door) -> None:
    status, body = await door("POST", "/images/load", b"junk\n")
    assert status == 200
    assert json.loads(body) == {"errorDetail": {"message": "unexpected EOF"}, "error": "unexpected EOF"}
    status, body = await door("POST", "/images/create", b"junk\n", fromSrc="-")
    assert (status, json.loads(body)) == (500, {"message": "unexpected EOF"})
    assert door.bench.on_disk() == (0, 0, 0)


async def test_a_registry_out_of_reach_names_the_way_out(door: Door) -> None:
    status, message = await door.message("POST", "/images/create", fromImage="127.0.0.1:9/debian", tag="x")
    assert status == 500
    assert message.startswith(
        'Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused ('
    )
    assert "sampan image bootstrap busybox" in message


async def test_a_push_says_where_to_before_it_fails(door: Door) -> None:
    status, message = await door.message("POST", "/images/nope/push")
    assert (status, message) == (
        400,
        "bad parameters and missing X-Registry-Auth: invalid X-Registry-Auth header: EOF",
    )
    answer = await door.session.post("http://d/images/nope/push?tag=1", headers={"X-Registry-Auth": "e30="})
    body = await answer.read()
    first, second = (json.loads(line) for line in body.splitlines())
    assert first == {"status": "The push refers to repository [docker.io/library/nope]"}
    assert second["error"] == "An image does not exist locally with the tag: nope"


def test_names_for_new_images_get_a_tag() -> None:
    assert images.repository("", "x") is None
    assert str(images.repository("a", "")) == "docker.io/library/a:latest"
    assert str(images.repository("a:b", "c")) == "docker.io/library/a:c"
    with pytest.raises(Invalid, match="cannot import digest reference"):
        images.repository("a@sha256:" + "0" * 64, "")
