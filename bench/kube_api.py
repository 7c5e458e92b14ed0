"""How fast a Kubernetes API server answers: ours, or any other whose kubeconfig is given.

    bench/kube_api.py                          a cluster of ours, started for this and removed
    bench/kube_api.py --kubeconfig FILE        a server that runs already, a real one for instance

Everything goes through TLS, authentication and authorization. The load is a process of its own, one per run.
"""

import argparse
import asyncio
import base64
import json
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import yaml

ROOT = Path(__file__).parents[1]
PODS = 5000
WATCHERS = 100
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PROTOBUF = "application/vnd.kubernetes.protobuf"


class Connection:
    """One HTTP/1.1 connection; requests one after the other."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection(
            self._server.host, self._server.port, ssl=self._server.context, limit=1 << 20
        )
        return self

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        accept: str = "application/json",
        content_type: str = "application/json",
    ) -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nContent-Length: {len(body)}\r\n"
        if body:
            head += f"Content-Type: {content_type}\r\n"
        self._writer.write(head.encode() + b"\r\n" + body)

    async def answer(self) -> tuple[int, bytes]:
        code, headers = await self.head()
        if headers.get("transfer-encoding") == "chunked":
            parts = []
            while part := await self.chunk():
                parts.append(part)
            return code, b"".join(parts)
        return code, await self._reader.readexactly(int(headers.get("content-length", 0)))

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        return int(lines[0].split()[1]), headers

    async def chunk(self) -> bytes:
        size = int((await self._reader.readline()).split(b";")[0], 16)
        data = await self._reader.readexactly(size)
        await self._reader.readexactly(2)
        return data

    async def ask(self, method: str, path: str, body: bytes = b"", accept: str = "application/json") -> bytes:
        self.send(method, path, body, accept)
        code, data = await self.answer()
        if code >= 400:
            raise RuntimeError(f"{method} {path}: {code} {data[:300]!r}")
        return data

    def close(self) -> None:
        self._writer.close()


class Server:
    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        address = urlparse(cluster["server"])
        self.host, self.port = address.hostname or "", address.port or 443
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        self.context.check_hostname = False
        with tempfile.NamedTemporaryFile() as file:
            file.write(base64.b64decode(user["client-certificate-data"]) + b"\n")
            file.write(base64.b64decode(user["client-key-data"]))
            file.flush()
            self.context.load_cert_chain(file.name)

    async def connections(self, count: int) -> list[Connection]:
        return [await Connection(self).open() for _ in range(count)]


def pod(name: str) -> bytes:
    container = {
        "name": "c",
        "image": "registry.example.com/team/service:1.2.3",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "A", "value": "b"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    metadata = {"name": name, "labels": {"app": "bench", "tier": "a"}}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"schedulerName": "none", "containers": [container]},
        }
    ).encode()


async def rate(
    server: Server, clients: int, count: int, work: Callable[[Connection, int], Awaitable[Any]]
) -> float:
    """Requests per second of `clients` that do `count` between them."""
    connections = await server.connections(clients)
    numbers = iter(range(count))

    async def one(connection: Connection) -> None:
        for number in numbers:
            await work(connection, number)

    start = time.perf_counter()
    await asyncio.gather(*(one(connection) for connection in connections))
    spent = time.perf_counter() - start
    for connection in connections:
        connection.close()
    return count / spent


async def watch_latency(server: Server, path: str) -> float:
    """The median time from the sending of a create to the arrival of its event, in ms."""
    watcher, writer = await server.connections(2)
    version = json.loads(await writer.ask("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
    watcher.send("GET", f"{path}?watch=1&resourceVersion={version}")
    await watcher.head()
    times = []
    for number in range(200):
        body = json.dumps({"metadata": {"name": f"lat-{number}"}}).encode()
        start = time.perf_counter()
        writer.send("POST", path, body)
        await watcher.chunk()
        times.append(time.perf_counter() - start)
        await writer.answer()
    watcher.close()
    writer.close()
    return statistics.median(times) * 1000


async def fan_out(server: Server, path: str) -> float:
    """Events per second that arrive at all watchers together."""
    watchers = await server.connections(WATCHERS)
    writers = await server.connections(8)
    version = json.loads(await writers[0].ask("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
    for watcher in watchers:
        watcher.send("GET", f"{path}?watch=1&resourceVersion={version}")
        await watcher.head()
    count = 800

    async def follow(watcher: Connection) -> None:
        seen = 0
        while seen < count:
            seen += (await watcher.chunk()).count(b'{"type":"ADDED"')

    numbers = iter(range(count))

    async def write(writer: Connection) -> None:
        for number in numbers:
            body = json.dumps({"metadata": {"name": f"fan-{number}"}, "data": {"a": "b"}}).encode()
            await writer.ask("POST", path, body)

    start = time.perf_counter()
    await asyncio.gather(*(follow(one) for one in watchers), *(write(one) for one in writers))
    spent = time.perf_counter() - start
    for one in [*watchers, *writers]:
        one.close()
    return count * WATCHERS / spent


async def collect(server: Server, namespace: str) -> float:
    """Seconds from the deletion of an object until the PODS that belong to it have gone as well."""
    clients = await server.connections(17)
    writer, rest = clients[0], clients[1:]
    maps, pods = (f"/api/v1/namespaces/{namespace}/{kind}" for kind in ("configmaps", "pods"))
    owner = json.loads(await writer.ask("POST", maps, json.dumps({"metadata": {"name": "owner"}}).encode()))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    numbers = iter(range(PODS))

    async def create(client: Connection) -> None:
        for number in numbers:
            body = json.loads(pod(f"owned-{number}"))
            body["metadata"]["ownerReferences"] = [reference]
            await client.ask("POST", pods, json.dumps(body).encode())

    await asyncio.gather(*(create(client) for client in rest))
    await asyncio.sleep(3)  # the collector has heard of them
    version = json.loads(await writer.ask("GET", f"{pods}?limit=1"))["metadata"]["resourceVersion"]
    start, gone = time.perf_counter(), 0
    await writer.ask("DELETE", f"{maps}/owner?propagationPolicy=Background")
    rest[0].send("GET", f"{pods}?watch=1&resourceVersion={version}")
    await rest[0].head()
    while gone < PODS:
        gone += (await rest[0].chunk()).count(b'{"type":"DELETED"')
    spent = time.perf_counter() - start
    for client in clients:
        client.close()
    return spent


async def timed(connection: Connection, path: str, accept: str) -> float:
    """The best of several lists, in ms."""
    best = 1e9
    for _ in range(5):
        start = time.perf_counter()
        await connection.ask("GET", path, accept=accept)
        best = min(best, time.perf_counter() - start)
    return best * 1000


async def new_namespace(connection: Connection, name: str) -> None:
    """With the account that pods need; where there are controllers, they may have been faster."""
    await connection.ask("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": name}}).encode())
    account = json.dumps({"metadata": {"name": "default"}}).encode()
    try:
        await connection.ask("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)
    except RuntimeError:
        pass


async def measure(kubeconfig: Path, processes: dict[str, int]) -> None:
    server = Server(kubeconfig)
    for name, pid in processes.items():
        print(f"{name}, idle: {pss(pid):.0f} MB PSS")
    [first] = await server.connections(1)
    for name in ("bench", "bench-maps"):
        await new_namespace(first, name)
    pods, maps = "/api/v1/namespaces/bench/pods", "/api/v1/namespaces/bench-maps/configmaps"
    single = await rate(server, 1, 500, lambda c, n: c.ask("POST", pods, pod(f"one-{n}")))
    print(f"creates of pods, 1 client: {single:.0f}/s")
    many = await rate(server, 16, PODS - 500, lambda c, n: c.ask("POST", pods, pod(f"many-{n}")))
    print(f"creates of pods, 16 clients: {many:.0f}/s")
    gets = await rate(server, 16, 10000, lambda c, n: c.ask("GET", f"{pods}/many-{n % 4000}"))
    print(f"gets, 16 clients: {gets:.0f}/s")
    for name, accept in (("JSON", "application/json"), ("Table", TABLE), ("protobuf", PROTOBUF)):
        print(f"list of {PODS} pods, {name}: {await timed(first, pods, accept):.0f} ms")
    print(f"watch event, median: {await watch_latency(server, maps):.1f} ms")
    print(f"events to {WATCHERS} watchers: {await fan_out(server, maps):.0f}/s")
    for name, pid in processes.items():
        print(f"{name}, with {PODS} pods: {pss(pid):.0f} MB PSS")
    await new_namespace(first, "bench-owned")
    print(f"{PODS} pods collected after their owner: {await collect(server, 'bench-owned'):.1f} s")
    for name in ("bench", "bench-maps", "bench-owned"):
        await first.ask("DELETE", f"/api/v1/namespaces/{name}")


def pss(pid: int) -> float:
    """MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.split("Pss:")[1].split()[0]) / 1024


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


Measure = Callable[[Path, dict[str, int]], Awaitable[None]]


def ours(directory: Path, measure: Measure) -> None:
    """Measure a cluster of ours, which is started in the directory."""
    places = ["--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec"]
    base = [sys.executable, "-m", "sampan.kube"]
    start = time.perf_counter()
    more = ["--bind-address", "127.0.0.1", "--secure-port", str(free_port())]
    subprocess.run([*base, "up", *places, *more], check=True, stdout=subprocess.DEVNULL)
    print(f"ready: {time.perf_counter() - start:.2f} s")
    try:
        pid = int((directory / "exec" / "api.pid").read_text())
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        time.sleep(3)  # its controllers look at everything once
        processes = {"API server": pid, "controllers": int(children[0])}
        asyncio.run(_run(measure, directory / "data" / "admin.kubeconfig", processes))
    finally:
        subprocess.run([*base, "down", *places], check=True, stdout=subprocess.DEVNULL)


async def _run(measure: Measure, kubeconfig: Path, processes: dict[str, int]) -> None:
    await measure(kubeconfig, processes)


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
