import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest

from sampan.network import relay
from sampan.network.ports import bind
from sampan.network.relay import Relay
from tests.network.scratch import until

LOCAL = ipaddress.ip_address("127.0.0.1")


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A TCP server that sends back what it gets, in capitals, until the client is done."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def held(protocol: str = "tcp") -> socket.socket:
    made = bind(protocol, LOCAL, 0)
    assert made is not None
    return made


async def test_a_connection_is_carried_both_ways_to_its_end(echo: int) -> None:
    with held() as port:
        carrier = Relay(port, LOCAL, echo)
        carrier.start()
        reader, writer = await asyncio.open_connection(*port.getsockname())
        data = b"hello " * 100_000
        writer.write(data)
        writer.write_eof()
        assert await reader.read() == data.upper()
        writer.close()
        carrier.close()


async def test_a_container_that_does_not_listen_ends_the_connection() -> None:
    with held() as port, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        carrier = Relay(port, LOCAL, nobody.getsockname()[1])
        carrier.start()
        reader, writer = await asyncio.open_connection(*port.getsockname())
        assert await reader.read() == b""
        writer.close()
        carrier.close()


async def test_closing_ends_connections_under_way(echo: int) -> None:
    with held() as port:
        carrier = Relay(port, LOCAL, echo)
        carrier.start()
        reader, writer = await asyncio.open_connection(*port.getsockname())
        writer.write(b"x")
        await writer.drain()
        await until(lambda: carrier._tasks, "the connection is taken")
        carrier.close()
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass
        writer.close()


class Doubling(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self.transport.sendto(data + data, addr)


async def test_datagrams_find_back_to_their_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "UDP_FLOWS", 2)
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(Doubling, local_addr=("127.0.0.1", 0))
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    with held("udp") as port:
        carrier = Relay(port, LOCAL, server.get_extra_info("sockname")[1])
        carrier.start()
        for number, client in enumerate(clients):
            client.setblocking(False)
            await loop.sock_connect(client, port.getsockname())
            await loop.sock_sendall(client, bytes([number]))
            async with asyncio.timeout(5):
                assert await loop.sock_recv(client, 100) == bytes([number, number])
        assert len(carrier._flows) <= 2, "the oldest flows give way"
        carrier.close()
    for client in clients:
        client.close()
    server.close()
    await asyncio.sleep(0)
