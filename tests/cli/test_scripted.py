"""One scripted engine, asked by `docker` and by `sampan`: the same bytes, exit codes, requests, config.json.

On a pseudo-terminal and without one. Only the program's name may differ.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest

from tests.cli.recorder import Answer, Recorder, Request
from tests.support.terminal import Terminal

DOCKER = shutil.which("docker")
pytestmark = pytest.mark.skipif(not DOCKER, reason="no docker client")
SAMPAN = [sys.executable, "-m", "sampan.cli.main"]


def stream(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\r\n" for message in messages)


def layer(name: str, status: str, **detail: Any) -> dict[str, Any]:
    return {"status": status, "progressDetail": detail, "id": name}


PULL = stream(
    {"status": "Pulling from library/busybox", "id": "latest"},
    layer("a", "Pulling fs layer"),
    layer("b", "Pulling fs layer"),
    layer("a", "Downloading", current=1000, total=2_200_000) | {"progress": "[> ]"},
    layer("b", "Downloading", current=2_100_000, total=2_200_000),
    layer("b", "Downloading", current=2_300_000, total=2_200_000),
    layer("b", "Extracting", current=3, units="s"),
    layer("b", "Extracting", current=3, total=9, units="s"),
    layer("b", "Extracting", current=3),
    layer("b", "Extracting", current=3, total=100, hidecounts=True),
    layer("a", "Pull complete"),
    {"status": "Already exists", "id": "a"},
    {"status": "Digest: sha256:1"},
    {"stream": "hello\n"},
    {"status": "", "progressDetail": {"current": 2, "total": 4}},
    {"aux": {"Tag": "x"}},
    {"status": "x", "from": "me"},
    {"status": "old", "progress": "[=]", "id": "q"},
)
BROKEN = PULL + stream({"errorDetail": {"message": "boom"}, "error": "boom"})
FOUND = [
    {"name": "127.0.0.1:5000/a/b", "description": "d" * 60 + "\nnext", "star_count": 3, "is_official": False},
    {"name": "z", "description": "", "star_count": 30, "is_official": True},
]
KEPT = {"auths": {"reg:5000": {"auth": base64.b64encode(b"u:p").decode()}}, "psFormat": "x"}


def engine(request: Request) -> Answer:
    if request.path == "/auth":
        if request.json.get("password") == "wrong":
            return 401, {"message": "unauthorized"}
        token = "idtok" if request.json.get("username") == "token" else ""
        return 200, {"Status": "Login Succeeded", "IdentityToken": token}
    if request.path == "/images/search":
        return 200, FOUND
    if request.path == "/containers/create":
        if request.json["Image"] == "missing":
            return 404, {"message": "No such image: missing:latest"}
        return 201, {"Id": "abc", "Warnings": []}
    return 200, BROKEN if "broken" in request.target else PULL


@dataclass
class Case:
    line: str
    columns: int = 0  # of a terminal; none without
    typed: str = ""
    config: dict[str, Any] | None = None
    env: dict[str, str] | None = None


NAMES = [
    "docker.io/busybox",
    "index.docker.io/busybox:1",
    "index.docker.io/a/b",
    "library/x",
    "docker.io/library/x:latest",
    "localhost/x",
    "localhost:5000/a/b/c",
    "LOCAL/x",
    "Upper",
    "a/Upper",
    "reg.example/x:tag@sha256:" + "0" * 64,
    "x@sha256:0",
    "x@md5:" + "0" * 32,
    "x@sha256:" + "0" * 40,
    "x@sha256:" + "A" * 64,
    "sha256:" + "a" * 64,
    "a" * 64,
    "[::1]:5000/x",
    "x:",
    "-x",
    "a//b",
    "a__b/c--d.e",
    "a_.b",
    "x:" + "t" * 128,
    "x:" + "t" * 129,
    "reg:99999/x",
    "https://reg/x",
    "x@",
]

CASES = [
    Case("pull busybox"),
    Case("pull busybox", 80),
    Case("pull busybox", 110),
    Case("pull busybox", 111),
    Case("pull -q busybox", 80),
    Case("pull broken", 80),
    Case("pull reg:5000/x", config=KEPT),
    Case("pull -a reg:5000/x"),
    Case("pull --platform Linux/ARM64 x@sha256:" + "0" * 64),
    Case("pull x", env={"DOCKER_DEFAULT_PLATFORM": "linux/ARM64"}),
    Case("create missing", 80),
    Case("create missing"),
    Case("create -q missing"),
    Case("create --pull never missing"),
    Case("create --pull always busybox", 200),
    Case("create --pull always -q busybox", env={"DOCKER_DEFAULT_PLATFORM": "linux/ARM64"}),
    Case("create --platform x86_64 busybox"),
    Case("create --platform linux/arm64/v8 busybox"),
    Case("create --platform lin~ux busybox"),
    Case("push busybox", 200),
    *(Case(f"pull {name}") for name in NAMES),
    *(Case(f"push {name}") for name in NAMES),
    *(Case(f"create --pull always {name}") for name in NAMES),
    *(Case(f"create {name}") for name in NAMES),
    Case("push broken", 200),
    Case("push -q busybox"),
    Case("push -a busybox"),
    Case("push --platform linux/arm64/v8 busybox"),
    Case("push --platform arm busybox", 80),
    Case("push --platform lin~ux busybox"),
    Case("search x"),
    Case("search --no-trunc --limit 5 -f stars=3 -f is-official=true x"),
    Case("search --format json reg:5000/x", config=KEPT),
    Case("search --format {{.Nope}} x"),
    Case("search --limit x x"),
    Case("login -u u -p p reg:5000"),
    Case("login -u u -p p reg:5000", config=KEPT),
    Case("login -u u -p wrong reg:5000"),
    Case("login -u token -p p"),
    Case("login -u v --password-stdin https://reg:5000/v1/", typed="p w\r\n", config=KEPT),
    Case("login --password-stdin"),
    Case("login -u u -p x --password-stdin"),
    Case("login reg:5000"),
    Case("login reg:5000", 80, "user\npass\n"),
    Case("login reg:5000", 80, "\n"),
    Case("login -u me", 80, "pass\n"),
    Case("login -u me reg:5000", 80, "\n"),
    Case("login reg:5000", config=KEPT),
    Case("login reg:5000", 80, config=KEPT),
    Case("logout reg:5000", config=KEPT),
    Case("logout https://reg:5000/v2", config=KEPT),
    Case("logout", config=KEPT),
    Case("logout nope"),
]


def outcome(program: list[str], case: Case, home: Any) -> Any:
    """What one program does in a home of its own."""
    home.mkdir()
    settings = home / ".docker/config.json"
    if case.config is not None:
        settings.parent.mkdir()
        settings.write_text(json.dumps(case.config))
    with Recorder(str(home / "d.sock"), engine) as recorder:
        env = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DOCKER_HOST": recorder.address,
            "DOCKER_CLI_HINTS": "false",
            **(case.env or {}),
        }
        argv = [*program, *case.line.split(" ")]
        ended = on_terminal(argv, env, case) if case.columns else in_pipes(argv, env, case)
        asked = [
            (
                request.method,
                parts_of(request.target),
                request.headers.get("x-registry-auth"),
                b"" if request.path == "/containers/create" else request.body.strip(),
            )
            for request in recorder.requests
        ]
    kept = settings.read_text() if settings.exists() else None
    code, *texts = ended
    return code, [text.replace(str(home), "HOME").replace("sampan", "docker") for text in texts], kept, asked


def parts_of(target: str) -> tuple[str, list[tuple[str, str]]]:
    """The order of a query's parts means nothing."""
    path, _, query = target.partition("?")
    return unquote(path), sorted(parse_qsl(query))


def in_pipes(argv: list[str], env: dict[str, str], case: Case) -> tuple[int, str, str]:
    done = subprocess.run(
        argv, env=env, input=case.typed, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


def on_terminal(argv: list[str], env: dict[str, str], case: Case) -> tuple[int, str]:
    # the shell sets the size and hides what is typed before the program starts
    argv = ["sh", "-c", 'stty cols "$0" rows 40 -echo; echo ready; exec "$@"', str(case.columns), *argv]
    with Terminal(argv, env) as terminal:
        terminal.expect("ready\r\n")
        if case.typed:
            terminal.type(case.typed)
        return terminal.wait(), terminal.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.line}-{case.columns}-{bool(case.config)}")
def test_scripted(case: Case, tmp_path: Any) -> None:
    assert DOCKER
    ours = outcome(SAMPAN, case, tmp_path / "ours")
    theirs = outcome([DOCKER], case, tmp_path / "their")
    assert ours == theirs
