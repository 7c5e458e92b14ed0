"""info, version, ping, events, df: what the engine says about itself."""

import json
import re
import threading
import time

import docker as docker_py  # type: ignore[import-untyped]
import pytest

from tests.support.api import Api
from tests.support.client import Client
from tests.support.engine import Engine
from tests.support.poll import until


def test_ping(api: Api) -> None:
    for method in ("GET", "HEAD"):
        answer = api.request(method, "/_ping")
        assert answer.status == 200
        assert answer.body == (b"OK" if method == "GET" else b"")
        assert re.fullmatch(r"1\.\d+", answer.headers["Api-Version"])
        assert answer.headers["Ostype"] == "linux"
        assert "no-cache" in answer.headers["Cache-Control"]


def test_version(api: Api, cli: Client) -> None:
    version = api.get("/version").json
    assert version["MinAPIVersion"] == "1.24" and version["Os"] == "linux"
    assert {"Version", "ApiVersion", "GitCommit", "GoVersion", "Arch", "KernelVersion", "Components"} <= set(
        version
    )
    assert cli.ok("version", "--format", "{{.Server.Version}}") == version["Version"]
    assert json.loads(cli.ok("version", "--format", "json"))["Server"]["ApiVersion"] == version["ApiVersion"]


def test_info(api: Api, cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", image, "sleep", "1000")
    cli.ok("create", image)
    info = api.get("/info").json
    assert info["Containers"] >= 2 and info["ContainersRunning"] >= 1 and info["Images"] >= 1
    assert (info["OSType"], info["CgroupVersion"]) in (("linux", "1"), ("linux", "2"))
    assert info["NCPU"] >= 1 and info["MemTotal"] > 0 and info["DockerRootDir"]
    assert {"json-file", "local"} <= set(info["Plugins"]["Log"])
    assert cli.ok("info", "--format", "{{.Driver}}") == info["Driver"]
    assert "Server Version:" in cli.ok("info") or "Server:" in cli.ok("info")
    cli.ok("rm", "-f", made)


@pytest.mark.parametrize("version", ["1.24", "1.30", "1.41", "1.44"])
def test_every_version_is_served(
    engine: Engine, image: str, version: str, session: "object", docker: Client
) -> None:
    """docker-py, an independent client, through a container's whole life in that version's dialect."""
    client = docker_py.DockerClient(base_url=engine.host, version=version)
    try:
        box = client.containers.run(
            image, ["sh", "-c", "echo hello; sleep 1000"], detach=True, labels={"sampan.test": docker.label}
        )
        until(lambda: box.logs() == b"hello\n", "its output")
        assert box.id in [c.id for c in client.containers.list()]
        code, output = box.exec_run(["sh", "-c", "echo in; exit 4"])
        assert (code, output) == (4, b"in\n")
        box.stop(timeout=0)
        assert box.wait()["StatusCode"] == 137
        box.reload()
        assert box.status == "exited"
        assert client.images.get(image).tags[0] == f"{image}:latest"
        box.remove()
    finally:
        client.close()


def test_paths_work_with_and_without_a_version(api: Api) -> None:
    newest = api.get("/version").json["ApiVersion"]
    for prefix in ("", "/v1.24", "/v1.40", f"/v{newest}"):
        assert api.get(f"{prefix}/containers/json").status == 200, prefix


def test_events_tell_a_containers_life(cli: Client, image: str, unique: str) -> None:
    start = f"{time.time() - 0.001:.9f}"
    made = cli.ok("run", "-d", "--name", unique, image, "sleep", "1000")
    cli.ok("pause", made)
    cli.ok("unpause", made)
    cli.ok("rename", made, f"{unique}-new")
    cli.ok("kill", made)
    cli.ok("wait", made)
    cli.ok("rm", made)
    until(
        lambda: (
            "destroy"
            in cli.ok(
                "events", "--since", start, "--until", f"{time.time():.9f}", "--filter", f"container={made}"
            )
        ),
        "the last event",
    )
    shown = cli.ok(
        "events",
        "--since",
        start,
        "--until",
        f"{time.time():.9f}",
        "--filter",
        f"container={made}",
        "--format",
        "json",
    )
    events = [json.loads(line) for line in shown.splitlines()]
    actions = [event["Action"] for event in events if event["Type"] == "container"]
    assert actions == ["create", "start", "pause", "unpause", "rename", "kill", "die", "destroy"]
    die = next(event for event in events if event["Action"] == "die")
    assert die["Actor"]["ID"] == made and die["Actor"]["Attributes"]["exitCode"] == "137"
    assert die["Actor"]["Attributes"]["image"] == image and die["scope"] == "local"
    assert die["timeNano"] // 10**9 == die["time"]


def test_events_of_other_things(docker: Client, image: str, unique: str) -> None:
    start = f"{time.time() - 0.001:.9f}"
    docker.ok("network", "create", unique)
    docker.ok("volume", "create", unique)
    docker.ok("run", "--rm", "--network", unique, "-v", f"{unique}:/v", image, "true")
    docker.ok("tag", image, unique)
    docker.ok("rmi", unique)
    docker.ok("network", "rm", unique)
    docker.ok("volume", "rm", unique)

    def seen() -> set[str]:
        shown = docker.ok(
            "events", "--since", start, "--until", f"{time.time():.9f}", "--format", "{{.Type}} {{.Action}}"
        )
        return set(shown.splitlines())

    wanted = {
        "network create", "network connect", "network disconnect", "network destroy",
        "volume create", "volume mount", "volume unmount", "volume destroy",
        "image tag", "image untag", "container attach",
    }  # fmt: skip
    until(lambda: wanted <= seen(), f"{wanted}")


def test_events_are_streamed_and_filtered(api: Api, docker: Client, image: str, unique: str) -> None:
    with docker.background(
        "events", "--filter", "event=die", "--filter", f"label=mark={unique}", "--format", "{{.Action}}"
    ) as process:
        assert process.stdout
        lines: list[bytes] = []
        reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()))  # type: ignore[union-attr]
        reader.start()

        def heard() -> bool:
            docker.ok("run", "--rm", "--label", f"mark={unique}", image, "true")
            reader.join(0.5)
            return bool(lines)

        until(heard, "an event")
        assert lines[0] == b"die\n"


def test_health_and_oom_are_events(docker: Client, image: str) -> None:
    start = f"{time.time() - 0.001:.9f}"
    flags = ["--health-cmd", "true", "--health-interval", "0.2s"]
    made = docker.ok("run", "-d", *flags, image, "sleep", "1000")
    until(lambda: docker.state(made)["Health"]["Status"] == "healthy", "healthy")
    hungry = docker.ok("run", "-d", "-m", "16m", "--memory-swap", "16m", image, "tail", "/dev/zero")
    docker.ok("wait", hungry)

    def seen() -> str:
        return docker.ok(
            "events", "--since", start, "--until", f"{time.time():.9f}", "--format", "{{.Action}}"
        )

    until(lambda: "health_status: healthy" in seen() and "oom" in seen().split(), "both events")
    probe = ["exec_create: /bin/sh -c true", "exec_start: /bin/sh -c true", "exec_die"]
    actions = seen().splitlines()
    assert [action for action in actions if action.startswith(("exec", "health"))][:4] == [
        *probe,
        "health_status: healthy",
    ]


def test_system_df(cli: Client, image: str, unique: str) -> None:
    made = cli.ok(
        "run",
        "-d",
        "-v",
        f"{unique}:/v",
        image,
        "sh",
        "-c",
        "head -c 1000000 /dev/zero >/v/f; head -c 500000 /dev/zero >/f",
    )
    cli.ok("wait", made)
    rows = [json.loads(line) for line in cli.ok("system", "df", "--format", "json").splitlines()]
    assert {row["Type"] for row in rows} == {"Images", "Containers", "Local Volumes", "Build Cache"}
    verbose = cli.ok("system", "df", "-v")
    line = next(line for line in verbose.splitlines() if line.startswith(unique))
    assert line.split() == [unique, "1", "1MB"]


def test_a_slow_reader_of_events_disturbs_nobody(api: Api, docker: Client, image: str) -> None:
    with docker.background("events"):  # never read
        for _ in range(10):
            docker.ok("run", "--rm", image, "true")


@pytest.mark.parametrize("target", ["/swarm", "/services", "/nodes", "/plugins"])
def test_what_needs_a_swarm_is_answered_as_without_one(api: Api, target: str) -> None:
    answer = api.get(target)
    assert answer.status in (200, 503), answer
    if answer.status == 503:
        assert "This node is not a swarm manager" in answer.message
