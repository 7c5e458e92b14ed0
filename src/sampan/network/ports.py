"""Which host ports are published: conflicts between containers, and with the host's own programs.

Packets are rewritten by nftables; no process handles them. Yet each published port is also held by a bound
socket, for three reasons: another program that has the port makes the start fail, as with Docker; none can
take it later and wonder why it gets no packets; and what the kernel cannot rewrite (from [::1], or from IPv6
to a container without it) arrives there and is relayed, by a process that has the socket as well and outlives
this one (sampan.runtime.portrelay). A dual-stack socket holds both families, so a port costs one descriptor;
beyond half of what this process may have, ports are tested and not held.
"""

import errno
import ipaddress
import logging
import os
import resource
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sampan.errors import Failed, Invalid
from sampan.linux import sysctl
from sampan.linux.rtnetlink import Address

log = logging.getLogger("sampan.network")

DEFAULT_RANGE = (32768, 60999)
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "sctp": socket.SOCK_STREAM}


@dataclass(frozen=True)
class Request:
    """A port to publish. `host` None: all addresses of both families; `first` 0: any free port."""

    protocol: str
    container_port: int
    host: Address | None = None
    first: int = 0
    last: int = 0


@dataclass(eq=False)
class Lease:
    """A host port that is ours until released. `sockets` hold it; the owner closes them by `release`."""

    protocol: str
    host: Address | None
    port: int
    container_port: int
    sockets: tuple[socket.socket, ...] = ()

    @property
    def key(self) -> str:
        """Its name at the relay."""
        return f"{self.protocol}/{self.host or ''}/{self.port}"

    def shown_hosts(self) -> list[str]:
        """As Docker lists them: a port on every address is one on each family's."""
        if self.host is not None:
            return [str(self.host)]
        return ["0.0.0.0", "::"] if ipv6_available() else ["0.0.0.0"]


def ipv6_available() -> bool:
    return os.path.exists("/proc/net/if_inet6")


def ephemeral_range() -> tuple[int, int]:
    text = (sysctl.read("ipv4", "ip_local_port_range") or "").split()
    return (int(text[0]), int(text[1])) if len(text) == 2 else DEFAULT_RANGE


class Conflict(Exception):
    """The port is taken: by another container (`held` false), or by a program of the host."""

    def __init__(self, reason: str, *, by_host: bool) -> None:
        super().__init__(reason)
        self.by_host = by_host


@dataclass
class Ports:
    """All leases of one daemon. Not thread-safe."""

    _leases: dict[tuple[str, int], list[Lease]] = field(default_factory=dict)
    _cursor: int = 0
    _held: int = 0
    _limit: int = field(default_factory=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)

    def lease(self, request: Request, target: str) -> Lease:
        """Raises Failed, in Docker's words; `target` is the container's address, for the message."""
        if request.first == 0:
            return self._lease_any(request, target)
        last_error: Conflict | None = None
        for port in range(request.first, max(request.first, request.last) + 1):
            try:
                return self._take(request, port)
            except Conflict as conflict:
                last_error = conflict
        assert last_error is not None
        host = shown(request.host)
        if last_error.by_host:
            where = f"{host}:{request.first}:{target}:{request.container_port}/{request.protocol}"
            raise Failed(f"failed to bind host port for {where}: {last_error}")
        if request.last > request.first:
            raise Failed(f"Bind for {host}:{request.first}-{request.last} failed: all ports are allocated")
        raise Failed(f"Bind for {host}:{request.first} failed: {last_error}")

    def _lease_any(self, request: Request, target: str) -> Lease:
        low, high = ephemeral_range()
        count = high - low + 1
        start = self._cursor if low <= self._cursor <= high else low
        for step in range(count):
            port = low + (start - low + step) % count
            try:
                lease = self._take(request, port)
            except Conflict:
                continue
            self._cursor = port + 1
            return lease
        raise Failed(f"Bind for {shown(request.host)}:0 failed: all ports are allocated")

    def _take(self, request: Request, port: int) -> Lease:
        taken = self._leases.setdefault((request.protocol, port), [])
        if any(_same(request.host, other.host) for other in taken):
            raise Conflict("port is already allocated", by_host=False)
        lease = Lease(request.protocol, request.host, port, request.container_port)
        lease.sockets = self._hold(request.protocol, request.host, port)
        taken.append(lease)
        return lease

    def _hold(self, protocol: str, host: Address | None, port: int) -> tuple[socket.socket, ...]:
        try:
            held = bind(protocol, host, port)
        except OSError as error:
            raise Conflict(describe(error), by_host=True) from error
        if held is None:
            return ()
        if self._held >= self._limit:
            held.close()
            return ()
        self._held += 1
        return (held,)

    def adopt(
        self, protocol: str, host: Address | None, port: int, container_port: int, *, held: bool = False
    ) -> Lease:
        """Take over a port that a running container has already, whoever else wants it now.

        `held`: the relay of an earlier daemon has its socket.
        """
        lease = Lease(protocol, host, port, container_port)
        if not held:
            self.hold(lease)
        self._leases.setdefault((protocol, port), []).append(lease)
        return lease

    def hold(self, lease: Lease) -> None:
        """Again, after whoever held it is gone."""
        try:
            lease.sockets = self._hold(lease.protocol, lease.host, lease.port)
        except Conflict as conflict:
            where = f"{shown(lease.host)}:{lease.port}/{lease.protocol}"
            log.warning("port %s is published, but not held: %s", where, conflict)

    def release(self, leases: Iterable[Lease]) -> None:
        for lease in leases:
            self._held -= len(lease.sockets)
            for held in lease.sockets:
                held.close()
            remaining = self._leases.get((lease.protocol, lease.port), [])
            if lease in remaining:
                remaining.remove(lease)
            if not remaining:
                self._leases.pop((lease.protocol, lease.port), None)

    def all(self) -> Iterator[Lease]:
        for leases in self._leases.values():
            yield from leases


def shown(host: Address | None) -> str:
    if host is None:
        return "0.0.0.0"
    return f"[{host}]" if host.version == 6 else str(host)


def _same(one: Address | None, other: Address | None) -> bool:
    """Whether two host addresses of a port exclude each other."""
    if one is None or other is None or one == other:
        return True
    return one.version == other.version and (one.is_unspecified or other.is_unspecified)


def describe(error: OSError) -> str:
    """Go's words for what bind(2) answered."""
    texts = {
        errno.EADDRINUSE: "address already in use",
        errno.EADDRNOTAVAIL: "cannot assign requested address",
        errno.EACCES: "permission denied",
    }
    return texts.get(error.errno or 0, (error.strerror or str(error)).lower())


def bind(protocol: str, host: Address | None, port: int) -> socket.socket | None:
    """A socket that has the port; None when this kernel has no such sockets (SCTP). Raises OSError."""
    dual = host is None and ipv6_available()
    family = socket.AF_INET6 if dual or (host is not None and host.version == 6) else socket.AF_INET
    number = socket.IPPROTO_SCTP if protocol == "sctp" else 0
    try:
        held = socket.socket(family, KINDS[protocol], number)
    except OSError as error:
        if protocol == "sctp" and error.errno == errno.EPROTONOSUPPORT:
            return None
        raise
    try:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        if protocol != "udp":
            # Connections of an earlier holder in TIME_WAIT do not matter; listening makes it exclusive again.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((str(host) if host is not None else "", port))
        if protocol != "udp":
            held.listen(128)
        held.setblocking(False)
    except BaseException:
        held.close()
        raise
    return held


def parse_host_address(text: str) -> Address | None:
    """None for all addresses. Raises Invalid."""
    if text == "":
        return None
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        raise Invalid(f"invalid IP address: {text}") from None
