"""How fast the controllers of a cluster get their work done: ours, or another whose kubeconfig is given.

    bench/kube_controllers.py                          a cluster of ours, started for this and removed
    bench/kube_controllers.py --kubeconfig FILE        a cluster that runs already, a real one for instance

Pods are counted as they are created; nobody needs to run them. Nodes are objects, and removed at the end.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from kube_api import Connection, Server, ours, pss

PODS = 500
NODES = 1000
NAMESPACES = 5
SPACE = "bench-controllers"
PAUSE = 0.01  # seconds between two looks
PATIENCE = 120.0
TTL = "node.alpha.kubernetes.io/ttl"  # the annotation that a controller gives to each node


def deployment(replicas: int) -> bytes:
    labels = {"app": "bench"}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "schedulerName": "none",
            "containers": [{"name": "c", "image": "registry.example.com/team/service:1.2.3"}],
        },
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bench"}, "spec": spec}
    return json.dumps(body).encode()


async def until(what: str, look: Callable[[], Awaitable[bool]]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    while not await look():
        if time.perf_counter() - start > PATIENCE:
            raise TimeoutError(what)
        await asyncio.sleep(PAUSE)
    return time.perf_counter() - start


async def read(connection: Connection, path: str) -> Any:
    return json.loads(await connection.ask("GET", path))


async def exists(connection: Connection, path: str) -> bool:
    connection.send("GET", path)
    code, _ = await connection.answer()
    return code != 404


async def make_namespace(connection: Connection, name: str) -> None:
    """With its service account, without which no pods are taken."""
    await connection.ask("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": name}}).encode())
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    certificates = f"/api/v1/namespaces/{name}/configmaps/kube-root-ca.crt"
    for path in (account, certificates):
        await until(path, lambda path=path: exists(connection, path))  # type: ignore[misc]


async def pods_of_a_deployment(connection: Connection) -> None:
    base = f"/apis/apps/v1/namespaces/{SPACE}/deployments"

    async def made() -> bool:
        found = await read(connection, f"/api/v1/namespaces/{SPACE}/pods?limit=1")
        return bool(found["items"]) and found["metadata"].get("remainingItemCount", 0) + 1 >= PODS

    async def told() -> bool:
        return bool((await read(connection, f"{base}/bench"))["status"].get("updatedReplicas") == PODS)

    await connection.ask("POST", base, deployment(PODS))
    spent = await until("pods", made)
    print(f"Deployment, 0 to {PODS} pods: {spent:.2f} s")
    print(f"... and its status tells of them: {spent + await until('status', told):.2f} s")


async def nodes(server: Server, connection: Connection) -> None:
    """From the first create until the controllers have seen to the last node."""
    writers = await server.connections(8)
    numbers = iter(range(NODES))

    async def write(writer: Connection) -> None:
        for number in numbers:
            body = json.dumps({"metadata": {"name": f"bench-{number}"}}).encode()
            await writer.ask("POST", "/api/v1/nodes", body)

    async def seen() -> bool:
        found = await read(connection, "/api/v1/nodes")
        marked = [one for one in found["items"] if TTL in (one["metadata"].get("annotations") or {})]
        return len(marked) >= NODES

    start = time.perf_counter()
    try:
        await asyncio.gather(*map(write, writers))
        created = time.perf_counter() - start
        await until("nodes", seen)
        print(f"{NODES} nodes created: {created:.2f} s; seen to: {time.perf_counter() - start:.2f} s")
    finally:
        for number in range(NODES):
            if await exists(connection, f"/api/v1/nodes/bench-{number}"):
                await connection.ask("DELETE", f"/api/v1/nodes/bench-{number}")
        for writer in writers:
            writer.close()


async def empty_namespaces(connection: Connection) -> None:
    """One after the other, so that none waits for another."""
    times = []
    for number in range(NAMESPACES):
        path = f"/api/v1/namespaces/{SPACE}-{number}"
        await make_namespace(connection, f"{SPACE}-{number}")
        start = time.perf_counter()
        await connection.ask("DELETE", path)

        async def gone(path: str = path) -> bool:
            return not await exists(connection, path)

        await until("namespace", gone)
        times.append(time.perf_counter() - start)
    print(f"an empty namespace is gone: {min(times):.2f} to {max(times):.2f} s")


async def measure(kubeconfig: Path, processes: dict[str, int]) -> None:
    server = Server(kubeconfig)
    [connection] = await server.connections(1)
    await make_namespace(connection, SPACE)
    try:
        await empty_namespaces(connection)
        await pods_of_a_deployment(connection)
        await nodes(server, connection)
        for name, pid in processes.items():
            print(f"{name}: {pss(pid):.0f} MB PSS")
    finally:
        await connection.ask("DELETE", f"/api/v1/namespaces/{SPACE}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kubeconfig", type=Path)
    options = parser.parse_args()
    if options.kubeconfig is not None:
        asyncio.run(measure(options.kubeconfig, {}))
        return
    with tempfile.TemporaryDirectory() as directory:
        ours(Path(directory), measure)


if __name__ == "__main__":
    main()
