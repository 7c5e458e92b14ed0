"""What building leaves behind, keeps, shares and tells: the cache, failures, cancelling, a daemon that
dies.
"""

import json
import re
import signal
import time
from pathlib import Path

import pytest

from tests.support import leftovers
from tests.support.client import Client
from tests.support.engine import Sampand
from tests.support.plugin import IMAGE, remove_labelled
from tests.support.poll import until
from tests.support.registries import serving


@pytest.fixture
def builder(own: Sampand, image: str, sampan_client: Client) -> Client:
    """`sampan build` on the suite's own engine, its cache empty."""
    prune(own)
    return sampan_client


def prune(own: Sampand) -> int:
    answer = own.api.post("/build/prune", all=1)
    assert answer.status == 200, answer.body
    freed: int = answer.json["SpaceReclaimed"]
    return freed


def context(directory: Path, dockerfile: str, **files: str) -> str:
    directory.mkdir(exist_ok=True)
    (directory / "Dockerfile").write_text(dockerfile.replace("BASE", IMAGE))
    for name, text in files.items():
        (directory / name).write_text(text)
    return str(directory)


def build(client: Client, *args: str, code: int = 0) -> str:
    result = client("build", "--progress=plain", *args)
    assert result.code == code, str(result)
    return result.err + result.out


def cached(output: str) -> list[str]:
    """The instructions that were taken from the cache."""
    steps = dict(re.findall(r"^#(\d+) \[.*?\d+/\d+\] (.*)$", output, re.MULTILINE))
    found = re.findall(r"^#(\d+) CACHED$", output, re.MULTILINE)
    return sorted(steps[n] for n in found if n in steps and not steps[n].startswith("FROM"))


def running(text: str) -> list[str]:
    """Processes whose command line says `text`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ")
        except OSError:
            continue
        if text.encode() in line and b"sampan" not in line and b"docker" not in line:
            found.append(entry.parent.name)
    return found


def layers(own: Sampand) -> list[str]:
    return leftovers.files(own.data, "layers")


def test_the_cache_outlives_images_and_restarts_and_goes_with_a_prune(
    builder: Client, own: Sampand, tmp_path: Path, unique: str
) -> None:
    before = layers(own)
    where = context(tmp_path, "FROM BASE\nCOPY a /a\nRUN echo hi > /b\n", a="1")
    build(builder, "-t", unique, where)
    builder.ok("rmi", unique)
    own.terminate()
    own.start()
    assert cached(build(builder, "-t", unique, where)) == ["COPY a /a", "RUN echo hi > /b"]
    builder.ok("rmi", unique)
    assert prune(own) >= 3
    assert layers(own) == before
    assert cached(build(builder, where)) == []


def test_a_prune_takes_nothing_from_an_image(
    builder: Client, own: Sampand, tmp_path: Path, unique: str
) -> None:
    where = context(tmp_path, "FROM BASE\nRUN echo hi > /b\n")
    build(builder, "-t", unique, where)
    usage = own.api.get("/system/df", type="build-cache").json["BuildCache"]
    assert [row["Shared"] for row in usage if row["Type"] == "regular"] == [True]
    prune(own)
    assert builder.ok("run", "--rm", unique, "cat", "/b") == "hi"
    builder.ok("rmi", unique)


def test_a_kill_in_the_middle_leaves_nothing_and_loses_only_that_build(
    builder: Client, own: Sampand, tmp_path: Path, unique: str
) -> None:
    before = layers(own)
    done = context(tmp_path / "done", "FROM BASE\nRUN echo kept > /kept\n")
    build(builder, "-t", unique, done)
    where = context(
        tmp_path / "cut",
        "FROM BASE\nRUN echo kept > /kept\nRUN echo lost > /lost\nRUN "
        "--mount=type=cache,target=/c sleep 4711\n",
    )
    with builder.background("build", where):
        until(lambda: running("sleep 4711"), "the step runs")
        own.kill()
    own.start()
    until(lambda: not running("sleep 4711"), "the step is gone", seconds=10)
    assert cached(build(builder, "-t", unique, done)) == ["RUN echo kept > /kept"]
    assert len(layers(own)) == len(before) + 1
    for name in ("tmp", "containers"):
        assert leftovers.files(own.data, name) == []
    builder.ok("rmi", unique)
    prune(own)
    assert layers(own) == before


@pytest.mark.parametrize("command", ["sleep 4712", "trap '' TERM INT; while :; do sleep 4712; done"])
def test_an_interrupted_client_ends_its_step_within_a_second(
    builder: Client, own: Sampand, tmp_path: Path, command: str
) -> None:
    before = layers(own)
    where = context(tmp_path, f"FROM BASE\nRUN {command}\n")
    with builder.background("build", where) as client:
        until(lambda: running("sleep 4712"), "the step runs")
        began = time.monotonic()
        client.send_signal(signal.SIGINT)
        until(lambda: not running("sleep 4712"), "the step is gone", seconds=5, every=0.01)
        assert time.monotonic() - began < 1
        client.wait(10)
    assert own.api.get("/containers/json", all=1).json == []
    assert layers(own) == before


def test_a_client_that_is_gone_ends_its_build(builder: Client, own: Sampand, tmp_path: Path) -> None:
    where = context(tmp_path, "FROM BASE\nRUN sleep 4713\n")
    with builder.background("build", where) as client:
        until(lambda: running("sleep 4713"), "the step runs")
        client.kill()
        until(lambda: not running("sleep 4713"), "the step is gone", seconds=5)


def test_a_failed_step_can_be_looked_into(builder: Client, own: Sampand, tmp_path: Path) -> None:
    where = context(tmp_path, "FROM BASE\nENV WHO=me\nWORKDIR /w\nRUN echo half > done; exit 3\n")
    output = build(builder, where, code=1)
    assert "exit code: 3" in output
    shell = re.search(r"sampan build shell (\w+)", output)
    assert shell, output
    result = builder("build", "shell", shell[1], "sh", "-c", "echo $WHO; pwd; cat done")
    assert result.out.replace("\r", "").split() == ["me", "/w", "half"], str(result)
    assert own.api.get("/containers/json", all=1).json == []
    prune(own)
    assert builder("build", "shell", shell[1], "true").code != 0


def test_a_full_disk_is_told_and_leaves_nothing(builder: Client, own: Sampand, tmp_path: Path) -> None:
    before = layers(own)
    where = context(
        tmp_path,
        "FROM BASE\nRUN --mount=type=tmpfs,target=/t,size=65536 dd if=/dev/zero of=/t/x bs=4k count=64\n",
    )
    output = build(builder, where, code=1)
    assert "No space left on device" in output
    prune(own)
    assert layers(own) == before


def test_two_builds_do_equal_steps_once(builder: Client, own: Sampand, tmp_path: Path, unique: str) -> None:
    where = context(tmp_path, "FROM BASE\nRUN sleep 1; cat /proc/sys/kernel/random/uuid > /id\n")
    with (
        builder.background("build", "-t", f"{unique}-a", where) as one,
        builder.background("build", "-t", f"{unique}-b", where) as two,
    ):
        assert one.wait(30) == 0 and two.wait(30) == 0
    ids = {builder.inspect(f"{unique}-{name}", "image")["Id"] for name in "ab"}
    assert len(ids) == 1
    builder.ok("rmi", f"{unique}-a", f"{unique}-b")


def test_no_cache_builds_anew_and_a_filter_only_one_stage(builder: Client, tmp_path: Path) -> None:
    where = context(
        tmp_path,
        "FROM BASE AS one\nRUN echo 1 > /1\nFROM BASE AS two\nRUN echo 2 > /2\nCOPY --from=one /1 /1\n",
    )
    build(builder, where)
    assert cached(build(builder, "--no-cache", where)) == []
    assert cached(build(builder, where)) == ["COPY --from=one /1 /1", "RUN echo 1 > /1", "RUN echo 2 > /2"]
    # What the stage makes is what it was, so its file is.
    assert cached(build(builder, "--no-cache-filter", "one", where)) == [
        "COPY --from=one /1 /1",
        "RUN echo 2 > /2",
    ]


def test_explain_names_what_changed(builder: Client, tmp_path: Path) -> None:
    text = "FROM BASE\nARG VERSION\nCOPY src /src\nRUN echo $VERSION\n"
    where = context(tmp_path, text, src="1")
    build(builder, "--build-arg", "VERSION=1", where)
    assert "argument VERSION changed from 1 to 2" in build(
        builder, "--explain", "--build-arg", "VERSION=2", where
    )
    context(tmp_path, text, src="2")
    output = build(builder, "--explain", "--build-arg", "VERSION=2", where)
    assert "src changed" in output and "an earlier step changed" in output


def test_a_secret_is_in_no_record_and_no_explanation(
    builder: Client, own: Sampand, tmp_path: Path, unique: str
) -> None:
    secret = f"s3cret-{unique}"
    (tmp_path / "secret").write_text(secret)
    text = "FROM BASE\nRUN --mount=type=secret,id=x,env=X echo ${X} > /dev/null && echo %s > /done\n"
    option = f"id=x,src={tmp_path / 'secret'}"
    where = context(tmp_path / "context", text % "1")
    build(builder, "-t", unique, "--secret", option, where)
    # Another value of the same secret is no reason to run again.
    (tmp_path / "secret").write_text(secret + "2")
    assert len(cached(build(builder, "-t", unique, "--secret", option, where))) == 1
    context(tmp_path / "context", text % "2")
    output = build(builder, "--explain", "-t", unique, "--secret", option, where)
    assert "instruction changed" in output and secret not in output
    own.terminate()
    try:
        for path in [
            *own.data.glob("sampan.db*"),
            *own.data.glob("build/**/*"),
            *own.data.glob("content/**/*"),
        ]:
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    finally:
        own.start()
    builder.ok("rmi", unique)


def test_a_cache_in_a_directory_spares_another_engine_the_work(
    builder: Client, own: Sampand, tmp_path: Path, unique: str
) -> None:
    text = (
        "FROM BASE AS one\nRUN --mount=type=cache,id=c,target=/c echo a >> /c/log; cp /c/log /log\n"
        "FROM BASE\nCOPY --from=one /log /log\nRUN cat /proc/sys/kernel/random/uuid > /id\n"
    )
    where = context(tmp_path / "context", text)
    kept = tmp_path / "kept"
    build(builder, "-t", unique, "--cache-to", f"type=local,dest={kept},mode=max,mounts=true", where)
    first = builder.inspect(unique, "image")["Id"]
    builder.ok("rmi", unique)
    prune(own)
    output = build(builder, "-t", unique, "--cache-from", f"type=local,src={kept}", where)
    assert len(cached(output)) == 3
    assert builder.inspect(unique, "image")["Id"] == first
    prune(own)
    context(tmp_path / "context", text.replace("/log\nFROM", "/log; echo\nFROM"))
    build(builder, "-t", unique, "--cache-from", f"type=local,src={kept}", where)
    assert builder.ok("run", "--rm", unique, "cat", "/log").split() == ["a", "a"]
    builder.ok("rmi", unique)
    prune(own)


@pytest.mark.parametrize("mode", ["inline", "max"])
def test_a_cache_in_a_registry_spares_another_engine_the_work(
    builder: Client, own: Sampand, tmp_path: Path, unique: str, mode: str
) -> None:
    text = (
        "FROM BASE AS one\nRUN cat /proc/sys/kernel/random/uuid > /id\n"
        "FROM BASE\nCOPY --from=one /id /id\nRUN echo last > /last\n"
    )
    where = context(tmp_path / "context", text)
    with serving("sampan", tmp_path / "registry") as registry:
        name, cache = registry.image(f"{unique}:1"), registry.image(f"{unique}:cache")
        to = "type=inline" if mode == "inline" else f"type=registry,ref={cache},mode=max"
        build(builder, "-t", name, "--cache-to", to, where)
        first = builder.inspect(name, "image")["Id"]
        builder.ok("push", name)
        forget(own, unique)
        source = name if mode == "inline" else cache
        output = build(builder, "-t", name, "--cache-to", to, "--cache-from", source, where)
        assert len(cached(output)) == 3
        assert builder.inspect(name, "image")["Id"] == first
        # With the last step changed: an inline cache knows only what the image consists of.
        forget(own, unique)
        context(tmp_path / "context", text.replace("echo last", "echo other"))
        output = build(builder, "-t", name, "--cache-from", source, where)
        assert "COPY --from=one /id /id" in cached(output)
        assert "RUN echo other > /last" not in cached(output)
        forget(own, unique)


def forget(own: Sampand, unique: str) -> None:
    """Images and cache, as an engine that has never built it."""
    remove_labelled(own.api, unique)
    prune(own)


def test_a_cache_that_is_none_is_passed_over(builder: Client, tmp_path: Path) -> None:
    where = context(tmp_path / "context", "FROM BASE\nRUN true\n")
    nonsense = tmp_path / "nonsense"
    (nonsense / "blobs" / "sha256").mkdir(parents=True)
    (nonsense / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": []}))
    output = build(builder, "--cache-from", f"type=local,src={nonsense}", where)
    assert "failed to configure local cache importer" in output


def test_system_prune_takes_the_build_cache(builder: Client, own: Sampand, tmp_path: Path) -> None:
    where = context(tmp_path, "FROM BASE\nRUN echo hi > /b\n")
    build(builder, where)
    builder.ok("system", "prune", "-f")
    assert own.api.get("/system/df", type="build-cache").json["BuildCache"] in ([], None)


WAYS = [
    # what is wrong, the request, what is answered
    ("the classic builder without a context", "/build?remote=nowhere", 500, "could not be recognized as URL"),
    ("BuildKit's version without a session", "/build?version=2", 400, "neither remote nor a session"),
    ("gRPC without an upgrade", "/grpc", 400, "no upgrade proto in request"),
    ("a session without an upgrade", "/session", 400, "no upgrade proto in request"),
    ("our own without a body", "/sampan/builds", 400, "EOF while reading request body"),
]


@pytest.mark.parametrize(("path", "status", "says"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS])
def test_each_way_to_ask_for_a_build_answers(own: Sampand, path: str, status: int, says: str) -> None:
    answer = own.api.post(path)
    assert (answer.status, says in answer.json["message"]) == (status, True), answer.body
