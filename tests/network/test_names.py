"""The embedded resolver at work, between a client and a name server that stands in for the host's."""

import asyncio
import ipaddress
import os
import socket
import struct
import threading
from collections.abc import Callable

import pytest

from sampan.linux import netlink, netns, rtnetlink
from sampan.network import dns
from sampan.network.names import Resolver
from sampan.network.pool import open_resolver
from tests.network.scratch import on_scratch_host
from tests.network.test_dns import Known, question, rows

pytestmark = pytest.mark.root
ip = ipaddress.ip_address


class Upstream:
    """A name server on 127.0.0.1:53 which answers as the test says."""

    def __init__(self, reply: Callable[[bytes], list[bytes]]) -> None:
        self.asked: list[bytes] = []
        self._reply = reply
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 53))
        self._tcp = socket.create_server(("127.0.0.1", 53))
        self._threads = [
            threading.Thread(target=run, daemon=True) for run in (self._datagrams, self._streams)
        ]
        for thread in self._threads:
            thread.start()

    def _datagrams(self) -> None:
        while True:
            data, client = self._udp.recvfrom(65535)
            if data == b"end":
                return
            self.asked.append(data)
            for reply in self._reply(data):
                self._udp.sendto(reply, client)

    def _streams(self) -> None:
        while True:
            try:
                client, _ = self._tcp.accept()
            except OSError:
                return
            with client:
                data = client.recv(65535)[2:]
                for reply in self._reply(data):
                    client.sendall(struct.pack(">H", len(reply)) + reply)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"end", ("127.0.0.1", 53))
        self._tcp.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()


def ask_udp(data: bytes, seconds: float = 6) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.connect(("127.0.0.11", 53))
        client.send(data)
        return client.recv(65535)


def ask_tcp(data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.11", 53), timeout=6) as client:
        client.sendall(struct.pack(">H", len(data)) + data)
        with client.makefile("rb") as file:
            return file.read(struct.unpack(">H", file.read(2))[0])


def answers(data: bytes, count: int) -> list[bytes]:
    query = dns.parse_query(data)
    return [dns.answer(query, [dns.address_record(ip("192.0.2.1"), 60)] * count)]


def with_resolver(
    reply: Callable[[bytes], list[bytes]],
    body: Callable[[Callable[..., "asyncio.Future[bytes]"], Upstream], object],
) -> None:
    """`body` gets a function that asks from inside a container, and the upstream server."""

    async def whole() -> None:
        def inside() -> tuple[int, object]:
            with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
                sock.transact([rtnetlink.set_link(1, up=True)])
            return netns.current(), open_resolver()

        container, sockets = netns.run_in_new(inside)
        upstream = Upstream(reply)
        resolver = Resolver(sockets, Known(), lambda: ("127.0.0.1",))  # type: ignore[arg-type]
        resolver.redirect(container).close()
        resolver.start()
        loop = asyncio.get_running_loop()

        def ask(function: Callable[[bytes], bytes], data: bytes) -> "asyncio.Future[bytes]":
            return loop.run_in_executor(None, netns.run_in, container, lambda: function(data))

        try:
            await body(ask, upstream)  # type: ignore[misc]
        finally:
            resolver.close()
            upstream.close()
            os.close(container)

    on_scratch_host(whole)


def test_own_names_are_answered_without_asking_anyone() -> None:
    async def body(ask: Callable[..., "asyncio.Future[bytes]"], upstream: Upstream) -> None:
        assert rows(await ask(ask_udp, question("web"))) == (0, 1, 0)
        assert rows(await ask(ask_tcp, question("WEB"))) == (0, 1, 0)
        assert upstream.asked == []

    with_resolver(lambda data: [], body)


def test_other_names_are_asked_upstream_under_an_id_of_our_own() -> None:
    async def body(ask: Callable[..., "asyncio.Future[bytes]"], upstream: Upstream) -> None:
        replies = [await ask(ask_udp, question("example.org")) for _ in range(3)]
        assert all(rows(reply) == (0, 1, 0) and reply[:2] == b"\0\7" for reply in replies)
        assert len({data[:2] for data in upstream.asked}) > 1
        assert rows(await ask(ask_tcp, question("example.org"))) == (0, 1, 0)

    with_resolver(lambda data: answers(data, 1), body)


def test_a_big_answer_is_cut_for_datagrams_and_whole_over_tcp() -> None:
    async def body(ask: Callable[..., "asyncio.Future[bytes]"], upstream: Upstream) -> None:
        assert rows(await ask(ask_udp, question("example.org")))[2] == dns.TC
        assert rows(await ask(ask_udp, question("example.org", edns=4096)))[1] == 100
        assert rows(await ask(ask_tcp, question("example.org")))[1] == 100

    with_resolver(lambda data: answers(data, 100), body)


def test_forged_and_broken_answers_are_ignored() -> None:
    def reply(data: bytes) -> list[bytes]:
        (good,) = answers(data, 1)
        wrong_id = bytes([good[0] ^ 1]) + good[1:]
        (other,) = answers(data[:2] + question("evil.example")[2:], 5)
        return [b"", b"\0", wrong_id, other, good]

    async def body(ask: Callable[..., "asyncio.Future[bytes]"], upstream: Upstream) -> None:
        assert rows(await ask(ask_udp, question("example.org"))) == (0, 1, 0)

    with_resolver(reply, body)


def test_hostile_questions_do_not_end_the_service() -> None:
    async def body(ask: Callable[..., "asyncio.Future[bytes]"], upstream: Upstream) -> None:
        for data in (dns.HEADER.pack(7, 0, 9, 0, 0, 0), question("web")[:-3]):
            assert rows(await ask(ask_udp, data))[0] == dns.FORMERR
        assert rows(await ask(ask_udp, question("web", flags=2 << 11)))[0] == dns.NOTIMP

        def send_and_leave(data: bytes) -> bytes:
            with socket.create_connection(("127.0.0.11", 53), timeout=6) as client:
                client.sendall(data)
            return b""

        for data in (b"", b"\xff", b"\xff\xffshort", b"\0\0"):
            await ask(send_and_leave, data)
        assert rows(await ask(ask_udp, question("web"))) == (0, 1, 0)

    with_resolver(lambda data: [], body)


def test_an_upstream_that_refuses_is_reported_as_it_said() -> None:
    async def body(ask: Callable[..., "asyncio.Future[bytes]"], upstream: Upstream) -> None:
        assert rows(await ask(ask_udp, question("example.org")))[0] == dns.REFUSED

    with_resolver(lambda data: [dns.answer(dns.parse_query(data), code=dns.REFUSED)], body)
