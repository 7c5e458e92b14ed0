"""Of several processes with controllers one works; when it is killed, another one finishes what it began."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sampan.kube.controllers import identity
from tests.support.cluster import ROOT, ClusterProcess
from tests.support.poll import until

LEASE = ("lease", "kube-controller-manager", "-n", "kube-system")
REPLICAS = 20


@dataclass
class Copies:
    """Processes of controllers, each with its name in a file."""

    cluster: ClusterProcess
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str) -> None:
        pki = self.cluster.data / "pki"
        files = {
            "--ca": pki / "ca.crt",
            "--root-ca": pki / "ca.crt",
            "--certificate": pki / "controller-manager.crt",
            "--key": pki / "controller-manager.key",
            "--identity-file": self.cluster.directory / f"{name}.id",
        }
        line = [sys.executable, "-m", "sampan.kube.controllers.main"]
        line += ["--server", f"https://127.0.0.1:{self.cluster.port}"]
        line += [str(word) for pair in files.items() for word in pair]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        with open(self.cluster.directory / f"{name}.log", "ab") as log:
            self.running[name] = subprocess.Popen(line, stdin=subprocess.PIPE, stderr=log, env=environment)

    def kill(self, name: str) -> None:
        self._end(name, signal.SIGKILL)

    def _end(self, name: str, number: int) -> None:
        process = self.running.pop(name)
        process.send_signal(number)
        process.wait(30)
        assert process.stdin is not None
        process.stdin.close()

    def stop(self) -> None:
        for name in list(self.running):
            self._end(name, signal.SIGTERM)

    def identity(self, name: str) -> str:
        path = self.cluster.directory / f"{name}.id"
        return path.read_text().strip() if path.exists() else ""

    def leads(self, name: str) -> bool:
        return self.holder() == self.identity(name) != ""

    def holder(self) -> str:
        found = self.cluster.kubectl("get", *LEASE, "-o", "jsonpath={.spec.holderIdentity}", check=False)
        return "" if "NotFound" in found else found


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    cluster = ClusterProcess(tmp_path)
    cluster.up("--controllers", "false")
    found = Copies(cluster)
    yield found
    found.stop()
    cluster.down()


def deployment(name: str) -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {REPLICAS}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: c, image: i}}]}}
"""


def pods(copies: Copies, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = copies.cluster.get("pods", "-l", f"app={name}")["items"]
    return found


def account_is_there(copies: Copies) -> bool:
    return "NotFound" not in copies.cluster.kubectl("get", "serviceaccount", "default", check=False)


def test_another_process_finishes_what_a_killed_one_began(copies: Copies) -> None:
    copies.start("first")
    until(lambda: copies.leads("first"), "the first one leads")
    copies.start("second")
    until(lambda: account_is_there(copies), "the controllers are at work")
    until(lambda: copies.identity("second"), "the second one waits")
    copies.cluster.kubectl("create", "-f", "-", stdin=deployment("web"))
    until(lambda: pods(copies, "web"), "the rollout has begun")
    copies.kill("first")
    copies.cluster.kubectl("create", "-f", "-", stdin=deployment("late"))
    until(lambda: copies.leads("second"), "the second one leads", seconds=30)
    for name in ("web", "late"):
        until(lambda name=name: len(pods(copies, name)) == REPLICAS, f"all pods of {name}")  # type: ignore[misc]
        (owner,) = copies.cluster.get("replicasets", "-l", f"app={name}")["items"]
        assert {one["metadata"]["ownerReferences"][0]["uid"] for one in pods(copies, name)} == {
            owner["metadata"]["uid"]
        }
    spec = copies.cluster.get(*LEASE)["spec"]
    assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (15, 1)


def test_a_process_that_is_started_again_does_not_wait_for_its_own_lease(copies: Copies) -> None:
    copies.start("only")
    until(lambda: copies.leads("only"), "it leads")
    until(lambda: account_is_there(copies), "it is at work")
    for number in range(3):
        name = f"web-{number}"
        copies.cluster.kubectl("create", "-f", "-", stdin=deployment(name))
        until(lambda name=name: pods(copies, name), "the rollout has begun")  # type: ignore[misc]
        copies.kill("only")
        copies.start("only")
        until(
            lambda name=name: len(pods(copies, name)) == REPLICAS,  # type: ignore[misc]
            "all pods are there",
            seconds=10,
        )
    assert copies.cluster.get(*LEASE)["spec"]["leaseTransitions"] == 0


def test_a_cluster_that_is_stopped_gives_its_leases_back(tmp_path: Path) -> None:
    copies = Copies(ClusterProcess(tmp_path))
    copies.cluster.up("--fake-nodes", "1")
    until(copies.holder, "somebody leads")
    copies.cluster.down()
    copies.cluster.up("--controllers", "false")
    assert copies.holder() == ""
    copies.cluster.down()


def test_a_name_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "name"

    async def check() -> None:
        async with AsyncExitStack() as first:
            name = await identity.take(path, first)
            async with AsyncExitStack() as second:
                waiting = asyncio.ensure_future(identity.take(path, second))
                await asyncio.sleep(3 * identity.PAUSE)
                assert not waiting.done()
                await first.aclose()
                assert await waiting == name

    asyncio.run(check())


@pytest.mark.parametrize("text", ["", "half-writ", "elsewhere_4711\n", "\0_\n"])
def test_a_name_that_is_not_this_machines_is_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "name"
    path.write_text(text)

    async def check() -> str:
        async with AsyncExitStack() as stack:
            return await identity.take(path, stack)

    name = asyncio.run(check())
    assert name != text.strip() and path.read_text() == f"{name}\n"
    assert asyncio.run(check()) == name
