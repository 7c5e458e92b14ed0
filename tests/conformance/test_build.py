"""Building by every door: the classic API, buildx, docker-py and `sampan build`."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import docker as docker_py
import pytest
from docker.errors import BuildError

from tests.conformance.conftest import Start
from tests.support.api import Api
from tests.support.client import Client, Result
from tests.support.contexts import context
from tests.support.engine import Engine, Sampand
from tests.support.leftovers import processes
from tests.support.poll import until
from tests.support.registries import PASSWORD, USER, Registry, serving
from tests.support.terminal import Terminal

FORMS = ("classic", "buildx", "sampan", "docker-py")

Build = Callable[..., Result]


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


@pytest.fixture
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def build(
    form: str, engine: Engine, image: str, docker_client: Client, sampan_client: Client
) -> Iterator[Build]:
    """Build a directory under a tag, by one of the doors."""
    if form == "sampan" and engine.kind != "sampan":
        pytest.skip("sampan build speaks to its own engine")

    def run(directory: Path, tag: str, *flags: str, timeout: float = 60) -> Result:
        if form == "docker-py":
            return by_docker_py(engine, directory, tag, docker_client.env["DOCKER_CONFIG"])
        program = ["buildx", "build", "--progress=plain"] if form == "buildx" else ["build"]
        client = sampan_client if form == "sampan" else docker_client
        env = {"DOCKER_BUILDKIT": "0" if form == "classic" else "1"}
        return client(*program, "-t", tag, *flags, str(directory), env=env, timeout=timeout)

    yield run


def by_docker_py(engine: Engine, directory: Path, tag: str, config: str) -> Result:
    client = docker_py.DockerClient(base_url=engine.host, timeout=300)
    client.api.reload_config(os.path.join(config, "config.json"))
    try:
        _, log = client.images.build(path=str(directory), tag=tag, rm=True)
        return Result("images.build", 0, "".join(line.get("stream", "") for line in log).encode(), "")
    except BuildError as error:
        text = "".join(line.get("stream", "") for line in error.build_log)
        return Result("images.build", 1, text.encode(), str(error))
    finally:
        client.close()


every_form = pytest.mark.parametrize("form", FORMS, indirect=True)


# The two Dockerfiles every tutorial starts with


@every_form
def test_a_first_image_says_hello(build: Build, docker: Client, unique: str, tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": 'FROM sampan-test\nMAINTAINER me@example.org\nCMD ["echo", "hello"]\n'})
    result = build(tmp_path, unique)
    assert result.code == 0, str(result)
    assert docker.ok("run", "--rm", unique) == "hello"
    found = docker.inspect(unique, "image")
    assert found["Author"] == "me@example.org"
    assert found["Config"]["Cmd"] == ["echo", "hello"]


@pytest.fixture(scope="module")
def debian(engine: Engine, sampan_client: Client) -> Iterator[str]:
    if isinstance(engine, Sampand):
        assert "debian" in sampan_client.ok("image", "bootstrap", "debian", timeout=300)
    yield "debian"
    if isinstance(engine, Sampand):
        sampan_client.ok("rmi", "-f", "debian:latest")


NGINX = """\
FROM debian
RUN apt-get update
RUN apt-get install -y nginx
COPY index.html /var/www/html/
ENTRYPOINT ["nginx", "-g", "daemon off;"]
EXPOSE 80
"""


@every_form
def test_a_web_server_from_packages_serves_its_page(
    build: Build, docker: Client, debian: str, unique: str, tmp_path: Path
) -> None:
    write(tmp_path, {"Dockerfile": NGINX, "index.html": "<h1>It works</h1>\n"})
    result = build(tmp_path, unique, timeout=300)
    assert result.code == 0, str(result)
    container = docker.ok("run", "-d", "-p", "127.0.0.1::80", unique)
    port = docker.ok("port", container, "80").splitlines()[0].rpartition(":")[2]

    def page() -> bytes:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                return bytes(answer.read())
        except OSError:
            return b""

    assert until(page, "the page") == b"<h1>It works</h1>\n"


# Registries


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving("sampan", tmp_path_factory.mktemp("locked"), locked=True) as registry:
        yield registry


@every_form
def test_a_base_image_comes_from_a_registry_that_wants_a_password(
    build: Build,
    form: str,
    own: Sampand,
    docker: Client,
    image: str,
    locked: Registry,
    unique: str,
    tmp_path: Path,
) -> None:
    base = locked.image(f"{unique}:base")
    write(tmp_path, {"Dockerfile": f"FROM {base}\nRUN echo on top > /top\n"})
    docker.ok("tag", image, base)
    docker.ok("login", "-u", USER, "-p", PASSWORD, locked.address)
    try:
        docker.ok("push", base)
        docker.ok("rmi", base)
        result = build(tmp_path, unique)
        assert result.code == 0, str(result)
        docker.ok("rmi", "-f", base)
    finally:
        docker.ok("logout", locked.address)
    if form != "docker-py":  # which looks into the user's own configuration only once
        refused = build(tmp_path, unique, "--no-cache", "--pull")
        assert refused.code != 0, str(refused)


def test_an_image_is_pushed_as_it_is_built(
    own: Sampand, sampan_client: Client, docker: Client, locked: Registry, unique: str, tmp_path: Path
) -> None:
    name = locked.image(f"{unique}:pushed")
    write(tmp_path, {"Dockerfile": "FROM sampan-test\nLABEL pushed=yes\n"})
    docker.ok("login", "-u", USER, "-p", PASSWORD, locked.address)
    try:
        sampan_client.ok("build", "--push", "-t", name, str(tmp_path))
        docker("rmi", "-f", name)
        docker.ok("pull", name)
    finally:
        docker.ok("logout", locked.address)
    assert docker.inspect(name, "image")["Config"]["Labels"]["pushed"] == "yes"


# What fails


BROKEN = [
    ("RUN exit 3", "exit code: 3|non-zero code: 3"),
    ("RUNN true", r"unknown instruction: RUNN \(did you mean RUN\?\)"),
    ("COPY missing /", '"/missing": not found'),
    ("COPY --form=x a b", "unknown flag: form|Unknown flag: form"),
    ("COPY --from=nothere /x /", "nothere"),
]


@every_form
@pytest.mark.parametrize(
    ("line", "says"), BROKEN, ids=[line.split()[0] + str(i) for i, (line, _) in enumerate(BROKEN)]
)
def test_a_build_that_fails_says_why_and_leaves_no_image(
    build: Build, form: str, engine: Engine, line: str, says: str, unique: str, tmp_path: Path
) -> None:
    write(tmp_path, {"Dockerfile": f"FROM sampan-test\n{line}\n"})
    before = {row["Id"] for row in engine.api.get("/images/json", all=1).json}
    if form == "docker-py" and line.startswith(("RUNN", "COPY --form")):
        pytest.skip("docker-py raises for an error that is not in the stream")
    result = build(tmp_path, unique)
    assert result.code != 0, str(result)
    assert re.search(says, result.err + result.out), str(result)
    assert {row["Id"] for row in engine.api.get("/images/json", all=1).json} == before
    assert engine.api.get("/containers/json", all=1).json == []


# The classic API


DOCKERFILE = "FROM sampan-test\nENV A=1\nRUN echo out; echo err >&2\nCOPY f /\nRUN exit 0\n"


def test_the_classic_stream_tells_steps_output_and_result(api: Api, unique: str) -> None:
    answer = api.request(
        "POST", "/build", context({"Dockerfile": DOCKERFILE, "f": "x"}), t=unique, nocache=1, rm=1
    )
    assert answer.status == 200
    text = "".join(line.get("stream", "") for line in answer.lines)
    lines = text.splitlines()
    assert lines[0] == "Step 1/5 : FROM sampan-test"
    assert "Step 3/5 : RUN echo out; echo err >&2" in lines
    assert "out" in lines and "\x1b[91merr" in lines
    assert lines[-2].startswith("Successfully built ")
    assert lines[-1] == f"Successfully tagged {unique}:latest"
    found = api.get(f"/images/{unique}/json").json["Id"]
    assert {"aux": {"ID": found}} in answer.lines
    assert lines[-2].split()[-1] == found.removeprefix("sha256:")[:12]


def test_a_classic_build_again_uses_the_cache(api: Api, unique: str) -> None:
    body = context({"Dockerfile": DOCKERFILE, "f": "x"})
    api.request("POST", "/build", body, t=unique)
    again = api.request("POST", "/build", body, t=unique)
    text = "".join(line.get("stream", "") for line in again.lines)
    assert text.count("Using cache") >= 3
    assert "Running in" not in text


def test_a_quiet_classic_build_says_only_the_id(api: Api, unique: str) -> None:
    answer = api.request(
        "POST", "/build", context({"Dockerfile": "FROM sampan-test\nLABEL q=1\n"}), t=unique, q=1
    )
    assert [*answer.lines] == [{"stream": api.get(f"/images/{unique}/json").json["Id"] + "\n"}]


WRONG = [
    (
        "FROM sampan-test AS a\nCOPY --from=a /x /y\n",
        "circular dependency detected on stage: a (Dockerfile:2)",
    ),
    ("FROM sampan-test\nENV A\n", "ENV must have two arguments"),
    ("FROM sampan-test\n\nEXPOSE eighty\n", "Invalid containerPort: eighty (Dockerfile:3)"),
]


@pytest.mark.parametrize(("text", "says"), WRONG, ids=["circle", "words", "port"])
def test_the_classic_builder_names_the_line(engine: Engine, image: str, text: str, says: str) -> None:
    if engine.kind != "sampan":
        pytest.skip("Docker's does so only for what it cannot parse")
    answer = engine.api.request("POST", "/build", context({"Dockerfile": text}))
    assert says in answer.body.decode(), answer.body
    assert "Dockerfile:" in answer.body.decode() or "line 2" in answer.body.decode()


def test_a_failing_command_is_an_error_with_its_code(api: Api) -> None:
    answer = api.request("POST", "/build", context({"Dockerfile": "FROM sampan-test\nRUN exit 3\n"}))
    assert answer.status == 200
    said = "The command '/bin/sh -c exit 3' returned a non-zero code: 3"
    assert answer.lines[-1] == {"errorDetail": {"code": 3, "message": said}, "error": said}


BAD = [
    (
        {"buildargs": "x"},
        400,
        "error reading build args: invalid character 'x' looking for beginning of value",
    ),
    ({"labels": "x"}, 400, "error reading labels: invalid character 'x' looking for beginning of value"),
    ({"ulimits": "x"}, 400, "error reading ulimit settings: invalid character 'x' looking for beginning"),
    (
        {"cachefrom": "x"},
        400,
        "error reading cache-from: invalid character 'x' looking for beginning of value",
    ),
    ({"t": "UPPER"}, 500, "invalid reference format: repository name (library/UPPER) must be lowercase"),
    ({"target": "zz"}, 400, 'target stage "zz" could not be found'),
    ({"version": "3"}, 400, 'invalid version "3"'),
    ({"remote": "foo"}, 500, "remoteURL (foo) could not be recognized as URL"),
    ({"dockerfile": "../x"}, 500, "forbidden path outside the build context: ../x ()"),
    ({"dockerfile": "nope"}, 500, "Cannot locate specified Dockerfile: nope"),
    ({"isolation": "foo"}, 400, 'unsupported isolation: "foo"'),
    ({"securityopt": "x"}, 400, "security options are not supported on linux"),
    ({"platform": "a/b/c/d"}, 400, '"a/b/c/d": cannot parse platform specifier: invalid argument'),
]


@pytest.mark.parametrize(
    ("query", "status", "says"), BAD, ids=[next(iter(row[0])) + str(i) for i, row in enumerate(BAD)]
)
def test_bad_parameters_are_refused_as_docker_does(
    api: Api, query: dict[str, str], status: int, says: str
) -> None:
    body = context({"Dockerfile": "FROM sampan-test\n"})
    answer = api.request("POST", f"/build?{urlencode(query)}", body)
    assert answer.status == status
    assert answer.message.startswith(says)


BODIES = [
    (b"", "Cannot locate specified Dockerfile: Dockerfile"),
    (b"junk", "unexpected EOF"),
    (b"x" * 4096, "archive/tar: invalid tar header"),
    (context({"Dockerfile": "FROM sampan-test\n" * 100})[:700], "unexpected EOF"),
]


@pytest.mark.parametrize(("body", "says"), BODIES, ids=["empty", "short", "noise", "cut"])
def test_bad_bodies_are_refused(api: Api, body: bytes, says: str) -> None:
    answer = api.request("POST", "/build", body)
    assert answer.status == 500
    assert says in answer.message


def test_files_of_a_tar_cannot_leave_the_context(own: Sampand, api: Api, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, target in (("out", str(tmp_path)), ("up", "../../../../../..")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        for name in ("out/evil", "../evil", f"up{tmp_path}/evil", "Dockerfile"):
            text = b"FROM sampan-test\n"
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    api.request("POST", "/build", buffer.getvalue(), q=1)
    assert list(tmp_path.iterdir()) == []
    assert not (own.data / "evil").exists()


# Cancelling


SLEEPER = "FROM sampan-test\nRUN echo begun; exec sleep 76543\n"


def sleeping() -> bool:
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and b"76543" in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize("how", ["disconnect", "cancel"])
def test_a_classic_build_can_be_cancelled(own: Sampand, api: Api, unique: str, how: str) -> None:
    body = context({"Dockerfile": SLEEPER})
    head = f"POST /build?buildid={unique} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(own.host.removeprefix("unix://"))
        connection.sendall(head.encode() + body)
        until(sleeping, "the step runs")
        if how == "cancel":
            assert api.request("POST", "/build/cancel", id=unique).status == 200
        else:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        until(lambda: not sleeping(), "the step is stopped", seconds=5)


def test_interrupting_sampan_build_stops_the_step(
    own: Sampand, sampan_client: Client, image: str, tmp_path: Path
) -> None:
    write(tmp_path, {"Dockerfile": SLEEPER})
    with sampan_client.background("build", str(tmp_path)) as process:
        until(sleeping, "the step runs")
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        until(lambda: not sleeping(), "the step is stopped", seconds=5)


# sampan build


@pytest.fixture
def sampan(own: Sampand, image: str, sampan_client: Client, docker: Client) -> Client:
    return sampan_client


def test_a_dockerfile_on_stdin_is_built_without_a_context(sampan: Client, unique: str) -> None:
    id = sampan.ok("build", "-q", "-t", unique, "-", stdin=b"FROM sampan-test\nLABEL from=stdin\n")
    assert sampan.inspect(unique, "image")["Id"] == id


def test_a_tar_on_stdin_is_a_context(sampan: Client, unique: str) -> None:
    body = context({"sub/Dockerfile": "FROM sampan-test\nCOPY f /f\n", "f": "from tar"})
    sampan.ok("build", "-q", "-f", "sub/Dockerfile", "-t", unique, "-", stdin=body)
    assert sampan.ok("run", "--rm", unique, "cat", "/f") == "from tar"


def test_a_dockerfile_on_stdin_takes_a_directory_as_context(
    sampan: Client, unique: str, tmp_path: Path
) -> None:
    write(tmp_path, {"f": "here"})
    sampan.ok("build", "-q", "-t", unique, "-f", "-", str(tmp_path), stdin=b"FROM sampan-test\nCOPY f /f\n")
    assert sampan.ok("run", "--rm", unique, "cat", "/f") == "here"


def test_results_come_back_as_files_and_archives(sampan: Client, tmp_path: Path) -> None:
    write(tmp_path / "c", {"Dockerfile": "FROM scratch\nCOPY d /d\n", "d/f": "data"})
    out, tar, oci = tmp_path / "out", tmp_path / "x.tar", tmp_path / "x.oci"
    sampan.ok(
        "build",
        *("-o", str(out), "-o", f"type=tar,dest={tar}", "-o", f"type=oci,dest={oci}"),
        str(tmp_path / "c"),
    )
    assert (out / "d/f").read_text() == "data"
    with tarfile.open(tar) as archive:
        assert [entry.name for entry in archive] == ["d", "d/f"]
    with tarfile.open(oci) as archive:
        assert "index.json" in archive.getnames()


def test_secrets_are_seen_by_run_and_by_nothing_else(
    own: Sampand, sampan: Client, unique: str, tmp_path: Path
) -> None:
    secret = "hunter2-" + unique
    line = (
        "RUN --mount=type=secret,id=a --mount=type=secret,id=b,env=B "
        'test "$(cat /run/secrets/a)" = "$B" && test -n "$B"'
    )
    write(tmp_path, {"c/Dockerfile": f"FROM sampan-test\n{line}\n", "secret": secret})
    env = {"SECRET_OF_TEST": secret}
    result = sampan(
        "build",
        *("-t", unique, "--secret", f"id=a,src={tmp_path / 'secret'}", "--secret", "id=b,env=SECRET_OF_TEST"),
        str(tmp_path / "c"),
        env=env,
    )
    assert result.code == 0, str(result)
    found = subprocess.run(["grep", "-rlF", secret, str(own.data)], capture_output=True, text=True)
    assert found.stdout == ""


def test_ids_and_metadata_are_written_to_files(sampan: Client, unique: str, tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM sampan-test\nLABEL m=1\n"})
    iid, metadata = tmp_path / "iid", tmp_path / "metadata"
    sampan.ok("build", "-t", unique, "--iidfile", str(iid), "--metadata-file", str(metadata), str(tmp_path))
    id = sampan.inspect(unique, "image")["Id"]
    assert iid.read_text() == id
    found = json.loads(metadata.read_text())
    assert found["containerimage.config.digest"] == id
    assert found["image.name"] == f"docker.io/library/{unique}"


def test_a_failed_step_can_be_looked_into(sampan: Client, tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM sampan-test\nWORKDIR /w\nENV A=b\nRUN echo trace > left; exit 9\n"})
    result = sampan.fails("build", str(tmp_path), says="exit code: 9")
    words = result.err.strip().splitlines()[-1].split()
    assert words[:3] == ["sampan", "build", "shell"]
    assert sampan.ok("build", "shell", words[3], "cat", "left") == "trace"
    assert sampan.ok("build", "shell", words[3][:12], "sh", "-c", "pwd; echo $A") == "/w\nb"
    assert sampan("build", "shell", words[3], "sh", "-c", "exit 5").code == 5
    assert sampan.ok("ps", "-aq") == ""


def test_explain_names_the_file_that_changed(sampan: Client, tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM sampan-test\nCOPY d /d\nRUN true\n", "d/one": "1", "d/two": "2"})
    sampan.ok("build", str(tmp_path))
    first = sampan("build", "--explain", str(tmp_path))
    assert first.err.count("\ncached  ") == 2, str(first)
    (tmp_path / "d/two").write_text("3")
    second = sampan("build", "--explain", str(tmp_path))
    assert "d/two" in second.err and "\nbuilt   " in second.err, str(second)


def test_a_view_on_a_terminal_ends_with_every_step(own: Sampand, sampan: Client, tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM sampan-test\nRUN echo 'a\033]0;title\007b'; sleep 0.3\n"})
    env = sampan.env | {"PATH": os.environ["PATH"]}
    with Terminal(sampan.argv("build", "--no-cache", str(tmp_path)), env) as terminal:
        terminal.wait()
    assert terminal.code == 0
    assert "FINISHED" in terminal.text
    assert " => [2/2] RUN echo" in terminal.text
    assert "\x1b]0;" not in terminal.text


def test_a_daemon_elsewhere_gets_what_is_not_ignored(
    start: Start, sampan: Client, own: Sampand, tmp_path: Path
) -> None:
    """Reached by TCP: the same files, sent instead of named."""
    write(
        tmp_path,
        {
            "Dockerfile": "FROM scratch\nCOPY . /c\n",
            ".dockerignore": "big\n!big/keep\n*.log\n",
            "big/keep": "k",
            "big/drop": "d",
            "a.log": "l",
            "f": "f",
        },
    )
    port = free_port()
    other = start("-H", f"tcp://127.0.0.1:{port}")
    there = Client(sampan.program, f"tcp://127.0.0.1:{port}", sampan.label, sampan.env["DOCKER_CONFIG"])
    tars = [client("build", "-q", "-o", "-", str(tmp_path)).raw for client in (sampan, there)]
    assert tars[0] == tars[1]
    with tarfile.open(fileobj=io.BytesIO(tars[0])) as archive:
        names = set(archive.getnames())
    assert {"c/big/keep", "c/f", "c/Dockerfile"} <= names
    assert not {"c/big/drop", "c/a.log"} & names
    until(lambda: not list((other.data / "tmp").iterdir()), "uploads are gone")


def test_a_directory_that_is_another_one_for_the_daemon_is_not_read(own: Sampand, tmp_path: Path) -> None:
    place = {"Path": str(tmp_path), "Device": 1, "Inode": 1}
    answer = own.api.request("POST", "/sampan/builds", {"Directories": {"context": place}})
    assert answer.status == 409
    assert "upload it" in answer.message


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_builds_are_listed_and_their_output_can_be_had_again(
    own: Sampand, sampan: Client, unique: str
) -> None:
    sampan.ok(
        "build", "-q", "--no-cache", "-t", unique, "-", stdin=b"FROM sampan-test\nRUN echo remembered\n"
    )
    record: dict[str, Any] = own.api.get("/sampan/builds").json[0]
    assert record["State"] == "completed"

    def logs() -> bool:
        lines = own.api.get(f"/sampan/builds/{record['Ref']}/logs").lines
        return any("cmVtZW1iZXJlZAo=" in json.dumps(line) for line in lines)

    until(logs, "the build's output")
    assert record["Ref"] in sampan.ok("builder", "ls", "-q").splitlines()
    assert " remembered\n" in sampan("builder", "logs", record["Ref"][:12]).err
    assert own.api.get(f"/sampan/builds/{record['Ref']}").json["Ref"] == record["Ref"]
    assert own.api.request("DELETE", f"/sampan/builds/{record['Ref']}").status == 204
    assert own.api.get(f"/sampan/builds/{record['Ref']}").status == 404


def test_the_build_cache_is_shown_and_pruned(own: Sampand, sampan: Client) -> None:
    sampan.ok(
        "build", "-q", "--no-cache", "-", stdin=b"FROM sampan-test\nRUN head -c 100000 /dev/zero > /z\n"
    )
    assert "head -c 100000" in sampan.ok("builder", "du", "--format", "{{.Description}}")
    sampan.ok("rmi", "-f", *sampan.ok("images", "-q", "--filter", "dangling=true").split())
    assert "Total reclaimed space: " in sampan.ok("builder", "prune", "-af")
    assert "head -c 100000" not in sampan.ok("builder", "du", "--format", "{{.Description}}")


def test_nothing_runs_once_builds_are_over(own: Sampand) -> None:
    assert not [line for line in processes(own.token) if "sleep" in line]


def test_bad_requests_of_our_own_api_are_refused(own: Sampand) -> None:
    for body, says in (
        ({}, "a build needs a context"),
        ({"Directories": {"context": {"Path": "relative", "Device": 1, "Inode": 2}}}, "Path (absolute)"),
        ({"Context": {"URL": "local:x"}}, "not a URL"),
        ({"Dockerfile": {"Text": "FROM x"}, "Outputs": [{"Type": "magic"}]}, 'exporter "magic"'),
        ({"Dockerfile": {"Text": "FROM x"}, "Secrets": {"a": "!"}}, "not base64"),
        ({"Dockerfile": {"Text": "FROM x"}, "Call": "dance"}, "is none of"),
        ({"Context": {"Upload": "none"}}, "no such upload"),
    ):
        answer = own.api.request("POST", "/sampan/builds", body)
        assert answer.status in (400, 404), answer.body
        assert says in answer.message
    started = time.monotonic()
    assert own.api.request("POST", "/sampan/builds/nope/answers/1", {}).status == 404
    assert own.api.get("/sampan/builds/nope/outputs/0").status == 404
    assert time.monotonic() - started < 5


@every_form
def test_times_of_a_context_are_in_no_image(
    build: Build, docker: Client, engine: Engine, unique: str, tmp_path: Path
) -> None:
    if engine.kind != "sampan":
        pytest.skip("Docker keeps them")
    ids = set()
    for number, seconds in enumerate((1_000_000_000, 1_500_000_000)):
        directory = tmp_path / str(number)
        # Nothing of the first build may be there for the second.
        write(directory, {"Dockerfile": "FROM sampan-test\nCOPY d /d\nRUN cp -a /d /copied\n", "d/f": unique})
        for path in (directory / "d/f", directory / "d"):
            os.utime(path, (seconds, seconds))
        assert build(directory, f"{unique}:{number}").code == 0
        ids.add(docker.ok("images", "-q", "--no-trunc", f"{unique}:{number}"))
        docker.ok("rmi", "-f", f"{unique}:{number}")
        docker.ok("builder", "prune", "-af")
    assert len(ids) == 1
