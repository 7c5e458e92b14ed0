"""Builds by those who mean harm: files outside the context, archives, limits, terminals; and what is left of them."""

import io
import os
import re
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conformance.conftest import Start
from tests.support import leftovers
from tests.support.client import Client
from tests.support.engine import Sampand
from tests.support.plugin import IMAGE
from tests.support.poll import until

CANARY = "CANARY-OF-THE-HOST"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "file").write_text(CANARY)
    return directory


@pytest.fixture
def clean(own: Sampand, image: str) -> Iterator[None]:
    """The builds of a test leave no descriptor of a removed file, no container, no mount, no half of a file."""
    own.api.post("/images/prune")  # what other tests have left untagged goes at the end as well
    own.api.post("/build/prune", all=1)
    before = leftovers.Host.now()
    layers = leftovers.files(own.data, "layers")
    yield
    assert own.api.get("/containers/json", all=1).json == []
    own.api.post("/images/prune")
    own.api.post("/build/prune", all=1)
    assert [found for found in leftovers.Host.now().added_since(before) if str(own.data) in found] == []
    assert leftovers.files(own.data, "layers") == layers
    for directory in ("tmp", "build/steps", "build/contexts"):
        assert leftovers.files(own.data, directory) == []


def dockerfile(text: str) -> str:
    return text.replace("BASE", IMAGE)


def archive(*members: tuple[str, bytes, dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data, attributes in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in attributes.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("form", ["sampan", "buildx", "classic"])
@pytest.mark.parametrize(
    "text",
    [
        "COPY ../outside/file /x",
        "COPY absolute /x",
        "COPY relative /x",
        "COPY folder/file /x",
        "COPY folder/ /x/",
        "COPY --parents folder/./file /x/",
        "ADD absolute /x",
        "RUN --mount=type=bind,source=folder,target=/m cat /m/file",
        "RUN --mount=type=bind,source=../outside,target=/m cat /m/file",
        "RUN --mount=type=bind,target=/m cat /m/folder/file",
    ],
)
def test_no_build_reads_a_file_outside_its_context(
    clean: None,
    outside: Path,
    tmp_path: Path,
    form: str,
    text: str,
    docker_client: Client,
    sampan_client: Client,
) -> None:
    where = tmp_path / "context"
    where.mkdir()
    (where / "absolute").symlink_to(outside / "file")
    (where / "relative").symlink_to("../outside/file")
    (where / "folder").symlink_to(outside)
    (where / "Dockerfile").write_text(dockerfile(f"FROM BASE\n{text}\nRUN cat /x /x/*\n"))
    client = sampan_client if form == "sampan" else docker_client
    words = ["buildx", "build", "--progress=plain"] if form == "buildx" else ["build"]
    result = client(*words, str(where), env={"DOCKER_BUILDKIT": "0"} if form == "classic" else {})
    assert result.code == 1, str(result)
    assert CANARY not in result.out + result.err
    assert re.search("not found|No such file|can't open", result.out + result.err), str(result)


def test_a_directory_that_becomes_a_link_while_it_is_read_leads_nowhere(
    clean: None, outside: Path, tmp_path: Path, sampan_client: Client
) -> None:
    where, aside = tmp_path / "context", tmp_path / "aside"
    (where / "d").mkdir(parents=True)
    for name in [f"file{n}" for n in range(50)] + ["file"]:
        (where / "d" / name).write_text("inside")
        (outside / name).write_text(CANARY)
    (where / "Dockerfile").write_text(dockerfile("FROM BASE\nCOPY . /x\nRUN cat /x/d/*\n"))
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            os.rename(where / "d", aside)
            os.symlink(outside, where / "d")
            os.unlink(where / "d")
            os.rename(aside, where / "d")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        results = [sampan_client("build", "--no-cache", "--progress=plain", str(where)) for _ in range(15)]
    finally:
        ended.set()
        thread.join()
    for result in results:
        assert CANARY not in result.out + result.err
        assert result.code in (0, 1) and "internal error" not in result.err


LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize("added", [False, True], ids=["context", "ADD"])
@pytest.mark.parametrize(
    ("name", "kind", "target", "through"),
    [
        ("../../../../../../OUT/new", tarfile.REGTYPE, "", ""),
        ("OUT/new", tarfile.REGTYPE, "", ""),
        ("l", LINK, "OUT", "l/new"),
        ("h", HARD, "OUT/file", ""),
        ("h", HARD, "../../../../../../../../OUT/file", ""),
        ("l", LINK, "OUT/file", "l"),
    ],
)
def test_an_archive_writes_and_links_nothing_outside(
    clean: None, own: Sampand, outside: Path, added: bool, name: str, kind: bytes, target: str, through: str
) -> None:
    take = "ADD hostile.tar" if added else "COPY ."
    text = dockerfile(f"FROM BASE\n{take} /x\nRUN find /x -type f -exec cat {{}} +\n")
    attributes = {"type": kind, "linkname": target.replace("OUT", str(outside))}
    hostile: list[tuple[str, bytes, dict[str, Any]]] = [(name.replace("OUT", str(outside)), b"", attributes)]
    if through:
        hostile.append((through, b"written", {}))
    members: list[tuple[str, bytes, dict[str, Any]]] = [("Dockerfile", text.encode(), {})]
    members += [("hostile.tar", archive(*hostile), {})] if added else hostile
    answer = own.api.request("POST", "/build", archive(*members), nocache="1")
    assert answer.status in (200, 400, 500)
    assert CANARY.encode() not in answer.body and b"internal error" not in answer.body
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"file": CANARY}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"ulimits": "[1]"}, "ulimit"),
        ({"memory": str(10**30)}, "cannot unmarshal"),
        ({"cgroupparent": "a\0b"}, "do not belong there"),
        ({"extrahosts": "a\n6.6.6.6 other:1.2.3.4"}, "do not belong there"),
        ({"labels": "[1]"}, "labels"),
        ({"target": "\0"}, "target stage"),
        ({"dockerfile": "../Dockerfile"}, "outside the build context"),
    ],
)
def test_the_classic_api_refuses_what_makes_no_sense(
    clean: None, own: Sampand, query: dict[str, str], words: str
) -> None:
    body = archive(("Dockerfile", dockerfile("FROM BASE\nRUN true\n").encode(), {}))
    answer = own.api.post(f"/build?{urlencode(query)}", body)
    assert answer.status in (400, 500) and words in answer.message
    assert "internal error" not in answer.message


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"HostConfig": {"Memory": "1"}}, 400),
        ({"HostConfig": {"Ulimits": [1]}}, 400),
        ({"Directories": {"context": {"Path": "/", "Device": 1, "Inode": 1}}}, 409),
        ({"Directories": {"context": {"Path": "tmp", "Device": 1, "Inode": 1}}}, 400),
        ({"Directories": {"context": {"Upload": "../../x"}}}, 404),
        ({"Secrets": {"a": "!"}}, 400),
        ({"Outputs": [{"Type": "nothing", "Attrs": {}}]}, 400),
    ],
)
def test_our_own_api_refuses_what_makes_no_sense(
    clean: None, own: Sampand, change: dict[str, Any], status: int
) -> None:
    body = {"Dockerfile": {"Text": dockerfile("FROM BASE\nRUN true\n")}, **change}
    answer = own.api.post("/sampan/builds", body)
    assert answer.status == status, answer.body


DEEP = [
    "FROM BASE\nADD deep.tar /\nRUN test -d /a/a/a\n",
    "FROM BASE AS a\nADD deep.tar /d/\nFROM BASE\nCOPY --from=a /d /e\nRUN test -d /e/a/a\n",
]


@pytest.mark.parametrize("text", DEEP, ids=["ADD", "COPY"])
def test_directories_may_be_nested_as_deep_as_a_path_is_long(
    clean: None, own: Sampand, docker: Client, unique: str, text: str
) -> None:
    deep = archive(("a/" * 1900 + "f", b"x", {}))
    context = archive(("Dockerfile", dockerfile(text).encode(), {}), ("deep.tar", deep, {}))
    answer = own.api.post("/build", context, t=unique)
    assert "error" not in answer.lines[-1], answer.body[-500:]
    made = docker.ok("create", unique, "true")
    assert own.api.request("PUT", f"/containers/{made}/archive?path=/tmp", deep).status == 200
    assert len(own.api.get(f"/containers/{made}/changes").json) > 1900
    again = own.api.post("/commit", container=made)
    assert again.status == 201
    docker.ok("rm", made)
    docker.ok("rmi", again.json["Id"], unique)
    own.api.post("/build/prune", all=1)
    until(lambda: leftovers.files(own.data, "trash") == [], "the trash is empty")


@pytest.mark.parametrize("form", ["directory", "erofs"])
def test_deeper_ones_are_refused(start: Start, form: str) -> None:
    engine = start("--storage-opt", f"sampan.layers={form}")
    deep = archive(("a/" * 3000 + "f", b"x", {}))
    context = archive(("Dockerfile", b"FROM scratch\nADD deep.tar /\n", {}), ("deep.tar", deep, {}))
    answer = engine.api.post("/build", context)
    assert answer.lines[-1]["error"].endswith("File name too long"), answer.body[-500:]
    answer = engine.api.request("POST", "/images/create", deep, fromSrc="-")
    assert answer.message.endswith("File name too long")
    assert leftovers.files(engine.data, "layers") == leftovers.files(engine.data, "tmp") == []
    until(lambda: leftovers.files(engine.data, "trash") == [], "the trash is empty")


def test_a_program_that_stays_ends_with_its_step(clean: None, tmp_path: Path, sampan_client: Client) -> None:
    text = "FROM BASE\nRUN setsid sleep 4719 & true\nRUN ! ps | grep -v grep | grep 4719\n"
    (tmp_path / "Dockerfile").write_text(dockerfile(text))
    sampan_client.ok("build", str(tmp_path))
    assert [found for found in leftovers.processes("sleep 4719") if found.endswith("(sleep 4719)")] == []
