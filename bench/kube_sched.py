"""How fast a scheduler places pods: ours, or any other whose kubeconfig is given.

    bench/kube_sched.py                                    a cluster of ours, started for this and removed
    bench/kube_sched.py --nodes 1000 --pods 5000 --kind spread
    bench/kube_sched.py --kubeconfig FILE --scheduler PID  a cluster that runs already: a real one, say

The scheduler's process is stopped (SIGSTOP) while the pods are made, when the controllers have seen to the
nodes, so that it finds a backlog when it goes on; it must lead without a lease. The time is from then until
the last pod has its node, as a watch of pods sees it. Whatever else that process does (with us, the
controllers) goes on in that time as well, and so do the load's own requests: they share the machine. Kinds:
plain pods; `anti`, in groups of 50 that exclude each other from a node; `spread`, over three zones with a
skew of one at most. Nodes are objects
with nothing behind them: elsewhere than with us they stay ready for less than a minute.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kube_api import Connection, Server, pss, rate
from kube_controllers import TTL

NAMESPACE = "bench-sched"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CLIENTS = 16
GROUP = 50  # pods that exclude each other
PATIENCE = 300.0
# Who is stopped for more than ten seconds leads no more; and nobody speaks for the nodes.
PATIENT = (
    "--leader-elect",
    "false",
    "--node-monitor-grace-period",
    "1h",
    "--node-startup-grace-period",
    "1h",
)


def node(number: int) -> dict[str, Any]:
    name = f"bench-{number}"
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{number % 3}"}
    return {"metadata": {"name": name, "labels": labels}}


STATUS = json.dumps(
    {
        "status": {
            "capacity": {"cpu": "32", "memory": "128Gi", "pods": "110"},
            "allocatable": {"cpu": "32", "memory": "128Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Bench", "message": ""}],
        }
    }
)


def pod(number: int, kind: str) -> bytes:
    group = {"app": "bench", "group": f"g{number // GROUP}"}
    container = {
        "name": "c",
        "image": "registry.example.com/team/service:1.2.3",
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    spec: dict[str, Any] = {"containers": [container], "automountServiceAccountToken": False}
    if kind == "anti":
        term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": group}}
        spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    elif kind == "spread":
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": "bench"}},
            }
        ]
    metadata = {"name": f"p-{number}", "labels": group}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}).encode()


async def make_node(connection: Connection, number: int) -> None:
    await connection.ask("POST", "/api/v1/nodes", json.dumps(node(number)).encode())
    path = f"/api/v1/nodes/bench-{number}"
    connection.send("PATCH", f"{path}/status", STATUS.encode(), content_type="application/merge-patch+json")
    code, data = await connection.answer()
    assert code == 200, data
    # Admission has tainted it; what would take that away is not what is measured.
    untaint = b'{"spec": {"taints": null}}'
    connection.send("PATCH", path, untaint, content_type="application/merge-patch+json")
    code, data = await connection.answer()
    assert code == 200, data


async def placed(watcher: Connection, version: str, wanted: int) -> list[float]:
    """When each pod had its node."""
    watcher.send("GET", f"{PODS}?watch=1&resourceVersion={version}&fieldSelector=spec.nodeName!=")
    await watcher.head()
    times: list[float] = []
    rest = b""
    while len(times) < wanted:
        rest += await watcher.chunk()
        *lines, rest = rest.split(b"\n")
        times += [time.perf_counter()] * sum(line.startswith(b'{"type":"ADDED"') for line in lines)
    return times


async def measure(
    kubeconfig: Path, scheduler: int, nodes: int, pods: int, kind: str, others: dict[str, int]
) -> None:
    server = Server(kubeconfig)
    [first, watcher] = await server.connections(2)
    await first.ask("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": NAMESPACE}}).encode())
    account = json.dumps({"metadata": {"name": "default"}}).encode()
    try:
        await first.ask("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
    except RuntimeError:
        pass  # a controller was faster
    await rate(server, CLIENTS, nodes, make_node)
    await seen_to(first)
    os.kill(scheduler, signal.SIGSTOP)
    try:
        await rate(server, CLIENTS, pods, lambda c, n: c.ask("POST", PODS, pod(n, kind)))
        found = json.loads(await first.ask("GET", f"{PODS}?limit=1"))
        seen = asyncio.ensure_future(placed(watcher, found["metadata"]["resourceVersion"], pods))
        await asyncio.sleep(0.5)
    finally:
        used = {pid: processor(pid) for pid in (scheduler, *others.values())}
        start = time.perf_counter()
        os.kill(scheduler, signal.SIGCONT)
    times = await asyncio.wait_for(seen, PATIENCE)
    whole, inner = times[-1] - start, times[-1] - times[0]
    print(
        f"{kind}: {pods} pods on {nodes} nodes: {pods / whole:.0f}/s "
        f"({whole:.2f} s; the first after {times[0] - start:.2f} s, from then on {pods / inner:.0f}/s); "
        f"its process has {pss(scheduler):.0f} MB PSS"
    )
    for name, pid in {"scheduler": scheduler, **others}.items():
        print(f"  {name}: {1000 * (processor(pid) - used[pid]) / pods:.2f} ms of a processor for each pod")
    await clean(server, nodes, pods)
    for connection in (first, watcher):
        connection.close()


async def seen_to(connection: Connection) -> None:
    """Until the controllers have done to each node what they do to a new one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = json.loads(await connection.ask("GET", "/api/v1/nodes"))
        if all(TTL in (one["metadata"].get("annotations") or {}) for one in found["items"]):
            return
        assert time.monotonic() < deadline, "the controllers do not see to the nodes"
        await asyncio.sleep(0.2)


def processor(pid: int) -> float:
    """Seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def clean(server: Server, nodes: int, pods: int) -> None:
    now = b'{"gracePeriodSeconds": 0}'
    await rate(server, CLIENTS, pods, lambda c, n: c.ask("DELETE", f"{PODS}/p-{n}", now))
    await rate(server, CLIENTS, nodes, lambda c, n: c.ask("DELETE", f"/api/v1/nodes/bench-{n}"))
    [last] = await server.connections(1)
    await last.ask("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    last.close()


def ours(directory: Path, options: argparse.Namespace) -> None:
    places = ["--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec"]
    base = [sys.executable, "-m", "sampan.kube"]
    more = ["--bind-address", "127.0.0.1", "--secure-port", str(options.port), *PATIENT]
    subprocess.run([*base, "up", *places, *more], check=True, stdout=subprocess.DEVNULL)
    try:
        pid = int((directory / "exec" / "api.pid").read_text())
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        time.sleep(3)  # the process looks at everything once
        config = directory / "data" / "admin.kubeconfig"
        others = {"API server": pid}
        asyncio.run(measure(config, int(children[0]), options.nodes, options.pods, options.kind, others))
    finally:
        subprocess.run([*base, "down", *places], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--scheduler", type=int, help="its process, on this machine")
    parser.add_argument("--server", type=int, help="the API server's process, if it is on this machine")
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--kind", choices=("plain", "anti", "spread"), default="plain")
    parser.add_argument("--port", type=int, default=16445, help="of a cluster of ours")
    options = parser.parse_args()
    if options.kubeconfig is not None:
        if options.scheduler is None:
            parser.error("--kubeconfig wants --scheduler too")
        others = {"API server": options.server} if options.server is not None else {}
        asyncio.run(
            measure(options.kubeconfig, options.scheduler, options.nodes, options.pods, options.kind, others)
        )
        return
    with tempfile.TemporaryDirectory() as directory:
        ours(Path(directory), options)


if __name__ == "__main__":
    main()
