"""`--cache-from` of the classic builder, docker-py's `cache_from`: images as caches, by their history."""

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.contexts import context
from tests.support.engine import Sampand
from tests.support.plugin import IMAGE, remove_labelled
from tests.support.registries import serving

DOCKERFILE = f"""\
FROM {IMAGE}
ENV A=1
WORKDIR /w
RUN cat /proc/sys/kernel/random/uuid > /id
COPY a b/
ARG B=2
RUN echo $B > /last
CMD ["cat", "/id"]
"""
FILES = {"Dockerfile": DOCKERFILE, "a": "text"}


@pytest.fixture
def builder(own: Sampand, image: str, docker: Client, unique: str) -> Iterator[Sampand]:
    """The cache is empty before and afterwards."""
    own.api.post("/build/prune", all=1)
    yield own
    forget(own, unique)


def forget(own: Sampand, unique: str) -> None:
    remove_labelled(own.api, unique)
    own.api.post("/images/prune")
    own.api.post("/build/prune", all=1)


def build(own: Sampand, files: dict[str, str], **query: Any) -> str:
    """What the classic builder's clients are told."""
    answer = own.api.post("/build", context(files), **query)
    assert answer.status == 200, answer.body
    assert not [line for line in answer.lines if "error" in line], answer.body
    return "".join(line.get("stream", "") for line in answer.lines)


def cached(told: str) -> list[str]:
    """The instructions that were."""
    found = []
    for line in told.splitlines():
        if line.startswith("Step "):
            step = line.partition(" : ")[2]
        elif line == " ---> Using cache":
            found.append(step)
    return found


ALL = DOCKERFILE.splitlines()[1:]


def test_an_image_without_a_cache_of_ours_is_used_by_its_history(
    builder: Sampand, docker: Client, unique: str
) -> None:
    build(builder, FILES, t=unique)
    first = docker.ok("run", "--rm", unique)
    builder.api.post("/build/prune", all=1)
    told = build(builder, FILES, t=f"{unique}:2", cachefrom=["nowhere.invalid/x", unique])
    assert cached(told) == ALL
    assert docker.ok("run", "--rm", f"{unique}:2") == first


CHANGES = [
    ("ENV A=1", "ENV A=2", False),
    ("FROM sampan-test", "FROM scratch\nCOPY --from=sampan-test / /", False),
    ("RUN cat", "RUN true; cat", False),
    ("WORKDIR /w", "WORKDIR /v", False),
    ("B=2", "B=3", True),
    ("COPY a b/", "COPY a c/", True),
]


@pytest.mark.parametrize(("old", "new", "same"), CHANGES, ids=[row[1] for row in CHANGES])
def test_a_history_of_something_else_is_not_used(
    builder: Sampand, docker: Client, unique: str, old: str, new: str, same: bool
) -> None:
    build(builder, FILES, t=unique)
    first = docker.ok("run", "--rm", unique)
    builder.api.post("/build/prune", all=1)
    files = {**FILES, "Dockerfile": DOCKERFILE.replace(old, new)}
    told = build(builder, files, t=f"{unique}:2", cachefrom=[unique])
    assert "RUN echo $B > /last" not in cached(told)
    assert (docker.ok("run", "--rm", f"{unique}:2") == first) is same


def test_files_that_changed_are_copied_anew(builder: Sampand, docker: Client, unique: str) -> None:
    build(builder, FILES, t=unique)
    builder.api.post("/build/prune", all=1)
    told = build(builder, {**FILES, "a": "other"}, t=f"{unique}:2", cachefrom=[unique])
    assert not {"COPY a b/", "RUN echo $B > /last"} & set(cached(told))
    assert docker.ok("run", "--rm", f"{unique}:2", "cat", "b/a") == "other"


def test_the_classic_client_asks_so(builder: Sampand, docker: Client, unique: str, tmp_path: Path) -> None:
    build(builder, FILES, t=unique)
    builder.api.post("/build/prune", all=1)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    env = {"DOCKER_BUILDKIT": "0"}
    result = docker("build", "-t", f"{unique}:2", "--cache-from", unique, str(tmp_path), env=env)
    assert result.code == 0, str(result)
    assert "RUN cat /proc/sys/kernel/random/uuid > /id" in cached(result.out)


def test_a_build_that_is_all_cached_says_so_of_every_step(builder: Sampand, unique: str) -> None:
    build(builder, FILES, t=unique)
    assert cached(build(builder, FILES, t=unique, cachefrom=[unique])) == ALL
    config = {"Dockerfile": f"FROM {IMAGE}\nENV X={unique}\n"}
    assert cached(build(builder, config, t=unique)) == []
    assert cached(build(builder, config, t=unique)) == [f"ENV X={unique}"]
    assert cached(build(builder, config, t=unique, nocache=1)) == []


# An image as dockerd's classic builder makes it


def layer(path: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(1, path.count("/") + 1):
            parent = tarfile.TarInfo("/".join(path.split("/")[:number]))
            parent.type, parent.mode, parent.mtime = tarfile.DIRTYPE, 0o755, 1_600_000_000
            archive.addfile(parent)
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode, entry.mtime = len(data), 0o644, 1_600_000_001
        archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def classic_image(own: Sampand, name: str) -> bytes:
    """What `docker save` writes; times are those of the clock then."""
    with tarfile.open(fileobj=io.BytesIO(own.api.get(f"/images/{IMAGE}/get").body)) as saved:
        base = {name: file.read() for name in saved.getnames() if (file := saved.extractfile(name))}
    [manifest] = json.loads(base["manifest.json"])
    config = json.loads(base[manifest["Config"]])
    layers = [base[path] for path in manifest["Layers"]]
    steps: list[tuple[str, bytes | None]] = [
        ("/bin/sh -c #(nop)  ENV A=1", None),
        ("/bin/sh -c #(nop) WORKDIR /w", workdir()),
        ("/bin/sh -c cat /proc/sys/kernel/random/uuid > /id", layer("id", b"from dockerd\n")),
        (f"/bin/sh -c #(nop) COPY file:{'ab' * 32} in b/ ", layer("w/b/a", b"text")),
        ("/bin/sh -c #(nop)  ARG B=2", None),
        ("|1 B=2 /bin/sh -c echo $B > /last", layer("last", b"2 of dockerd\n")),
        ('/bin/sh -c #(nop)  CMD ["cat" "/id"]', None),
    ]
    for created_by, data in steps:
        entry: dict[str, Any] = {"created": "2024-01-02T03:04:05.678901234Z", "created_by": created_by}
        if data is None:
            entry["empty_layer"] = True
        else:
            layers.append(data)
            config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(data).hexdigest()}")
        config["history"].append(entry)
    files = {f"{number}/layer.tar": data for number, data in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": [f"{name}:latest"], "Layers": list(files)}]
    files |= {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in files.items():
            entry_ = tarfile.TarInfo(path)
            entry_.size = len(data)
            archive.addfile(entry_, io.BytesIO(data))
    return buffer.getvalue()


def workdir() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("w")
        entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, 1_600_000_000
        archive.addfile(entry)
    return buffer.getvalue()


def test_an_image_that_dockerd_built_is_used(builder: Sampand, docker: Client, unique: str) -> None:
    docker.ok("load", stdin=classic_image(builder, unique))
    told = build(builder, FILES, t=f"{unique}:2", cachefrom=[unique])
    assert cached(told) == ALL
    assert docker.ok("run", "--rm", f"{unique}:2", "cat", "/id", "/last") == "from dockerd\n2 of dockerd"
    builder.api.post("/build/prune", all=1)
    docker.ok("rmi", f"{unique}:2")
    told = build(builder, {**FILES, "a": "other"}, t=f"{unique}:2", cachefrom=[unique])
    assert not {"COPY a b/", "RUN echo $B > /last"} & set(cached(told))
    assert docker.ok("run", "--rm", f"{unique}:2", "cat", "/id", "b/a") == "from dockerd\nother"


# Where it is looked for


def test_a_registry_is_asked_for_what_is_not_here(
    builder: Sampand, docker: Client, unique: str, tmp_path: Path
) -> None:
    with serving("sampan", tmp_path / "registry") as registry:
        name = registry.image(f"{unique}:1")
        build(builder, FILES, t=name)
        first = docker.ok("run", "--rm", name)
        docker.ok("push", name)
        docker.ok("rmi", name)
        builder.api.post("/build/prune", all=1)
        told = build(builder, FILES, t=unique, cachefrom=[name])
        assert "RUN cat /proc/sys/kernel/random/uuid > /id" in cached(told)
        assert docker.ok("run", "--rm", unique) == first


def test_what_is_here_is_not_asked_for_anywhere(builder: Sampand, docker: Client, unique: str) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(500)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        name = f"127.0.0.1:{server.server_port}/{unique}"
        build(builder, FILES, t=name)
        builder.api.post("/build/prune", all=1)
        assert "COPY a b/" in cached(build(builder, FILES, t=unique, cachefrom=[name]))
        assert asked == []
        docker.ok("rmi", name)
        build(builder, FILES, t=unique, cachefrom=[name])  # nor does it fail for it
        assert asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
