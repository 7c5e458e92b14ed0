"""The port relay as its own process, as the daemon meets it: told by messages, seen through the ports."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sampan.linux import sockets
from sampan.runtime import forwarding, portrelay


class Relay:
    """One that runs, and this side of its connection."""

    def __init__(self, directory: Path, prepare: Callable[[], None]) -> None:
        self.directory = directory
        self.daemon, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.daemon.settimeout(10)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.daemon.close()
                prepare()
                portrelay.Relay(str(directory), sockets.Socket(fileno=theirs.detach())).run()
            finally:
                os._exit(0)
        theirs.close()

    def tell(self, message: dict[str, Any], held: socket.socket | None = None) -> None:
        socket.send_fds(self.daemon, [json.dumps(message).encode()], [held.fileno()] if held else [])

    def ask(self, message: dict[str, Any]) -> Any:
        self.tell(message)
        return json.loads(self.daemon.recv(1 << 18))

    def add(self, key: str, held: socket.socket | None, port: int) -> None:
        self.tell({"op": "add", "key": key, "address": "127.0.0.1", "port": port}, held)
        self.ask({"op": "list"})

    def another_daemon(self) -> None:
        self.daemon.close()
        self.daemon = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.daemon.settimeout(10)
        self.daemon.connect(str(self.directory / "shim.sock"))


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    made = Relay(tmp_path, lambda: setattr(forwarding, "UDP_FLOWS", 2))
    yield made
    made.ask({"op": "drop", "keys": made.ask({"op": "list"})["keys"]})
    made.daemon.close()
    assert os.waitpid(made.pid, 0)[1] == 0, "it ends with nothing to hold and nobody to serve"


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A TCP server that sends back what it gets, in capitals, until the client is done."""

    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while data := await reader.read(1 << 16):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def bound(kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        made.listen(16)
    return made


async def test_a_connection_is_carried_both_ways_to_its_end(relay: Relay, echo: int) -> None:
    with bound(socket.SOCK_STREAM) as port:
        relay.add("tcp//1", port, echo)
        reader, writer = await asyncio.open_connection(*port.getsockname())
        data = b"hello " * 500_000  # more than all buffers on the way hold

        async def send() -> None:
            writer.write(data)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        async with asyncio.timeout(30):
            assert await reader.read() == data.upper()
        await sending
        writer.close()


async def test_a_connection_goes_on_without_its_daemon_and_ends_with_its_port(
    relay: Relay, echo: int
) -> None:
    with bound(socket.SOCK_STREAM) as port:
        address = port.getsockname()
        relay.add("tcp//1", port, echo)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"before")
    assert await reader.readexactly(6) == b"BEFORE"
    relay.another_daemon()
    assert relay.ask({"op": "list"}) == {"keys": ["tcp//1"], "more": False}
    writer.write(b"after")
    assert await reader.readexactly(5) == b"AFTER"
    assert relay.ask({"op": "drop", "keys": ["tcp//1", "tcp//2"]}) == {"dropped": 1}
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_new_connections_go_where_the_port_leads_now(relay: Relay, echo: int) -> None:
    with bound(socket.SOCK_STREAM) as port, bound(socket.SOCK_STREAM) as nobody:
        dead = nobody.getsockname()[1]
        nobody.close()
        relay.add("tcp//1", port, dead)
        reader, writer = await asyncio.open_connection(*port.getsockname())
        try:
            assert await reader.read() == b"", "a container that does not listen"
        except ConnectionResetError:
            pass
        writer.close()
        relay.add("tcp//1", None, echo)
        reader, writer = await asyncio.open_connection(*port.getsockname())
        writer.write(b"x")
        assert await reader.readexactly(1) == b"X"
        writer.close()


class Doubling(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self.transport.sendto(data + data, addr)


async def test_datagrams_find_back_to_their_sender(relay: Relay) -> None:
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(Doubling, local_addr=("127.0.0.1", 0))
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    with bound(socket.SOCK_DGRAM) as port:
        relay.add("udp//1", port, server.get_extra_info("sockname")[1])
        for number, client in enumerate(clients):
            client.setblocking(False)
            await loop.sock_connect(client, port.getsockname())
            await loop.sock_sendall(client, bytes([number]))
            async with asyncio.timeout(5):
                assert await loop.sock_recv(client, 100) == bytes([number, number])
    for client in clients:
        client.close()
    server.close()
    await asyncio.sleep(0)
