"""What is buildx's own: its progress, bake, compose, caches, outputs, history, by the real plugins.

Builds themselves: test_build.py, test_golden_builds.py.
"""

import json
import os
import re
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.conftest import Start
from tests.support.client import Client, Result
from tests.support.engine import Engine, Sampand
from tests.support.leftovers import processes
from tests.support.plugin import IMAGE
from tests.support.poll import until

PLAIN = ("buildx", "build", "--progress=plain")


def plugin(docker: Client, name: str) -> None:
    if docker(name, "version").code != 0:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no {name} plugin here (make packages)")
        pytest.skip(f"no {name} plugin here (make packages)")


@pytest.fixture
def docker(docker_client: Client, engine: Engine, image: str) -> Client:
    plugin(docker_client, "buildx")
    return docker_client


@pytest.fixture
def compose(docker: Client) -> Client:
    plugin(docker, "compose")
    return docker


@pytest.fixture
def own_engine(engine: Engine) -> Sampand:
    """Docker's own driver keeps these to builders in containers."""
    if not isinstance(engine, Sampand):
        pytest.skip("only our engine does this for buildx' docker driver")
    return engine


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("first\n")
    write(tmp_path, "FROM BASE\nCOPY a /a\nRUN cat /a; echo to-stderr >&2\n")
    return tmp_path


def write(directory: Path, dockerfile: str, name: str = "Dockerfile") -> None:
    (directory / name).write_text(dockerfile.replace("BASE", IMAGE))


@pytest.fixture
def tag(docker: Client, unique: str) -> Iterator[str]:
    yield unique
    docker("rmi", "-f", unique)


def steps(result: Result) -> list[str]:
    """The names of what was done, in plain progress."""
    found = re.findall(r"^#\d+ (\[.*|exporting to .*)$", result.err, re.M)
    return list(dict.fromkeys(found))


def cached(result: Result) -> set[str]:
    """Instructions that came from the cache."""
    names = dict(re.findall(r"^#(\d+) \[[^]]*\] (.*)$", result.err, re.M))
    return {names[number] for number in re.findall(r"^#(\d+) CACHED$", result.err, re.M) if number in names}


# Progress


def test_plain_progress_names_every_step(docker: Client, directory: Path, tag: str) -> None:
    result = docker(*PLAIN, "--no-cache", "-t", tag, str(directory))
    assert result.code == 0, str(result)
    assert sorted(steps(result)) == sorted(
        [
            "[internal] load build definition from Dockerfile",
            f"[internal] load metadata for docker.io/library/{IMAGE}:latest",
            "[internal] load .dockerignore",
            "[internal] load build context",
            f"[1/3] FROM docker.io/library/{IMAGE}:latest",
            "[2/3] COPY a /a",
            "[3/3] RUN cat /a; echo to-stderr >&2",
            "exporting to image",
        ]
    )
    assert re.search(r"^#\d+ \d+\.\d+ first$", result.err, re.M)
    assert re.search(r"^#\d+ \d+\.\d+ to-stderr$", result.err, re.M)
    assert f"naming to docker.io/library/{tag} done" in result.err
    assert docker.ok("run", "--rm", tag, "cat", "/a") == "first"


def test_a_failed_step_shows_its_output_and_its_lines(
    docker: Client, directory: Path, engine: Engine
) -> None:
    write(directory, "FROM BASE\nRUN echo before\n\nRUN echo boo; exit 3\nRUN echo after\n")
    result = docker(*PLAIN, "--no-cache", str(directory))
    assert result.code == 1
    message = 'process "/bin/sh -c echo boo; exit 3" did not complete successfully: exit code: 3'
    assert result.err.rstrip().splitlines()[-1].endswith(f"failed to solve: {message}"), str(result)
    assert "Dockerfile:4\n--------------------\n" in result.err
    assert "   4 | >>> RUN echo boo; exit 3" in result.err
    assert "echo after" not in " ".join(steps(result))
    if engine.kind == "sampan":
        (snapshot,) = set(re.findall(r"sampan build shell (\w+)", result.err))
        assert any(row["ID"] == snapshot for row in usage(docker))


def usage(docker: Client) -> list[dict[str, str]]:
    blocks = docker.ok("buildx", "du", "--verbose").split("\n\n")
    found = [dict(re.findall(r"^([A-Z][\w ]*):\s+(.*)$", block, re.M)) for block in blocks]
    return [block for block in found if "ID" in block]


FAILING = [
    # Dockerfile, the last line of what is said, whether lines are shown
    ("FROM BASE\nRUNN x\n", "dockerfile parse error on line 2: unknown instruction: RUNN", True),
    ("FROM BASE\nCOPY nothere /x\n", '"/nothere": not found', True),
    (
        "FROM BASE AS a\nCOPY --from=b /x /y\nFROM BASE AS b\nCOPY --from=a /x /y\n",
        "circular dependency",
        True,
    ),
    ("FROM BASE\nRUN --mount=type=secret,id=s,required=true true\n", "secret s: not found", True),
    ("FROM BASE\nRUN sh -c 'kill -9 $$'; exit $?\n", "exit code: 137", True),
]


@pytest.mark.parametrize(("dockerfile", "words", "lines"), FAILING, ids=[row[1] for row in FAILING])
def test_failures_read_as_buildkits(
    docker: Client, directory: Path, dockerfile: str, words: str, lines: bool
) -> None:
    write(directory, dockerfile)
    result = docker(*PLAIN, "--no-cache", str(directory))
    assert result.code == 1
    last = result.err.rstrip().splitlines()[-1]
    assert "failed to solve: " in last and words in last, str(result)
    assert (">>>" in result.err) == lines, str(result)


def test_a_target_or_a_file_that_is_not_there(docker: Client, directory: Path) -> None:
    docker.fails(
        *PLAIN, "--target", "nobody", str(directory), says='target stage "nobody" could not be found'
    )
    docker.fails(
        *PLAIN,
        "-f",
        str(directory / "Other"),
        str(directory),
        says="failed to read dockerfile: open Other: no such file",
    )


def test_quiet_prints_the_image_and_files_are_written(docker: Client, directory: Path, tag: str) -> None:
    id = docker.ok("buildx", "build", "-q", "-t", tag, str(directory))
    assert id == docker.inspect(tag, "image")["Id"]
    iid, metadata = directory / "iid", directory / "metadata"
    docker.ok(*PLAIN, "--iidfile", str(iid), "--metadata-file", str(metadata), "-t", tag, str(directory))
    assert iid.read_text() == id
    found = json.loads(metadata.read_text())
    assert found["containerimage.config.digest"] == id
    assert found["image.name"] == f"docker.io/library/{tag}"


def test_steps_come_from_the_cache(docker: Client, directory: Path) -> None:
    docker.ok(*PLAIN, str(directory))
    assert cached(docker(*PLAIN, str(directory))) >= {"COPY a /a", "RUN cat /a; echo to-stderr >&2"}
    (directory / "a").write_text("second\n")
    assert not cached(docker(*PLAIN, str(directory))) & {"COPY a /a", "RUN cat /a; echo to-stderr >&2"}


def test_interrupting_stops_the_step(docker: Client, engine: Engine, directory: Path, unique: str) -> None:
    write(directory, f"FROM BASE\nRUN echo begun; sleep 3600 # {unique}\n")
    with docker.background(*PLAIN, "--no-cache", str(directory)) as build:
        assert build.stderr is not None
        for line in build.stderr:
            if line.endswith(b"begun\n") and b"RUN" not in line:
                break
        build.send_signal(signal.SIGINT)
        until(lambda: not sleeping(unique), "the step is gone", seconds=5)
        _, err = build.communicate(timeout=10)
    assert build.returncode == 1
    assert b"context canceled" in err
    if isinstance(engine, Sampand):
        assert not [line for line in processes(engine.token) if "build" in line and "sleep" in line]


def sleeping(mark: str) -> bool:
    done = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return any(mark in line and "sleep" in line and "docker" not in line for line in done.stdout.splitlines())


# What a session is asked


def test_secrets_and_named_contexts(docker: Client, directory: Path) -> None:
    (directory / "other").mkdir()
    (directory / "other" / "f").write_text("from other\n")
    (directory / "token").write_text("t0ken")
    write(
        directory,
        "FROM base\n"
        "RUN --mount=type=secret,id=t test $(cat /run/secrets/t) = t0ken\n"
        "COPY --from=other f /f\n"
        "RUN cat /f; test ! -e /run/secrets/t\n",
    )
    result = docker(
        *PLAIN,
        "--no-cache",
        "--secret",
        f"id=t,src={directory / 'token'}",
        "--build-context",
        f"other={directory / 'other'}",
        "--build-context",
        f"base=docker-image://{IMAGE}",
        str(directory),
    )
    assert result.code == 0, str(result)
    assert "from other" in result.err


def test_a_context_on_stdin(docker: Client, directory: Path) -> None:
    archive = subprocess.run(
        ["tar", "-C", str(directory), "-cz", "."], capture_output=True, check=True
    ).stdout
    result = docker(*PLAIN, "--no-cache", "-", stdin=archive)
    assert result.code == 0, str(result)
    assert "[2/3] COPY a /a" in steps(result)
    alone = docker(*PLAIN, "--no-cache", "-", stdin=f"FROM {IMAGE}\nRUN echo alone\n".encode())
    assert alone.code == 0, str(alone)
    docker.fails(*PLAIN, "-", stdin=f"FROM {IMAGE}\nCOPY a /a\n".encode(), says='"/a": not found')


# Outputs


def test_files_are_written_to_the_clients_disk(docker: Client, directory: Path) -> None:
    write(directory, "FROM scratch\nCOPY a /dir/a\n")
    docker.ok(*PLAIN, "-o", str(directory / "out"), str(directory))
    assert (directory / "out" / "dir" / "a").read_text() == "first\n"
    docker.ok(*PLAIN, "-o", f"type=tar,dest={directory / 'out.tar'}", str(directory))
    with tarfile.open(directory / "out.tar") as archive:
        assert archive.getnames() == ["dir", "dir/a"]


def test_archives_are_written(own_engine: Sampand, docker: Client, directory: Path, tag: str) -> None:
    docker.ok(*PLAIN, "-o", f"type=oci,dest={directory / 'oci.tar'}", str(directory))
    with tarfile.open(directory / "oci.tar") as archive:
        assert "oci-layout" in archive.getnames()
    docker.ok(
        *PLAIN,
        "-t",
        tag,
        "-o",
        f"type=docker,dest={directory / 'docker.tar'}",
        "-o",
        f"type=local,dest={directory / 'files'}",
        str(directory),
    )
    assert (directory / "files" / "a").read_text() == "first\n"
    assert f"Loaded image: {tag}" in docker.ok("load", "-i", str(directory / "docker.tar"))


def test_a_layout_is_written_and_is_a_base(own_engine: Sampand, docker: Client, directory: Path) -> None:
    layout = directory / "layout"
    docker.ok(*PLAIN, "-o", f"type=oci,dest={layout},tar=false", str(directory))
    (manifest,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert (layout / "blobs" / "sha256" / manifest["digest"].removeprefix("sha256:")).exists()
    write(directory, "FROM base\nRUN cat /a\n")
    docker.ok(*PLAIN, "--no-cache", "--build-context", f"base=oci-layout://{layout}", str(directory))


def test_an_oci_layout_is_a_base(own_engine: Sampand, docker: Client, directory: Path) -> None:
    docker.ok(*PLAIN, "-o", f"type=oci,dest={directory / 'oci.tar'}", str(directory))
    layout = directory / "layout"
    with tarfile.open(directory / "oci.tar") as archive:
        archive.extractall(layout, filter="data")
    write(directory, "FROM base\nRUN cat /a\nCOPY --from=base /a /b\n")
    result = docker(*PLAIN, "--no-cache", "--build-context", f"base=oci-layout://{layout}", str(directory))
    assert result.code == 0, str(result)
    assert re.search(r"^#\d+ \d+\.\d+ first$", result.err, re.M)


# Caches elsewhere


def test_a_cache_goes_to_another_engine(
    own_engine: Sampand, docker: Client, directory: Path, start: Start
) -> None:
    write(directory, "FROM scratch AS kept\nCOPY a /a\nFROM scratch\nCOPY --from=kept /a /b\n")
    cache = directory.parent / f"{directory.name}-cache"
    docker.ok(*PLAIN, "--cache-to", f"type=local,dest={cache},mode=max", str(directory))
    assert (cache / "index.json").exists()
    other = start()
    elsewhere = Client(docker.program, other.host, docker.label, docker.env["DOCKER_CONFIG"])
    result = elsewhere(*PLAIN, "--cache-from", f"type=local,src={cache}", str(directory))
    assert result.code == 0, str(result)
    assert cached(result) >= {"COPY --from=kept /a /b"}, str(result)


# Bake and compose

BAKE = """
group "default" {
  targets = ["one", "two"]
}
target "one" {
  dockerfile-inline = "FROM BASE\\nENV FROM_ONE=1\\nRUN echo one > /one"
  tags = ["TAG:one"]
}
target "two" {
  dockerfile-inline = "FROM base\\nCOPY --from=base /one /two\\nRUN cat /one /two && test $FROM_ONE = 1"
  tags = ["TAG:two"]
  contexts = { base = "target:one" }
}
"""


def test_bake_builds_targets_on_each_other(docker: Client, directory: Path, unique: str) -> None:
    file, metadata = directory / "docker-bake.hcl", directory / "metadata"
    file.write_text(BAKE.replace("BASE", IMAGE).replace("TAG", unique))
    try:
        docker.ok("buildx", "bake", "--no-cache", "-f", str(file), "--metadata-file", str(metadata))
        assert docker.ok("run", "--rm", f"{unique}:two", "cat", "/two") == "one"
        two = docker.inspect(f"{unique}:two", "image")
        assert "FROM_ONE=1" in two["Config"]["Env"]
        assert json.loads(metadata.read_text())["two"]["containerimage.config.digest"] == two["Id"]
        # A result reads like an image that was pulled: with its history.
        history = docker.ok("history", "--no-trunc", "--format", "{{.CreatedBy}}", f"{unique}:two")
        assert [line for line in history.splitlines() if "echo one" in line]
    finally:
        docker("rmi", "-f", f"{unique}:one", f"{unique}:two")


COMPOSE = """
services:
  web:
    build: .
    image: TAG:web
    command: [cat, /a]
  worker:
    build:
      context: .
      target: early
      args: {ARGUMENT: given}
    image: TAG:worker
"""


def test_compose_builds_its_services(compose: Client, directory: Path, unique: str) -> None:
    write(
        directory, "FROM BASE AS early\nARG ARGUMENT\nRUN echo $ARGUMENT > /argument\nFROM early\nCOPY a /a\n"
    )
    (directory / "compose.yaml").write_text(COMPOSE.replace("TAG", unique))
    command = ("compose", "-p", unique, "--project-directory", str(directory))
    try:
        compose.ok(*command, "--progress", "plain", "build")
        assert compose.ok("run", "--rm", f"{unique}:worker", "cat", "/argument") == "given"
        assert "first" in compose.ok(*command, "up", "--build", "--no-log-prefix")
        write(directory, "FROM BASE AS early\nRUN exit 7\n")
        result = compose(*command, "--progress", "plain", "build")
        assert result.code != 0 and "exit code: 7" in result.err, str(result)
    finally:
        compose(*command, "down", "-v")
        compose("rmi", "-f", f"{unique}:web", f"{unique}:worker")


# The builder


def test_the_builder_is_shown(docker: Client, own_engine: Sampand) -> None:
    inspected = docker.ok("buildx", "inspect")
    assert re.search(r"^Status:\s+running$", inspected, re.M)
    assert "linux/" in inspected
    assert "org.mobyproject.buildkit.worker.moby.host-gateway-ip" in inspected
    assert "default" in docker.ok("buildx", "ls")


def test_the_cache_is_listed_and_pruned(docker: Client, own_engine: Sampand, directory: Path) -> None:
    docker.ok(*PLAIN, "--no-cache", str(directory))
    rows = usage(docker)
    assert any("COPY a /a" in row["Description"] or "copy" in row["Description"] for row in rows), rows
    assert {row["Type"] for row in rows} >= {"regular", "source.local"}
    assert "Total:" in docker.ok("buildx", "prune", "-f", "--filter", "type=source.local")
    assert "source.local" not in {row["Type"] for row in usage(docker)}
    docker.ok("buildx", "prune", "-af")
    assert usage(docker) == []


def test_questions_about_a_dockerfile(docker: Client, directory: Path) -> None:
    write(directory, "# what it is\nFROM BASE AS first\nARG ARGUMENT=5\nFROM first AS second\n")
    environment = {"BUILDX_EXPERIMENTAL": "1"}
    targets = docker("buildx", "build", "--print=targets", str(directory), env=environment)
    assert targets.code == 0, str(targets)
    assert "first" in targets.out and "second (default)" in targets.out
    outline = docker(
        "buildx", "build", "--print=outline", "--target", "first", str(directory), env=environment
    )
    assert re.search(r"ARGUMENT\s+5", outline.out), str(outline)


def test_what_cannot_be_is_refused(docker: Client, own_engine: Sampand, directory: Path) -> None:
    docker.fails(*PLAIN, "--provenance=true", str(directory), says="Attestations are not supported")
    docker.fails(*PLAIN, "--allow", "nonsense", str(directory), says="nonsense")
