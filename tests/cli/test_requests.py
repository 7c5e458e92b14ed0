"""Command lines become requests; answers become stdout, stderr and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sampan.cli import tree
from sampan.cli.main import load, run
from sampan.interpreter import isolated
from tests.cli.recorder import Recorder


@pytest.fixture
def daemon(tmp_path):
    answers = {}

    def answer(request):
        found = answers.get((request.method, request.path))
        return found(request) if callable(found) else found

    with Recorder(str(tmp_path / "d.sock"), answer) as recorder:
        recorder.answers = answers
        yield recorder


@pytest.fixture
def sampan(daemon, tmp_path, capfd):
    def call(*args):
        capfd.readouterr()
        code = run(["-H", daemon.address, *args], {"HOME": str(tmp_path)})
        import sys

        sys.stdout.flush()
        out, err = capfd.readouterr()
        return code, out, err

    return call


def create_body(daemon, sampan, *args):
    daemon.answers[("POST", "/containers/create")] = (201, {"Id": "abc", "Warnings": []})
    code, out, _ = sampan("create", *args, "image", "cmd", "-x")
    assert (code, out) == (0, "abc\n")
    return daemon.requests[-1].json


def test_create_sends_what_was_asked(daemon, sampan):
    body = create_body(
        daemon, sampan, "-it", "-e", "A=1", "-e", "B=2", "-e", "A=3", "-v", "/a:/b", "-v", "/anon",
        "-p", "80:81", "--network", "net", "--ip", "1.2.3.4", "-m", "1g", "--cpus", "0.5", "--init",
        "--restart", "on-failure:3", "--cap-add", "net_admin", "-l", "k=v", "-l", "bare",
        "--tmpfs", "/t:size=1m",
        "--health-cmd", "true", "--health-interval", "5s", "--stop-timeout", "7", "--entrypoint", "",
    )  # fmt: skip
    assert body["Cmd"] == ["cmd", "-x"]
    assert body["Env"] == ["A=3", "B=2"]
    assert body["Entrypoint"] == [""]
    assert (body["Tty"], body["OpenStdin"], body["StdinOnce"], body["AttachStdin"]) == (
        True,
        True,
        True,
        True,
    )
    assert body["Volumes"] == {"/anon": {}}
    assert body["Labels"] == {"k": "v", "bare": ""}
    assert body["ExposedPorts"] == {"81/tcp": {}}
    assert body["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000}
    assert body["StopTimeout"] == 7
    host = body["HostConfig"]
    assert host["Binds"] == ["/a:/b"]
    assert host["PortBindings"] == {"81/tcp": [{"HostIp": "", "HostPort": "80"}]}
    assert (host["Memory"], host["NanoCpus"], host["Init"]) == (1 << 30, 500_000_000, True)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["CapAdd"] == ["CAP_NET_ADMIN"]
    assert host["Tmpfs"] == {"/t": "size=1m"}
    endpoint = body["NetworkingConfig"]["EndpointsConfig"]["net"]
    assert endpoint["IPAMConfig"] == {"IPv4Address": "1.2.3.4"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--restart", "always", "--rm"], "conflicting options: cannot specify both --restart and --rm"),
        (["--pid", "x"], "--pid: invalid PID mode"),
        (["--memory-swappiness", "200"], "invalid value: 200. Valid memory swappiness range is 0-100"),
        (["--no-healthcheck", "--health-cmd", "x"], "--no-healthcheck conflicts with --health-* options"),
        (["--mac-address", "x"], "x is not a valid mac address"),
        (
            ["--network", "a", "--network", "host"],
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
        ),
        (["--network-alias", "a"], "network-scoped aliases are only supported for user-defined networks"),
        (["--pull", "x"], 'invalid pull option: \'x\': must be one of "always", "missing" or "never"'),
        (["--log-driver", "none", "--log-opt", "a=b"], "invalid logging opts for driver none"),
        (["-v", ""], "invalid empty volume spec"),
    ],
)
def test_what_the_client_can_refuse_itself(daemon, sampan, args, message):
    code, out, err = sampan("run", *args, "image")
    assert (code, out) == (125, "")
    assert err == f"sampan: {message}\n\nRun 'sampan run --help' for more information\n"
    assert daemon.requests == []


def test_an_error_of_the_daemon_is_shown_and_the_exit_code_is_dockers(daemon, sampan):
    daemon.answers[("POST", "/containers/create")] = (409, {"message": "Conflict. x"})
    code, _, err = sampan("run", "image")
    assert code == 125
    assert err.startswith("sampan: Error response from daemon: Conflict. x\n\n")
    daemon.answers[("POST", "/containers/create")] = (201, {"Id": "abc"})
    for text, expected in (
        ('exec: "nope": executable file not found in $PATH: unknown', 127),
        ('exec: "/etc": permission denied: unknown', 126),
        ("something else", 125),
    ):
        daemon.answers[("POST", "/containers/abc/start")] = (400, {"message": text})
        assert sampan("run", "-d", "image")[0] == expected


def test_a_missing_image_is_pulled_once(daemon, sampan):
    tries = []

    def create(_request):
        tries.append(1)
        return (404, {"message": "No such image: x:latest"}) if len(tries) == 1 else (201, {"Id": "abc"})

    daemon.answers[("POST", "/containers/create")] = create
    daemon.answers[("POST", "/images/create")] = (200, b'{"status":"Pulling","id":"x"}\r\n')
    code, out, err = sampan("run", "-d", "x")
    assert (code, out) == (0, "abc\n")
    assert err == "Unable to find image 'x:latest' locally\nx: Pulling\n"
    pull = next(request for request in daemon.requests if request.path == "/images/create")
    assert pull.target.endswith("?fromImage=docker.io%2Flibrary%2Fx&tag=latest")


def test_an_older_daemon_is_followed(daemon, sampan):
    def answer(request):
        if request.target.startswith("/v1.50/"):
            return 400, {"message": "client version 1.50 is too new. Maximum supported API version is 1.41"}
        return 200, []

    daemon.answers[("GET", "/containers/json")] = answer
    code, out, _ = sampan("ps", "-q")
    assert (code, out) == (0, "")
    assert daemon.requests[-1].target == "/v1.41/containers/json"


@pytest.mark.parametrize(
    ("args", "requests"),
    [
        (["stop", "-t", "5", "-s", "INT", "a"], [("POST", "/containers/a/stop", "t=5&signal=INT")]),
        (["kill", "a", "b"], [("POST", "/containers/a/kill", ""), ("POST", "/containers/b/kill", "")]),
        (["rm", "-fv", "a"], [("DELETE", "/containers/a", "v=1&force=1")]),
        (["rename", "a", "b"], [("POST", "/containers/a/rename", "name=b")]),
        (["volume", "rm", "-f", "v"], [("DELETE", "/volumes/v", "force=1")]),
        (["network", "rm", "n"], [("DELETE", "/networks/n", "")]),
        (["tag", "a", "b/c:d"], [("POST", "/images/a/tag", "repo=docker.io%2Fb%2Fc&tag=d")]),
        (
            ["image", "bootstrap", "debian:bookworm"],
            [("POST", "/sampan/images/bootstrap", "name=debian%3Abookworm")],
        ),
        (["system", "stop", "--containers"], [("POST", "/sampan/system/stop", "containers=1")]),
        (["rmi", "a/b"], [("DELETE", "/images/a%2Fb", "")]),
    ],
)
def test_simple_commands(daemon, sampan, args, requests):
    assert sampan(*args)[0] == 0
    seen = [(r.method, r.path, r.target.partition("?")[2]) for r in daemon.requests]
    assert sorted(seen) == sorted(requests)


def test_what_worked_is_printed_and_all_failures_are_reported(daemon, sampan):
    daemon.answers[("POST", "/containers/b/stop")] = (404, {"message": "No such container: b"})
    daemon.answers[("POST", "/containers/d/stop")] = (500, {"message": "boom"})
    code, out, err = sampan("stop", "a", "b", "c", "d")
    assert (code, out) == (1, "a\nc\n")
    assert err == "Error response from daemon: No such container: b\nError response from daemon: boom\n"


def test_inspect_looks_for_every_kind_of_object(daemon, sampan):
    daemon.answers[("GET", "/containers/x/json")] = (404, {"message": "no"})
    daemon.answers[("GET", "/images/x/json")] = (404, {"message": "no"})
    daemon.answers[("GET", "/networks/x")] = (200, {"Name": "x", "Labels": {}})
    code, out, err = sampan("inspect", "x")
    assert (code, err) == (0, "")
    assert json.loads(out) == [{"Name": "x", "Labels": {}}]
    for path in ("/containers/y/json", "/images/y/json", "/networks/y", "/volumes/y"):
        daemon.answers[("GET", path)] = (404, {"message": "no"})
    assert sampan("inspect", "y") == (1, "[]\n", "Error: No such object: y\n")


def test_inspect_falls_back_from_typed_values_to_plain_maps(daemon, sampan):
    daemon.answers[("GET", "/containers/x/json")] = (200, {"Id": "1", "State": {"Running": True}})
    assert sampan("inspect", "-f", "{{.Id}}", "x") == (0, "1\n", "")
    assert sampan("inspect", "-f", "{{if .State.Health}}h{{end}}{{.State.Running}}", "x") == (0, "true\n", "")
    code, out, err = sampan("inspect", "-f", "{{.State.Health.Status}}", "x")
    assert (code, out) == (1, "\n")
    assert err == (
        'template parsing error: template: :1:8: executing "" at <.State.Health.Status>: '
        'map has no entry for key "Health"\n'
    )


def test_a_prune_needs_a_yes(daemon, sampan, monkeypatch):
    import io

    daemon.answers[("POST", "/containers/prune")] = (
        200,
        {"ContainersDeleted": ["a"], "SpaceReclaimed": 1000},
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert sampan("container", "prune")[0] == 0
    assert daemon.requests == []
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    _, out, _ = sampan("container", "prune")
    assert out.endswith("Deleted Containers:\na\n\nTotal reclaimed space: 1kB\n")


def test_nobody_answering_is_said_plainly(tmp_path, capfd):
    assert run(["-H", f"unix://{tmp_path}/no.sock", "ps"], {"HOME": str(tmp_path)}) == 1
    assert capfd.readouterr().err == (
        f"Cannot connect to the Sampan daemon at unix://{tmp_path}/no.sock. Is sampand running?\n"
    )


PATHS = [
    path
    for path in [f"{group} {name}" for group, commands in tree.GROUPS.items() for name in commands]
    + list(tree.TOP)
    if not load(tree.find(path)).raw
]


@pytest.mark.parametrize("path", PATHS)
def test_every_command_has_help(path, capfd):
    entry = tree.find(path)
    command = load(entry)
    assert run([*path.split(" "), "--help"], {}) == 0
    out = capfd.readouterr().out
    assert out.startswith(f"Usage:  sampan {path}")
    for flag in command.flags:
        assert flag.hidden or f"--{flag.name}" in out
        assert flag.hidden or flag.help, f"--{flag.name} of {path} has no help"
    names = [flag.name for flag in command.flags]
    shorts = [flag.short for flag in command.flags if flag.short]
    assert len(set(names)) == len(names) and len(set(shorts)) == len(shorts)


def test_registry_serve_becomes_the_registry(monkeypatch):
    calls = []
    monkeypatch.setattr("os.execv", lambda *args: calls.append(args))
    run(["registry", "serve", "--root", "/r", "--help"], {})
    assert calls == [(sys.executable, isolated("sampan.registry", "serve", "--root", "/r", "--help"))]


def test_aliases_lead_to_the_same_module():
    for alias, path in (
        ("ps", "container ls"),
        ("rmi", "image rm"),
        ("images", "image ls"),
        ("info", "system info"),
    ):
        assert tree.find(alias).module == tree.find(path).module


@pytest.mark.parametrize(
    ("args", "code", "start"),
    [
        (["foo"], 1, "sampan: unknown command: sampan foo\n\nRun 'sampan --help'"),
        (
            ["container", "foo"],
            1,
            "sampan: unknown command: sampan container foo\n\nUsage:  sampan container\n",
        ),
        (
            ["ps", "--foo"],
            125,
            "unknown flag: --foo\n\nUsage:  sampan ps [OPTIONS]\n\nRun 'sampan ps --help'",
        ),
        (["--foo"], 125, "unknown flag: --foo\n\nUsage:  sampan [OPTIONS] COMMAND [ARG...]\n"),
        (
            ["rm"],
            1,
            "sampan: 'sampan rm' requires at least 1 argument\n\nUsage:  sampan rm [OPTIONS] CONTAINER",
        ),
        (["-l", "foo", "ps"], 1, "Unable to parse logging level: foo\n"),
        (["help", "nope"], 1, "unknown help topic: nope\n"),
        (
            ["-H", "blah:///x", "ps"],
            1,
            "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: blah:///x\n",
        ),
        (["volume"], 0, "Usage:  sampan volume COMMAND\n"),
    ],
)
def test_mistakes_at_the_top(args, code, start, capfd, tmp_path):
    assert run(args, {"HOME": str(tmp_path)}) == code
    assert capfd.readouterr().err.startswith(start)


def test_search_lists_tags_in_their_natural_order(daemon, sampan):
    daemon.answers[("GET", "/sampan/images/tags")] = (200, {"Name": "app", "Tags": ["1.10", "latest", "1.9"]})
    assert sampan("search", "--tags", "reg:5000/app") == (0, "TAG\n1.9\n1.10\nlatest\n", "")
    assert daemon.requests[-1].target.endswith("/sampan/images/tags?name=reg%3A5000%2Fapp")
    assert sampan("search", "--tags", "--limit", "1", "--format", "{{.Tag}}", "app")[1] == "1.9\n"
    assert sampan("search", "--tags", "app:1")[0] == 1


DIGEST = "sha256:" + "d" * 64
NAMED = {
    "Id": "sha256:" + "a" * 64,
    "RepoTags": ["app:1"],
    "RepoDigests": [f"app@{DIGEST}", f"other@{DIGEST}"],
    "Created": 0,
    "Size": 1,
}


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        (["--digests"], [f"app|1|{DIGEST}", f"other|<none>|{DIGEST}"]),
        ([], [f"app|1|{DIGEST}", "other|<none>|"]),
    ],
)
def test_images_tell_digests(daemon, sampan, args, lines):
    daemon.answers[("GET", "/images/json")] = (200, [NAMED])
    _, out, _ = sampan("images", *args, "--format", "{{.Repository}}|{{.Tag}}|{{.Digest}}")
    assert out.splitlines() == lines


def test_content_trust_is_never_pretended(daemon, tmp_path, capfd):
    environ = {"HOME": str(tmp_path), "DOCKER_CONTENT_TRUST": "1"}
    assert run(["-H", daemon.address, "pull", "x"], environ) == 1
    assert "content trust is not supported" in capfd.readouterr().err
    assert run(["-H", daemon.address, "pull", "-q", "--disable-content-trust", "x"], environ) == 0


def test_dial_stdio_is_the_connection(daemon, tmp_path):
    daemon.answers[("GET", "/x")] = (200, {"a": 1})
    argv = [sys.executable, "-m", "sampan.cli.main", "-H", daemon.address, "system", "dial-stdio"]
    environ = {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        process.stdin.flush()
        answer = process.stdout.read()
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b'{"a": 1}')
    assert process.returncode == 0
