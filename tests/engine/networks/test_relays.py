"""The daemon's side of the port relay, with a real relay forked by a real launcher."""

import asyncio
import ipaddress
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sampan.engine.networks.relays import Relays
from sampan.network.ports import Lease, Ports, Request
from sampan.paths import Paths
from sampan.runtime import launcher
from sampan.runtime.client import Launcher
from tests.network.scratch import until

LOCAL = ipaddress.ip_address("127.0.0.1")


class World:
    def __init__(self, directory: Path, target: int) -> None:
        self.paths = Paths(directory / "data", directory / "exec")
        self.paths.tmp.mkdir(parents=True)
        self.paths.exec.mkdir()
        self.launcher = Launcher(*launcher.spawn())
        self.ports = Ports()
        self.relays = Relays(self.paths, self.launcher, self.ports)
        self.target = target

    def lease(self) -> Lease:
        return self.ports.lease(Request("tcp", self.target, LOCAL), "127.0.0.1")

    async def next_daemon(self) -> None:
        """What remains when a daemon is killed: its sockets are closed, and nothing is said."""
        await self.relays.stop()
        self.ports.release(list(self.ports.all()))
        self.ports = Ports()
        self.relays = Relays(self.paths, self.launcher, self.ports)

    def relay(self) -> int:
        """The relay's pid, by who holds its socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            probe.connect(str(self.paths.ports / "shim.sock"))
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            return int.from_bytes(credentials[:4], "little")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made = World(tmp_path, server.sockets[0].getsockname()[1])
    yield made
    leases = list(made.ports.all())
    made.relays.drop(leases)
    await made.relays.stop()
    made.ports.release(leases)
    await made.launcher.close()
    server.close()
    await server.wait_closed()


async def ask(port: int) -> bytes:
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        writer.write_eof()
        try:
            return await reader.read()
        finally:
            writer.close()


async def test_a_port_is_relayed_until_it_is_dropped(world: World) -> None:
    lease = world.lease()
    world.relays.add(lease, LOCAL)
    assert await ask(lease.port) == b"X"
    world.relays.drop([lease])
    world.ports.release([lease])
    with pytest.raises(ConnectionRefusedError):
        await ask(lease.port)
    with socket.create_server(("127.0.0.1", lease.port)):
        pass


async def test_the_next_daemon_takes_over_and_drops_what_nobody_has(world: World) -> None:
    kept, gone = world.lease(), world.lease()
    for lease in (kept, gone):
        world.relays.add(lease, LOCAL)
        assert await ask(lease.port) == b"X"
    before = world.relay()
    await world.next_daemon()
    assert await ask(kept.port) == await ask(gone.port) == b"X", "while no daemon runs"
    assert world.relays.find()
    assert world.relays.has(kept.key) and world.relays.has(gone.key)
    adopted = world.ports.adopt("tcp", LOCAL, kept.port, world.target, held=True)
    world.relays.add(adopted, LOCAL)
    world.relays.settle()
    assert await ask(kept.port) == b"X"
    with pytest.raises(ConnectionRefusedError):
        await ask(gone.port)
    assert world.relay() == before


async def test_a_relay_that_dies_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampan.engine.networks.relays.AGAIN", 0.0)
    mine = world.lease()
    world.relays.add(mine, LOCAL)
    assert await ask(mine.port) == b"X"
    await world.next_daemon()
    assert world.relays.find()
    adopted = world.ports.adopt("tcp", LOCAL, mine.port, world.target, held=True)
    world.relays.add(adopted, LOCAL)
    pid = world.relay()
    os.kill(pid, signal.SIGKILL)
    await until(lambda: adopted.sockets, "the port is held again")
    assert await ask(mine.port) == b"X"
    assert world.relay() != pid
