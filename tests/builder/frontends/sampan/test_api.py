"""Our own API: its request, the lines of its answer, and the client behind it."""

import asyncio
import base64
import os
from pathlib import Path
from typing import Any

import pytest

from sampan.builder.build import BuildResult
from sampan.builder.errors import DockerfileError, Place, StepFailed
from sampan.builder.frontends.sampan import messages
from sampan.builder.frontends.sampan.options import Place as Directory
from sampan.builder.frontends.sampan.options import asked
from sampan.builder.frontends.sampan.requester import SampanRequester, check_place
from sampan.builder.frontends.sampan.uploads import Uploads
from sampan.builder.options import Output
from sampan.builder.plan.graph import Lines
from sampan.builder.progress import Explanation, Log, Status, Vertex, Warning
from sampan.errors import Conflict, Failed, Invalid, NotFound
from sampan.paths import Paths
from tests.support.contexts import context

PLACE = {"Path": "/c", "Device": 1, "Inode": 2}


def test_directories_are_local_places() -> None:
    found = asked({"Directories": {"context": PLACE, "dockerfile": PLACE}, "Dockerfile": {"Name": "D"}})
    assert found.options.context == "local:context"
    assert found.options.dockerfile_source == "local:dockerfile"
    assert found.options.dockerfile == "D"
    assert found.places["context"] == Directory(path="/c", device=1, inode=2)


def test_an_upload_is_context_and_dockerfile() -> None:
    found = asked({"Context": {"Upload": "x"}})
    assert found.options.context == found.options.dockerfile_source == "upload:context"
    assert found.upload == "x"


def test_a_url_is_context_and_dockerfile() -> None:
    found = asked({"Context": {"URL": "https://x/y.git#main"}})
    assert found.options.context == found.options.dockerfile_source == "https://x/y.git#main"


def test_named_contexts() -> None:
    found = asked(
        {
            "Dockerfile": {"Text": "FROM x"},
            "Directories": {"context-a": PLACE, "context-b": PLACE},
            "Contexts": {"a": {}, "b": {"Layout": ":v1"}, "c": {"URL": "docker-image://x"}},
        }
    )
    assert found.options.contexts == {
        "a": "local:context-a",
        "b": "oci-layout:context-b:v1",
        "c": "docker-image://x",
    }


def test_a_docker_archive_without_destination_is_an_image() -> None:
    outputs = [{"Type": "docker"}, {"Type": "docker", "Attrs": {"dest": "-"}}]
    found = asked({"Dockerfile": {"Text": "FROM x"}, "Outputs": outputs})
    assert found.options.outputs == (Output(type="image"), Output(type="docker", attrs={"dest": "-"}))


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "needs a context"),
    ({"Directories": ["x"]}, "Directories: not an object"),
    ({"Directories": {"context": {"Path": "x", "Device": 1, "Inode": 1}}}, "Path (absolute)"),
    ({"Directories": {"context": {"Path": "/x", "Device": True, "Inode": 1}}}, "Path (absolute)"),
    ({"Context": {"URL": "local:context"}}, "not a URL"),
    ({"Context": {"URL": "u"}, "Tags": "x"}, "Tags: not a list of strings"),
    ({"Context": {"URL": "u"}, "BuildArgs": {"a": 1}}, "BuildArgs: not all values are strings"),
    ({"Context": {"URL": "u"}, "NoCache": "yes"}, "NoCache: neither true nor false"),
    ({"Context": {"URL": "u"}, "Contexts": {"a": {}}}, "neither a URL nor among"),
    ({"Context": {"URL": "u"}, "Call": "x"}, "is none of"),
]


@pytest.mark.parametrize(("body", "says"), BAD, ids=[row[1] for row in BAD])
def test_bad_requests(body: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as failure:
        asked(body)
    assert says in failure.value.message


# Lines


def test_events_are_one_line_in_buildkits_shape() -> None:
    second = 1_000_000_000
    line = messages.batch(
        [
            Vertex(digest="v", name="n", inputs=("u",), started=second, completed=second + 500, cached=True),
            Status(id="s", vertex="v", name="s", current=1, total=2, timestamp=second),
            Log(vertex="v", stream=2, data=b"\xff", timestamp=second),
            Warning(vertex="v", short="w", filename="D", source=b"x", ranges=((1, 2),)),
            Explanation(vertex="v", cached=False, reason="r"),
        ]
    )
    assert line == {
        "vertexes": [
            {
                "digest": "v",
                "inputs": ["u"],
                "name": "n",
                "started": "1970-01-01T00:00:01Z",
                "completed": "1970-01-01T00:00:01.0000005Z",
                "cached": True,
            }
        ],
        "statuses": [
            {
                "id": "s",
                "vertex": "v",
                "name": "s",
                "current": 1,
                "total": 2,
                "timestamp": "1970-01-01T00:00:01Z",
            }
        ],
        "logs": [{"vertex": "v", "stream": 2, "data": "/w==", "timestamp": "1970-01-01T00:00:01Z"}],
        "warnings": [
            {
                "vertex": "v",
                "level": 1,
                "short": "dw==",
                "sourceInfo": {"filename": "D", "data": "eA=="},
                "range": [{"start": {"line": 1}, "end": {"line": 2}}],
            }
        ],
        "explanations": [{"vertex": "v", "cached": False, "reason": "r"}],
    }


def test_ends_of_builds() -> None:
    place = Place(filename="D", text="FROM x\nRUN y\n", lines=Lines(first=2, last=2))
    failed = StepFailed("m", place=place, snapshot="s", exit_code=3, vertex="v")
    line = messages.failure(failed)["error"]
    assert line["message"] == "m" and line["snapshot"] == "s" and line["exitCode"] == 3
    assert line["excerpt"].splitlines()[0] == "D:2"
    assert messages.failure(DockerfileError("x", hint="h"))["error"] == {"message": "x", "hint": "h"}
    assert messages.result(BuildResult(image_id="i", exporter={"a": "b"})) == {
        "result": {"image": "i", "exporter": {"a": "b"}}
    }


# The client


def here(path: Path) -> Directory:
    found = os.stat(path)
    return Directory(path=str(path), device=found.st_dev, inode=found.st_ino)


def test_a_directory_must_be_the_clients_own(tmp_path: Path) -> None:
    check_place(here(tmp_path), local=True)
    with pytest.raises(Conflict):
        check_place(here(tmp_path), local=False)
    with pytest.raises(Conflict):
        check_place(Directory(path=str(tmp_path), device=1, inode=1), local=True)
    with pytest.raises(Conflict):
        check_place(Directory(path="/no/such", device=1, inode=1), local=True)
    (tmp_path / "file").touch()
    with pytest.raises(Conflict):
        check_place(here(tmp_path / "file"), local=True)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "data", tmp_path / "exec")
    found.tmp.mkdir(parents=True)
    return found


async def once(data: bytes) -> Any:
    yield data


async def test_an_upload_is_taken_once_and_removed(paths: Paths) -> None:
    uploads = Uploads(paths)
    sent = await uploads.receive(once(context({"a/b": "x", "Dockerfile": "FROM y"})), raw=False)
    wanted = asked({"Directories": {"context": {"Upload": sent.id}}})
    requester = SampanRequester(wanted, uploads, paths.tmp, local=False)
    async with requester.directory("context") as found:
        assert (found.path / "a/b").read_text() == "x"
        assert not found.in_place
    with pytest.raises(NotFound):
        uploads.take(sent.id)
    await requester.close()
    assert list(paths.tmp.iterdir()) == []


async def test_a_broken_upload_leaves_nothing(paths: Paths) -> None:
    uploads = Uploads(paths)
    with pytest.raises(Failed):
        await uploads.receive(once(context({"a": "x" * 5000})[:2000]), raw=False)
    with pytest.raises(Invalid):
        await uploads.receive(once(b"FROM x\n"), raw=False)
    assert list(paths.tmp.iterdir()) == []


async def test_the_text_of_a_dockerfile_is_a_directory_for_a_while(paths: Paths) -> None:
    requester = SampanRequester(
        asked({"Dockerfile": {"Text": "FROM x"}}), Uploads(paths), paths.tmp, local=True
    )
    async with requester.directory("dockerfile") as found:
        assert (found.path / "Dockerfile").read_text() == "FROM x"
    async with requester.directory("context") as found:
        assert list(found.path.iterdir()) == []
    assert list(paths.tmp.iterdir()) == []


async def test_questions_go_out_and_answers_come_in(paths: Paths) -> None:
    body = {"Dockerfile": {"Text": "FROM x"}, "Secrets": {"s": base64.b64encode(b"v").decode()}}
    requester = SampanRequester(asked(body), Uploads(paths), paths.tmp, local=True)
    assert await requester.secret("s") == b"v"
    with pytest.raises(NotFound):
        await requester.secret("t")
    with pytest.raises(NotFound):
        await requester.ssh("default")
    waiting = asyncio.ensure_future(requester.credentials("registry.example"))
    line = await requester.lines.get()
    assert line["ask"]["credentials"] == "registry.example"
    requester.answer(line["ask"]["id"], {"Credentials": {"username": "u", "password": "p"}})
    found = await waiting
    assert found is not None and (found.username, found.password) == ("u", "p")
    with pytest.raises(NotFound):
        requester.answer(line["ask"]["id"], {})


async def test_a_result_is_fetched_by_the_client(paths: Paths, tmp_path: Path) -> None:
    requester = SampanRequester(
        asked({"Dockerfile": {"Text": "FROM x"}}), Uploads(paths), paths.tmp, local=True
    )
    sending = asyncio.ensure_future(requester.send_file(0, once(b"data"), {}))
    assert (await requester.lines.get())["output"] == {"index": 0, "type": "file"}
    assert [piece async for piece in requester.outputs[0].stream()] == [b"data"]
    await sending
    assert requester.outputs == {}


async def test_a_client_that_gives_up_reading_fails_the_build(paths: Paths) -> None:
    requester = SampanRequester(
        asked({"Dockerfile": {"Text": "FROM x"}}), Uploads(paths), paths.tmp, local=True
    )

    async def endless() -> Any:
        while True:
            yield b"x"

    sending = asyncio.ensure_future(requester.send_file(0, endless(), {}))
    await requester.lines.get()
    stream = requester.outputs[0].stream()
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    with pytest.raises(Failed):
        await sending
