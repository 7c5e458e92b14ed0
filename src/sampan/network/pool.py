"""Network namespaces made in advance, so that a start only has to address and plug one.

A prepared namespace has loopback up, a veth pair whose inner end is eth0, a netlink socket opened inside,
and the two sockets of the embedded resolver. Making one costs 2 ms (copy_net_ns alone 1.1 ms), using one
0.2 ms. It lives only by these descriptors: when the daemon dies, however it does, the kernel removes it.
"""

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sampan.linux import netlink, netns, rtnetlink
from sampan.network import endpoints
from sampan.network.endpoints import Veth

log = logging.getLogger("sampan.network")

RESOLVER_ADDRESS = "127.0.0.11"
REFILL_DELAY = 0.03  # seconds; a start is over by then


@dataclass(frozen=True)
class ResolverSockets:
    """Where the embedded resolver listens in a namespace."""

    udp: socket.socket
    tcp: socket.socket

    def close(self) -> None:
        self.udp.close()
        self.tcp.close()


def open_resolver() -> ResolverSockets:
    """Call inside the namespace, whose loopback must be up."""
    with contextlib.ExitStack() as stack:
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        udp.bind((RESOLVER_ADDRESS, 0))
        tcp.bind((RESOLVER_ADDRESS, 0))
        tcp.listen(64)
        udp.setblocking(False)
        tcp.setblocking(False)
        sockets = ResolverSockets(udp, tcp)
        stack.pop_all()
        return sockets


@dataclass(frozen=True)
class Prepared:
    """`veth` None: a bare namespace with loopback only."""

    netns: int
    inside: netlink.Socket
    veth: Veth | None
    mtu: int
    resolver: ResolverSockets

    def close(self) -> None:
        """Let go of the namespace; the kernel removes it with its veth pair if nobody else holds it."""
        os.close(self.netns)
        self.inside.close()
        self.resolver.close()


def prepare(host: netlink.Socket, mtu: int, mark: str, namespace: int | None = None) -> Prepared:
    """In a new namespace, or in the one behind `namespace`. Raises OSError when the kernel refuses."""

    def inside_namespace() -> Prepared:
        with contextlib.ExitStack() as stack:
            inside = stack.enter_context(netlink.Socket(netlink.NETLINK_ROUTE))
            descriptor = netns.current()
            stack.callback(os.close, descriptor)
            inside.transact([rtnetlink.set_link(1, up=True)])
            veth = endpoints.make_veth(host, inside, descriptor, "eth0", mtu=mtu, mark=mark)
            # As Docker: IPv6 stays on for loopback, and off for interfaces of networks without it.
            endpoints.set_ipv6("eth0", False)
            # Up now: a bridge port forwards only once linkwatch has seen its carrier, milliseconds later.
            inside.transact([rtnetlink.set_link(veth.inner, up=True)])
            prepared = Prepared(descriptor, inside, veth, mtu, open_resolver())
            stack.pop_all()
            return prepared

    return _run_in(namespace, inside_namespace)


def prepare_bare(namespace: int | None = None) -> Prepared:
    """A namespace with loopback only, for --network none. Raises OSError."""

    def inside_namespace() -> Prepared:
        with contextlib.ExitStack() as stack:
            inside = stack.enter_context(netlink.Socket(netlink.NETLINK_ROUTE))
            descriptor = netns.current()
            stack.callback(os.close, descriptor)
            inside.transact([rtnetlink.set_link(1, up=True)])
            prepared = Prepared(descriptor, inside, None, 0, open_resolver())
            stack.pop_all()
            return prepared

    return _run_in(namespace, inside_namespace)


def _run_in(namespace: int | None, function: Callable[[], Prepared]) -> Prepared:
    return netns.run_in_new(function) if namespace is None else netns.run_in(namespace, function)


class Pool:
    """A few prepared namespaces, refilled by a thread."""

    def __init__(self, size: int, mtu: int, mark: str) -> None:
        self._size = size
        self._mtu = mtu
        self._mark = mark
        self._ready: deque[Prepared] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._later: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to fill it; the thread belongs to the network namespace of the caller."""
        self._thread = threading.Thread(target=self._fill, name="netns-pool", daemon=True)
        self._thread.start()
        self._wake.set()

    def _fill(self) -> None:
        with netlink.Socket(netlink.NETLINK_ROUTE) as host:
            while True:
                self._wake.wait()
                self._wake.clear()
                while len(self._ready) < self._size and not self._stopping:
                    try:
                        self._ready.append(prepare(host, self._mtu, self._mark))
                    except OSError as error:
                        log.warning("cannot prepare a network namespace: %s", error)
                        break
                if self._stopping:
                    return

    def take_nowait(self) -> Prepared | None:
        """A prepared namespace, owned by the caller from now on; None when all are used."""
        taken = self._ready.popleft() if self._ready else None
        if len(self._ready) <= self._size // 2:
            self._wake.set()
        elif self._later is None:
            # Making the next one competes with the start for RTNL, the processors and Python's lock.
            self._later = asyncio.get_running_loop().call_later(REFILL_DELAY, self._refill)
        return taken

    def _refill(self) -> None:
        self._later = None
        self._wake.set()

    async def take(self) -> Prepared:
        """Raises OSError when none is left and the kernel refuses to make one."""
        taken = self.take_nowait()
        return taken if taken is not None else await asyncio.to_thread(self._make)

    async def prepare_in(self, namespace: int) -> Prepared:
        """The same in a namespace that is there, and stays the caller's. Raises OSError."""
        return await asyncio.to_thread(self._make, namespace)

    def _make(self, namespace: int | None = None) -> Prepared:
        with netlink.Socket(netlink.NETLINK_ROUTE) as host:
            return prepare(host, self._mtu, self._mark, namespace)

    def stop(self) -> None:
        """Waits for the thread. Call where that does not matter."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        for prepared in self._ready:
            prepared.close()
        self._ready.clear()
