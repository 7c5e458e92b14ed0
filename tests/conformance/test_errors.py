"""Bad input gets Docker's own status codes and messages; what failed leaves nothing behind."""

import json
import socket
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.client import Client


@dataclass(frozen=True)
class Wrong:
    why: str
    method: str
    target: str  # RUNNING, STOPPED: containers; IMAGE: the suite's image
    status: int | tuple[int, int]  # 500 where Docker forgot that the request was wrong
    says: str = ""  # part of the message
    body: Any = None


WRONG = [
    Wrong("inspect a missing container", "GET", "/containers/nope/json", 404, "No such container: nope"),
    Wrong("start a missing container", "POST", "/containers/nope/start", 404, "No such container: nope"),
    Wrong("start a running container", "POST", "/containers/RUNNING/start", 304),
    Wrong("stop a stopped container", "POST", "/containers/STOPPED/stop", 304),
    Wrong("stop with a bad timeout", "POST", "/containers/RUNNING/stop?t=x", (400, 500), 'parsing "x": invalid syntax'),
    Wrong("kill a stopped container", "POST", "/containers/STOPPED/kill", 409, "is not running"),
    Wrong("kill with a bad signal", "POST", "/containers/RUNNING/kill?signal=NOPE", 400, "nvalid signal: NOPE"),
    Wrong("pause a stopped container", "POST", "/containers/STOPPED/pause", 409, "is not running"),
    Wrong("unpause what is not paused", "POST", "/containers/RUNNING/unpause", (409, 500), "is not paused"),
    Wrong("remove a running container", "DELETE", "/containers/RUNNING", 409, "container is running: stop the container before removing or force remove"),
    Wrong("remove a missing container", "DELETE", "/containers/nope", 404, "No such container: nope"),
    Wrong("rename to nothing", "POST", "/containers/STOPPED/rename?name=", 400, "Neither old nor new names may be empty"),
    Wrong("rename to a bad name", "POST", "/containers/STOPPED/rename?name=a/b", 400, "Invalid container name (/a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
    Wrong("create with a bad name", "POST", "/containers/create?name=-x", 400, "Invalid container name (-x)", {"Image": "IMAGE"}),
    Wrong("create without a body", "POST", "/containers/create", 400),
    Wrong("create from a missing image", "POST", "/containers/create", 404, "No such image: nope:latest", {"Image": "nope"}),
    Wrong("create from no image", "POST", "/containers/create", 400, "", {}),
    Wrong("create without a command", "POST", "/containers/create", 400, "no command specified", {"Image": "IMAGE", "Cmd": [], "Entrypoint": [""]}),
    Wrong("create with a number for a text", "POST", "/containers/create", 400, "", {"Image": 7}),
    Wrong("create with a text for a map", "POST", "/containers/create", 400, "", {"Image": "IMAGE", "Labels": "x"}),
    Wrong("create with a bad network mode", "POST", "/containers/create", 400, "", {"Image": "IMAGE", "HostConfig": {"NetworkMode": "container:"}}),
    Wrong("create with a bad restart policy", "POST", "/containers/create", 400, "invalid restart policy", {"Image": "IMAGE", "HostConfig": {"RestartPolicy": {"Name": "often"}}}),
    Wrong("create with retries for always", "POST", "/containers/create", 400, "maximum retry count", {"Image": "IMAGE", "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 3}}}),
    Wrong("create with a relative bind target", "POST", "/containers/create", (400, 500), "mount path must be absolute", {"Image": "IMAGE", "HostConfig": {"Binds": ["/tmp:rel"]}}),
    Wrong("create with a negative size of shared memory", "POST", "/containers/create", 400, "SHM size can not be less than 0", {"Image": "IMAGE", "HostConfig": {"ShmSize": -1}}),
    Wrong("create with an unknown runtime", "POST", "/containers/create", 400, "unknown or invalid runtime name: nope", {"Image": "IMAGE", "HostConfig": {"Runtime": "nope"}}),
    Wrong("list with a bad filter", "GET", '/containers/json?filters={"nope":["x"]}', 400, "invalid filter 'nope'"),
    Wrong("list with filters that are no JSON", "GET", "/containers/json?filters=x", 400, "invalid"),
    Wrong("list with a bad status", "GET", '/containers/json?all=1&filters={"status":["nope"]}', 400, "invalid filter 'status=nope'"),
    Wrong("logs without a stream", "GET", "/containers/STOPPED/logs", 400, "you must choose at least one stream"),
    Wrong("logs of a missing container", "GET", "/containers/nope/logs?stdout=1", 404, "No such container: nope"),
    Wrong("top of a stopped container", "GET", "/containers/STOPPED/top", 409, "is not running"),
    Wrong("resize a stopped container", "POST", "/containers/STOPPED/resize?h=1&w=1", 409, "is not running"),
    Wrong("resize to letters", "POST", "/containers/RUNNING/resize?h=a&w=b", 400),
    Wrong("exec in a missing container", "POST", "/containers/nope/exec", 404, "No such container: nope", {"Cmd": ["x"]}),
    Wrong("exec in a stopped container", "POST", "/containers/STOPPED/exec", 409, "is not running", {"Cmd": ["x"]}),
    Wrong("exec of nothing", "POST", "/containers/RUNNING/exec", 400, "No exec command specified", {"Cmd": []}),
    Wrong("start a missing exec", "POST", "/exec/nope/start", 404, "No such exec instance: nope", {}),
    Wrong("inspect a missing exec", "GET", "/exec/nope/json", 404, "No such exec instance: nope"),
    Wrong("archive without a path", "GET", "/containers/STOPPED/archive", 400),
    Wrong("archive of a missing path", "GET", "/containers/STOPPED/archive?path=/nope", 404, "Could not find the file /nope in container"),
    Wrong("update with nonsense", "POST", "/containers/RUNNING/update", 400, "", {"Memory": 1}),
    Wrong("wait for a missing container", "POST", "/containers/nope/wait", 404, "No such container: nope"),
    Wrong("inspect a missing image", "GET", "/images/nope/json", 404, "No such image: nope"),
    Wrong("remove a missing image", "DELETE", "/images/nope", 404, "No such image: nope:latest"),
    Wrong("tag a missing image", "POST", "/images/nope/tag?repo=x", 404, "No such image: nope"),
    Wrong("tag with a bad name", "POST", "/images/IMAGE/tag?repo=UPPER", 400, "invalid reference format"),
    Wrong("history of a missing image", "GET", "/images/nope/history", 404, "No such image: nope"),
    Wrong("commit a missing container", "POST", "/commit?container=nope", 404, "No such container: nope", {}),
    Wrong("inspect a missing volume", "GET", "/volumes/nope", 404, "get nope: no such volume"),
    Wrong("remove a missing volume", "DELETE", "/volumes/nope", 404, "get nope: no such volume"),
    Wrong("create a volume with a bad name", "POST", "/volumes/create", 400, "includes invalid characters", {"Name": "a/b"}),
    Wrong("create a volume with a bad driver", "POST", "/volumes/create", 404, "nope", {"Name": "x", "Driver": "nope"}),
    Wrong("inspect a missing network", "GET", "/networks/nope", 404, "network nope not found"),
    Wrong("remove a missing network", "DELETE", "/networks/nope", 404, "network nope not found"),
    Wrong("remove a network of the engine", "DELETE", "/networks/bridge", 403, "pre-defined network"),
    Wrong("create a network without a name", "POST", "/networks/create", 400, "", {"Name": ""}),
    Wrong("create a network with a bad driver", "POST", "/networks/create", 404, "nope", {"Name": "nope-x", "Driver": "nope"}),
    Wrong("create a network with a bad subnet", "POST", "/networks/create", 400, "", {"Name": "nope-x", "IPAM": {"Config": [{"Subnet": "nope"}]}}),
    Wrong("connect to a missing network", "POST", "/networks/nope/connect", 404, "network nope not found", {"Container": "RUNNING"}),
    Wrong("connect a missing container", "POST", "/networks/bridge/connect", 404, "No such container: nope", {"Container": "nope"}),
    Wrong("ask for what does not exist", "GET", "/nope", 404, "page not found"),
    Wrong("use a wrong method", "PATCH", "/containers/json", 404, "page not found"),
    Wrong("use a version that is too new", "GET", "/v9.99/containers/json", 400, "client version 9.99 is too new. Maximum supported API version is"),
    Wrong("use a version that is too old", "GET", "/v1.1/containers/json", 400, "client version 1.1 is too old. Minimum supported API version is"),
    Wrong("filter events by letters", "GET", "/events?since=x&until=1", (400, 500)),
]  # fmt: skip


@pytest.fixture
def boxes(docker: Client, image: str) -> dict[str, str]:
    return {
        "RUNNING": docker.ok("run", "-d", image, "sleep", "1000"),
        "STOPPED": docker.ok("create", image),
        "IMAGE": image,
    }


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong.why.replace(" ", "-") for wrong in WRONG])
def test_wrong_requests(api: Api, boxes: dict[str, str], wrong: Wrong) -> None:
    target, body = wrong.target, json.dumps(wrong.body)
    for word, value in boxes.items():
        target, body = target.replace(word, value), body.replace(word, value)
    target = target.replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
    answer = api.request(wrong.method, target, None if wrong.body is None else json.loads(body))
    wanted = wrong.status if isinstance(wrong.status, tuple) else (wrong.status,)
    assert answer.status in wanted, answer
    if answer.status >= 400:
        assert answer.headers["Content-Type"].startswith("application/json")
        assert wrong.says in answer.message, answer.message
        assert "Traceback" not in answer.message


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b"{} {}", b"\xff", b"null {"])
def test_a_body_that_is_no_json(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.request("POST", "/containers/create", body, headers=headers)
    assert answer.status == 400 and answer.message, answer


def test_a_body_of_another_type(api: Api) -> None:
    answer = api.request("POST", "/containers/create", b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status == 400 and "Content-Type" in answer.message, answer


def test_garbage_on_the_socket_ends_the_connection_only(api: Api) -> None:
    for garbage in (
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"x" * 100_000,
        b"POST /containers/create HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(api.path)
            client.settimeout(10)
            try:
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except OSError:
                pass
    assert api.alive()


# Each fails at another depth: before the record, in the mounts, in the namespaces, at execve.
FAILING = [
    ["--memory", "1m"],
    ["--mount", "type=bind,src=/no/such/place,dst=/m"],
    ["--device", "/dev/no-such"],
    ["--sysctl", "net.ipv4.no_such=1"],
    ["--network", "container:no-such"],
    ["-u", "nosuch"],
    ["-w", "/etc/passwd"],
    ["-v", "/dev/null:/etc:ro"],
    ["--security-opt", "apparmor=nosuchprofile", "--entrypoint", "/nope"],
    ["--entrypoint", "/nope", "-p", "127.0.0.1::80", "-v", "/made"],
]


@pytest.mark.parametrize("flags", FAILING, ids=[" ".join(flags[:2]) for flags in FAILING])
def test_a_failed_run_leaves_nothing_running(
    cli: Client, image: str, unique: str, flags: list[str], api: Api
) -> None:
    before = set(cli.ok("volume", "ls", "-q").split())
    result = cli("run", "--rm", "--name", unique, *flags, image, "true")
    assert result.code in (125, 126, 127), str(result)
    assert "Traceback" not in result.err
    answer = api.get(f"/containers/{unique}/json")
    assert answer.status == 404, "with --rm a container that did not start is gone"
    assert set(cli.ok("volume", "ls", "-q").split()) <= before
    cli.ok("run", "--rm", "--name", unique, image, "true")  # the name is free


def test_a_container_that_failed_to_start_tells_why_and_starts_later(
    cli: Client, image: str, unique: str
) -> None:
    made = cli.ok("create", "--name", unique, "-v", f"{unique}:/v", image, "/v/program")
    cli.fails("start", unique, says="no such file or directory")
    state = cli.state(made)
    assert (state["Status"], state["ExitCode"], state["Running"]) == ("created", 127, False)
    assert "no such file or directory" in state["Error"]
    line = "printf '#!/bin/sh\\necho fine' >/v/program; chmod +x /v/program"
    cli.ok("run", "--rm", "-v", f"{unique}:/v", image, "sh", "-c", line)
    assert cli.ok("start", "-a", unique) == "fine"
    assert cli.state(made)["Error"] == ""
