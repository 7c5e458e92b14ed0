"""The host's side of sandboxes: devices, rules and ports, and how they come and go."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sampan.engine.networks.live import Endpoint
from sampan.engine.networks.relays import Relays
from sampan.engine.networks.sandbox import Sandbox
from sampan.errors import Failed, SampanError
from sampan.linux import netlink, netns, rtnetlink
from sampan.linux.rtnetlink import Address
from sampan.network import endpoints as plumbing
from sampan.network import flows
from sampan.network.direct import DirectPort
from sampan.network.endpoints import EndpointPlan, Veth
from sampan.network.firewall import Table
from sampan.network.pool import Pool, Prepared
from sampan.network.ports import Lease, Ports
from sampan.network.rules import PortRule


@dataclass
class HostSide:
    """The host's side of everything: devices, rules, ports."""

    socket: netlink.Socket
    table: Table
    ports: Ports
    relays: Relays
    mark: str  # what the engine's devices carry as alias
    hairpin: bool  # bridged packets meet the host's rules, so one may have to leave by the port it came from
    pool: Pool | None = None

    def plan(self, sandbox: Sandbox, endpoint: Endpoint) -> EndpointPlan:
        gateways = [
            gateway
            for version in (4, 6)
            if sandbox.gateway_endpoint(version) is endpoint
            and (gateway := endpoint.gateway(version)) is not None
        ]
        record = endpoint.network.record
        return EndpointPlan(
            endpoint.network.bridge,
            endpoint.mac,
            record.mtu,
            endpoint.addresses,
            tuple(gateways),
            hairpin=self.hairpin,
            # With br_netfilter the rules see packets between ports, and decide.
            isolated=not record.rules().icc and not self.hairpin,
        )

    def attach(self, sandbox: Sandbox, endpoint: Endpoint, prepared: Prepared, veth: Veth, mtu: int) -> None:
        """Plug a veth pair and give it the endpoint's addresses. Raises NetlinkError."""
        plan = self.plan(sandbox, endpoint)
        endpoint.veth, endpoint.inner = veth.name, veth.inner_name
        if plan.ipv6:
            netns.run_in(prepared.netns, lambda: plumbing.set_ipv6(veth.inner_name, True))
        plumbing.plug(self.socket, veth, plan, mtu)
        plumbing.configure(prepared.inside, veth, plan, mtu)
        self.deliver_directly(endpoint, veth.host)

    def attach_new(
        self, sandbox: Sandbox, endpoint: Endpoint, namespace: int, inside: netlink.Socket
    ) -> None:
        """The same with a new pair. Raises NetlinkError, and then no pair is left."""
        name = plumbing.free_name(inside)
        mtu = endpoint.network.record.mtu
        plan = self.plan(sandbox, endpoint)
        veth = plumbing.make_veth(self.socket, inside, namespace, name, mtu=mtu, mark=self.mark)
        endpoint.veth, endpoint.inner = veth.name, name
        try:
            netns.run_in(namespace, lambda: plumbing.set_ipv6(name, plan.ipv6))
            plumbing.plug(self.socket, veth, plan, mtu)
            plumbing.configure(inside, veth, plan, mtu)
            self.deliver_directly(endpoint, veth.host)
        except BaseException:
            plumbing.unplug(self.socket, veth.name)
            raise

    def deliver_directly(self, endpoint: Endpoint, port: int) -> None:
        """Where the host's rules part the ports of a bridge. Raises NetlinkError."""
        rules = endpoint.network.record.rules()
        if rules.icc:
            self.table.direct.add(DirectPort(rules.bridge, endpoint.veth, port, endpoint.mac))

    def reroute(self, sandbox: Sandbox, inside: netlink.Socket) -> None:
        """Let the default routes lead to the sandbox's gateway endpoints."""
        by_name = {link.name: link.index for link in rtnetlink.links(inside)}
        for version in (4, 6):
            endpoint = sandbox.gateway_endpoint(version)
            gateway = endpoint.gateway(version) if endpoint else None
            if endpoint is not None and gateway is not None and endpoint.inner in by_name:
                plumbing.set_default_route(inside, by_name[endpoint.inner], gateway)

    def publish(self, sandbox: Sandbox) -> None:
        """Lease and lead the ports to the gateway endpoint. Raises Failed, and then nothing is published."""
        endpoint = sandbox.gateway_endpoint(4) or sandbox.gateway_endpoint(6)
        if endpoint is None or not sandbox.requests:
            return
        target = str((endpoint.ipv4 or endpoint.addresses[0]).ip)
        leases: list[Lease] = []
        try:
            leases.extend(self.ports.lease(request, target) for request in sandbox.requests)
            self.lead(sandbox, endpoint, leases)
        except BaseException as error:
            self.release(leases)
            if isinstance(error, SampanError | OSError):
                text = error.message if isinstance(error, SampanError) else str(error.strerror)
                raise Failed(
                    f"driver failed programming external connectivity on endpoint "
                    f"{sandbox.container_name} ({endpoint.id}): {text}"
                ) from error
            raise

    def lead(self, sandbox: Sandbox, endpoint: Endpoint, leases: list[Lease]) -> None:
        """Rewrite and relay what comes to leased ports. Raises NetlinkError."""
        rules = [rule for lease in leases for rule in port_rules(lease, endpoint)]
        self.table.add_ports(rules)
        sandbox.leases, sandbox.rules, sandbox.publisher = leases, rules, endpoint
        target = endpoint.addresses[0].ip
        for lease in leases:
            if lease.protocol != "sctp" and (lease.sockets or self.relays.has(lease.key)):
                self.relays.add(lease, target)
        forget_flows(flows.forget_untranslated, rules)

    def unpublish(self, sandbox: Sandbox) -> None:
        self.table.remove_ports(sandbox.rules)
        self.release(sandbox.leases)
        forget_flows(flows.forget_translated, sandbox.rules)
        sandbox.rules, sandbox.leases, sandbox.publisher = [], [], None

    def release(self, leases: Sequence[Lease]) -> None:
        """Whoever binds the ports next gets them."""
        self.relays.drop(leases)
        self.ports.release(leases)


def forget_flows(forget: Callable[[list[PortRule]], None], rules: Sequence[PortRule]) -> None:
    """In a thread: it goes through the whole table of connections."""
    if udp := flows.connectionless(rules):
        asyncio.get_running_loop().run_in_executor(None, forget, udp)


def port_rules(lease: Lease, endpoint: Endpoint) -> Iterator[PortRule]:
    """What the kernel rewrites for a lease; the relay does the rest."""
    for interface in endpoint.addresses:
        host: Address | None = lease.host
        if host is not None and host.version != interface.version:
            continue
        if host is not None and host.is_unspecified:
            host = None
        if host is not None and host.version == 6 and host.is_loopback:
            continue
        yield PortRule(lease.protocol, host, lease.port, interface.ip, lease.container_port)


@contextlib.contextmanager
def inside_of(pid: int) -> Iterator[tuple[int, netlink.Socket]]:
    """A process' network namespace and a netlink socket opened in it. Raises FileNotFoundError."""
    descriptor = netns.of_process(pid)
    try:
        with netns.run_in(descriptor, lambda: netlink.Socket(netlink.NETLINK_ROUTE)) as inside:
            yield descriptor, inside
    finally:
        os.close(descriptor)
