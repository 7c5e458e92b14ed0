"""The embedded resolver: container names on user-defined networks, everything else from the host's resolvers.

Its sockets are in the container's namespace (pool.py), where nftables leads 127.0.0.11:53 to them, so that a
container may run a name server of its own. What it does not know is asked from the host's namespace.
"""

import asyncio
import contextlib
import logging
import random
import socket
import struct
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sampan.linux import netns
from sampan.linux.nftables import Firewall
from sampan.linux.rtnetlink import Address
from sampan.network import dns, rules
from sampan.network.dns import Query
from sampan.network.pool import ResolverSockets

log = logging.getLogger("sampan.network")

TABLE = "sampan_dns"
TTL = 600  # Docker's
UPSTREAM_TIMEOUT = 4.0
TCP_IDLE = 10.0
CONCURRENT = 256  # questions of one container under way upstream; more are dropped, as with any full queue


Client = tuple[str, int]


class Names(Protocol):
    """What one container may know of others."""

    def addresses(self, name: str) -> list[Address] | None:
        """All addresses of a name, None when no container has it."""

    def pointer(self, address: Address) -> list[str] | None:
        """The full names of an address, None when no container has it."""


def local_records(query: Query, names: Names) -> list[bytes] | None:
    """The answer if it is ours to give, else None. A name of ours without addresses of the kind: empty."""
    if query.klass != dns.IN:
        return None
    if query.kind == dns.PTR:
        address = dns.reversed_address(query.name)
        found = names.pointer(address) if address is not None else None
        return None if found is None else [dns.pointer_record(name, TTL) for name in found]
    addresses = names.addresses(query.name) if query.name else None
    if addresses is None:
        return None
    version = {dns.A: 4, dns.AAAA: 6}.get(query.kind)
    wanted = [address for address in addresses if address.version == version]
    random.shuffle(wanted)
    return [dns.address_record(address, TTL) for address in wanted]


class _Upstream(asyncio.DatagramProtocol):
    """Waits for the one datagram that answers a question."""

    def __init__(self, id: int, raw: bytes) -> None:
        self._start = struct.pack(">H", id)
        self._raw = raw.lower()
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        question = data[dns.HEADER.size : dns.HEADER.size + len(self._raw)].lower()
        if data.startswith(self._start) and question in (self._raw, b"") and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def ask_udp(server: str, data: bytes, query: Query) -> bytes:
    """Raises OSError, TimeoutError."""
    loop = asyncio.get_running_loop()
    # A random source port and a random ID of our own: what makes forged answers hard. RFC 5452
    id = random.SystemRandom().randrange(65536)
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Upstream(id, query.raw), remote_addr=(server, 53)
    )
    try:
        transport.sendto(struct.pack(">H", id) + data[2:])
        async with asyncio.timeout(UPSTREAM_TIMEOUT):
            return data[:2] + (await protocol.answer)[2:]
    finally:
        transport.close()


async def ask_tcp(server: str, data: bytes) -> bytes:
    """Raises OSError, TimeoutError, EOFError."""
    async with asyncio.timeout(UPSTREAM_TIMEOUT):
        reader, writer = await asyncio.open_connection(server, 53)
        try:
            writer.write(struct.pack(">H", len(data)) + data)
            size = struct.unpack(">H", await reader.readexactly(2))[0]
            return await reader.readexactly(size)
        finally:
            writer.close()


@dataclass
class Resolver:
    """One container's resolver, from `start` to `close`."""

    sockets: ResolverSockets
    names: Names
    upstreams: Callable[[], Sequence[str]]
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def redirect(self, namespace: int) -> Firewall:
        """Lead 127.0.0.11:53 of the namespace here. Raises OSError.

        Closing what is returned can wait for RCU (nft_rcv_nl_event), so do it where that does not matter.
        """
        firewall = netns.run_in(namespace, Firewall)
        udp, tcp = self.sockets.udp.getsockname()[1], self.sockets.tcp.getsockname()[1]
        try:
            firewall.commit(rules.resolver(TABLE, udp, tcp))
        except BaseException:
            firewall.close()
            raise
        return firewall

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self.sockets.udp, self._datagrams)
        loop.add_reader(self.sockets.tcp, self._accept)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.sockets.udp)
        loop.remove_reader(self.sockets.tcp)
        for task in self._tasks:
            task.cancel()
        self.sockets.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _datagrams(self) -> None:
        for _ in range(64):
            try:
                data, client = self.sockets.udp.recvfrom(dns.MAX_UDP)
            except OSError:
                return
            reply = self._reply_nowait(data, udp=True)
            if isinstance(reply, bytes):
                self._send(reply, client)
            elif reply is not None and len(self._tasks) < CONCURRENT:
                self._spawn(self._forward_datagram(reply, data, client))

    def _send(self, reply: bytes, client: Client) -> None:
        with contextlib.suppress(OSError):
            self.sockets.udp.sendto(reply, client)

    def _reply_nowait(self, data: bytes, *, udp: bool) -> bytes | Query | None:
        """The answer; or the question, to be asked upstream; or nothing, for what deserves none."""
        try:
            query = dns.parse_query(data)
        except dns.Malformed as error:
            return None if error.id is None else dns.error_reply(error.id, error.flags, dns.FORMERR)
        if query.flags >> 11 & 0xF:
            return dns.answer(query, code=dns.NOTIMP)
        records = local_records(query, self.names)
        if records is None:
            return query
        return dns.answer(query, records, limit=query.udp_size if udp else dns.MAX_UDP)

    async def _forward_datagram(self, query: Query, data: bytes, client: Client) -> None:
        reply = await self._ask(query, data, udp=True)
        if len(reply) > query.udp_size:
            reply = dns.answer(query, [b"\0" * dns.MAX_UDP], limit=query.udp_size)
        self._send(reply, client)

    async def _ask(self, query: Query, data: bytes, *, udp: bool) -> bytes:
        """The first usable answer of the upstreams, in their order; SERVFAIL when there is none."""
        last: bytes | None = None
        for server in self.upstreams():
            try:
                reply = await (ask_udp(server, data, query) if udp else ask_tcp(server, data))
            except (OSError, TimeoutError, EOFError) as error:
                log.debug("resolver %s: %s: %s", server, query.name, error)
                continue
            if len(reply) < dns.HEADER.size:
                continue
            last = reply
            if reply[3] & 0xF not in (dns.SERVFAIL, dns.REFUSED):
                break
        return last or dns.answer(query, code=dns.SERVFAIL)

    def _accept(self) -> None:
        for _ in range(16):
            try:
                client, _ = self.sockets.tcp.accept()
            except OSError:
                return
            if len(self._tasks) >= CONCURRENT:
                client.close()
                return
            client.setblocking(False)
            self._spawn(self._serve(client))

    async def _serve(self, client: socket.socket) -> None:
        """Questions of one TCP connection, one after the other, each within the idle time."""
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            while True:
                async with asyncio.timeout(TCP_IDLE):
                    size = struct.unpack(">H", await reader.readexactly(2))[0]
                    data = await reader.readexactly(size)
                reply = self._reply_nowait(data, udp=False)
                if isinstance(reply, Query):
                    reply = await self._ask(reply, data, udp=False)
                if reply is None:
                    return
                writer.write(struct.pack(">H", len(reply)) + reply)
                async with asyncio.timeout(TCP_IDLE):
                    await writer.drain()
        except (OSError, TimeoutError, EOFError):
            return
        finally:
            writer.close()
