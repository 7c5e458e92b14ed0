"""Every running container's sandbox: opened at its start, changed by connect, closed at its end."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from sampan.engine.containers.record import ContainerRecord
from sampan.engine.networks import inspect as shown
from sampan.engine.networks import links, settings
from sampan.engine.networks.etc import EtcFiles, StepFiles
from sampan.engine.networks.hostside import HostSide, inside_of
from sampan.engine.networks.live import Endpoint, LiveNetwork, idle_settings
from sampan.engine.networks.lookup import SandboxNames
from sampan.engine.networks.sandbox import Sandbox, restore_endpoint
from sampan.errors import Conflict, Failed, Invalid, NotFound, SampanError
from sampan.linux import netns
from sampan.linux.nftables import Firewall
from sampan.linux.rtnetlink import Address
from sampan.network import endpoints as plumbing
from sampan.network import pool
from sampan.network.names import Resolver
from sampan.network.pool import Prepared
from sampan.network.ports import Lease, parse_host_address
from sampan.paths import Paths

log = logging.getLogger("sampan.network")

SWEEP_DELAY = 0.3  # seconds; the kernel has removed a dead namespace's devices by then


class Containers(Protocol):
    """What networks need to know of containers."""

    def get(self, ref: str) -> ContainerRecord: ...
    def by_id(self, id: str) -> ContainerRecord | None: ...
    def lock(self, id: str) -> asyncio.Lock: ...
    def save(self, record: ContainerRecord) -> None: ...


@dataclass(frozen=True)
class StepNetwork:
    """The network of a build's step. `netns` is the caller's; None: the host's. `files`: for its /etc."""

    id: str
    netns: int | None
    files: StepFiles
    sandbox: Sandbox | None = None


@dataclass
class Sandboxes:
    paths: Paths
    host: HostSide
    containers: Containers
    network: Callable[[str], LiveNetwork]  # by name or ID; raises NotFound
    emit: Callable[[LiveNetwork, str, str], None]  # network, "connect" or "disconnect", container ID
    etc: EtcFiles
    default_host: Callable[[LiveNetwork], str]  # the address for published ports without one
    _live: dict[str, Sandbox] = field(default_factory=dict)
    _leaving: set[str] = field(default_factory=set)
    _sweeping: asyncio.TimerHandle | None = None

    def get(self, container: str) -> Sandbox | None:
        return self._live.get(container)

    def all(self) -> Iterable[Sandbox]:
        return self._live.values()

    # -- opening

    async def open(self, record: ContainerRecord, own: int | None = None) -> int | None:
        """The network namespace for a container's start, the caller's; None: the host's.

        Raises NotFound, Conflict, Invalid, Denied, Failed, and then nothing is left.
        `own` is the network namespace to use, where it may not be one of the pool's.
        """
        await self.close(record.id)
        mode = record.host_config.get("NetworkMode") or "bridge"
        kind, colon, ref = mode.partition(":")
        if kind == "container" and colon:
            return self._join(record, ref)
        if mode == "host":
            return self._use_host(record)
        if mode == "none" or record.config.get("NetworkDisabled"):
            return await self._isolate(record, own, self._new(record, "none"), "none")
        if not record.networking and not self._rejoin(record, mode):
            return await self._isolate(record, own, self._new(record, "bridge"))
        return await self._open_bridged(record, own)

    def _rejoin(self, record: ContainerRecord, mode: str) -> bool:
        """Disconnected from all its networks, it gets its mode's own again, as in Docker, if there is one."""
        with contextlib.suppress(NotFound):
            record.networking = {self.network(mode).record.name: {}}
        return bool(record.networking)

    def _join(self, record: ContainerRecord, ref: str) -> int | None:
        other = self.containers.get(ref)
        if not other.state.running:
            raise Conflict(f"cannot join network of a non running container: {other.id}")
        if other.state.restarting:
            raise Conflict(f"Container {other.id} is restarting, wait until the container is running")
        self.etc.share(record, other)
        try:
            descriptor = netns.of_process(other.state.pid)
        except FileNotFoundError:
            raise Conflict(f"cannot join network of a non running container: {other.id}") from None
        return descriptor

    def _use_host(self, record: ContainerRecord) -> int | None:
        sandbox = self._new(record, "host")
        self.etc.write_for_host(record, sandbox)
        self._add_plain(record, sandbox, "host")
        self._remember(record, sandbox)
        return None

    async def _isolate(
        self, record: ContainerRecord, own: int | None, sandbox: Sandbox, network: str = ""
    ) -> int | None:
        """Loopback alone."""
        prepared = await asyncio.to_thread(pool.prepare_bare, own)
        try:
            self.etc.write(record, sandbox, [])
        except BaseException:
            prepared.close()
            raise
        if network:
            self._add_plain(record, sandbox, network)
        else:
            # For the network that it may be connected to later.
            sandbox.requests = settings.port_requests(record.host_config, record.config, "")
        self._remember(record, sandbox)
        return _keep_netns(prepared, resolver=False)

    def _new(self, record: ContainerRecord, kind: str) -> Sandbox:
        return Sandbox(secrets.token_hex(32), record.id, record.name, kind)

    def _add_plain(self, record: ContainerRecord, sandbox: Sandbox, name: str) -> None:
        """On the host and none networks an endpoint is only an entry in the lists."""
        network = self.network(name)
        endpoint = Endpoint(network, secrets.token_hex(32), record.id, record.name, {})
        network.add(endpoint)
        sandbox.endpoints[network.record.name] = endpoint

    async def _open_bridged(self, record: ContainerRecord, own: int | None) -> int | None:
        sandbox = self._new(record, "bridge")
        wanted = [(self.network(name), asked or {}) for name, asked in record.networking.items()]
        found = self._links(record)
        assert self.host.pool is not None
        prepared = await (self.host.pool.take() if own is None else self.host.pool.prepare_in(own))
        with contextlib.ExitStack() as undo:
            undo.callback(prepared.close)
            for network, asked in wanted:
                endpoint = self._endpoint(record, network, asked)
                network.allocate(endpoint)
                network.add(endpoint)
                undo.callback(self._drop, endpoint)
                sandbox.endpoints[network.record.name] = endpoint
            undo.callback(self.host.unpublish, sandbox)
            self._plug_all(sandbox, prepared, undo)
            first = wanted[0][0]
            sandbox.requests = settings.port_requests(
                record.host_config, record.config, self.default_host(first)
            )
            self.host.publish(sandbox)
            self._resolve(sandbox, prepared, undo, record)
            sandbox.links = {link.child.id: link.hosts_names for link in found}
            self.etc.write(record, sandbox, found)
            self._remember(record, sandbox)
            undo.pop_all()
        for endpoint in sandbox.endpoints.values():
            self.emit(endpoint.network, "connect", record.id)
        self._tell_parents(record, sandbox)
        kept = _keep_netns(prepared, resolver=sandbox.resolver is not None)
        return kept

    def _plug_all(self, sandbox: Sandbox, prepared: Prepared, undo: contextlib.ExitStack) -> None:
        assert prepared.veth is not None
        first, *others = sandbox.endpoints.values()
        try:
            self.host.attach(sandbox, first, prepared, prepared.veth, prepared.mtu)
            for endpoint in others:
                self.host.attach_new(sandbox, endpoint, prepared.netns, prepared.inside)
                undo.callback(plumbing.unplug, self.host.socket, endpoint.veth)
        except OSError as error:
            raise Failed(f"failed to set up container networking: {error.strerror}") from error

    def _resolve(
        self,
        sandbox: Sandbox,
        prepared: Prepared,
        undo: contextlib.ExitStack,
        record: ContainerRecord | None,
    ) -> None:
        """Names are for user-defined networks; on the default bridge there are none, as with Docker."""
        if not any(endpoint.network.record.user_defined for endpoint in sandbox.endpoints.values()):
            return
        sandbox.resolver = self._resolver(sandbox, prepared.resolver, record)
        undo.callback(sandbox.resolver.close)
        try:
            self._close_later(sandbox.resolver.redirect(prepared.netns))
        except OSError as error:
            raise Failed(f"failed to set up the embedded resolver: {error.strerror}") from error
        sandbox.resolver.start()

    def _close_later(self, firewall: Firewall) -> None:
        asyncio.get_running_loop().run_in_executor(None, firewall.close)

    def _resolver(
        self, sandbox: Sandbox, sockets: pool.ResolverSockets, record: ContainerRecord | None
    ) -> Resolver:
        def upstreams() -> Sequence[str]:
            # On internal networks only, nobody outside is reachable, not even through us.
            if sandbox.gateway_endpoint(4) is None and sandbox.gateway_endpoint(6) is None:
                return ()
            return self.etc.upstreams(record)

        names = SandboxNames(sandbox, lambda name: self.containers.get(name).id)
        return Resolver(sockets, names, upstreams)

    def _endpoint(self, record: ContainerRecord, network: LiveNetwork, asked: dict[str, Any]) -> Endpoint:
        """Raises Invalid, Conflict."""
        if not network.bridge:
            raise Conflict(
                "container cannot be connected to multiple networks with one of the networks in "
                f"{'private (none)' if network.record.name == 'none' else network.record.name} mode"
            )
        try:
            settings.check(network.record, asked)
        except Invalid as error:
            raise Invalid(f"invalid config for network {network.record.name}: {error.message}") from None
        asked = dict(asked)
        if not asked.get("MacAddress") and record.config.get("MacAddress"):
            asked["MacAddress"] = record.config["MacAddress"]
        names = settings.dns_names(record.name, record.id, record.config.get("Hostname") or "", asked)
        return Endpoint(network, secrets.token_hex(32), record.id, record.name, asked, names)

    # -- steps of a build

    async def open_step(self, id: str, mode: str, add_hosts: Sequence[str], hostname: str) -> StepNetwork:
        """For a process that is no container. `mode` as a container's; `close_step` ends it.

        Raises NotFound, Invalid, Conflict, Failed, and then nothing is left.
        """
        extra = settings.extra_hosts({"ExtraHosts": list(add_hosts)}, self.etc.host_gateways())
        if mode == "host":
            return StepNetwork(id, None, self.etc.step_files("host", extra, hostname))
        if mode == "none":
            prepared = await asyncio.to_thread(pool.prepare_bare)
            return StepNetwork(
                id, _keep_netns(prepared, resolver=False), self.etc.step_files("direct", extra, hostname)
            )
        network = self.network(mode)
        if not network.bridge:
            raise Invalid(f"network {network.record.name} has no bridge to run a build step on")
        assert self.host.pool is not None
        prepared = await self.host.pool.take()
        with contextlib.ExitStack() as undo:
            undo.callback(prepared.close)
            sandbox = Sandbox(secrets.token_hex(32), id, id, "bridge")
            endpoint = Endpoint(network, secrets.token_hex(32), id, id, {})
            network.allocate(endpoint)
            network.add(endpoint)
            undo.callback(self._drop, endpoint)
            sandbox.endpoints[network.record.name] = endpoint
            self._plug_all(sandbox, prepared, undo)
            self._resolve(sandbox, prepared, undo, None)
            kind = "embedded" if sandbox.resolver else "direct"
            files = self.etc.step_files(kind, extra, hostname, ipv6=endpoint.ipv6 is not None)
            undo.pop_all()
        kept = _keep_netns(prepared, resolver=sandbox.resolver is not None)
        return StepNetwork(id, kept, files, sandbox)

    def close_step(self, step: StepNetwork) -> None:
        if step.sandbox is None:
            return
        if step.sandbox.resolver is not None:
            step.sandbox.resolver.close()
        for endpoint in step.sandbox.endpoints.values():
            self._drop(endpoint)
            self._leave(endpoint.veth)

    # -- links

    def _links(self, record: ContainerRecord) -> list[links.Link]:
        if not record.host_config.get("Links"):
            return []

        def address_of(child: ContainerRecord) -> str:
            live = self._live.get(child.id)
            endpoint = live.endpoints.get("bridge") if live else None
            return str(endpoint.ipv4.ip) if endpoint and endpoint.ipv4 else ""

        return links.resolve(record, self.containers.get, address_of)

    def link_environment(self, record: ContainerRecord) -> list[str]:
        """Variables for the container's program. Raises NotFound, Conflict."""
        return links.environment(record, self._links(record))

    def _tell_parents(self, record: ContainerRecord, sandbox: Sandbox) -> None:
        """Containers that link to this one learn its new address."""
        endpoint = sandbox.endpoints.get("bridge")
        if endpoint is None or endpoint.ipv4 is None:
            return
        for parent in self._live.values():
            names = parent.links.get(record.id)
            if names is not None:
                self.etc.relink(parent.container, names, str(endpoint.ipv4.ip))

    # -- state

    def _remember(self, record: ContainerRecord, sandbox: Sandbox) -> None:
        """In memory, on the record, and where a daemon that starts after a crash finds it."""
        self._live[record.id] = sandbox
        record.endpoints = {name: endpoint.settings() for name, endpoint in sandbox.endpoints.items()}
        paths = self.paths.container(record.id)
        os.makedirs(paths.exec, mode=0o710, exist_ok=True)
        temporary = paths.network.with_suffix(".new")
        temporary.write_bytes(orjson.dumps(sandbox.document()))
        os.rename(temporary, paths.network)

    async def close(self, container: str) -> None:
        """Let go of everything; nothing happens for a container without a sandbox."""
        sandbox = self._live.pop(container, None)
        if sandbox is None:
            self._forget_addresses(container)
            return
        if sandbox.resolver is not None:
            sandbox.resolver.close()
        self.host.unpublish(sandbox)
        for endpoint in sandbox.endpoints.values():
            self._drop(endpoint)
            if endpoint.veth:
                self._leave(endpoint.veth)
            self.emit(endpoint.network, "disconnect", container)
        record = self.containers.by_id(container)
        if record is not None:
            record.endpoints = {
                name: idle_settings(endpoint.asked, endpoint.network.record.id, _shown_names(endpoint))
                for name, endpoint in sandbox.endpoints.items()
            }
        self.paths.container(container).network.unlink(missing_ok=True)

    def _forget_addresses(self, container: str) -> None:
        """Of one whose end, or whose cut start, no daemon saw."""
        record = self.containers.by_id(container)
        if record is not None:
            record.endpoints = {
                name: idle_settings(
                    record.networking.get(name) or {}, was["NetworkID"], was["DNSNames"] or ()
                )
                for name, was in record.endpoints.items()
            }

    def _drop(self, endpoint: Endpoint) -> None:
        endpoint.network.remove(endpoint)
        if endpoint.veth:
            self.host.table.direct.remove(endpoint.veth)

    def _leave(self, veth: str) -> None:
        """The pair goes with the namespace, in the kernel's own batches; what stays longer is removed."""
        if not self._leaving:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_DELAY, self._sweep)
        self._leaving.add(veth)

    def _sweep(self) -> None:
        leaving, self._leaving = self._leaving, set()
        for name in leaving:
            with contextlib.suppress(OSError):
                socket.if_nametoindex(name)  # takes no lock, unlike a removal in vain
                plumbing.unplug(self.host.socket, name)

    # -- changing

    async def connect(self, record: ContainerRecord, network: LiveNetwork, asked: dict[str, Any]) -> None:
        """To a running container. Raises Invalid, Denied, Failed, and then nothing changed."""
        sandbox = self._live[record.id]
        endpoint = self._endpoint(record, network, asked)
        network.allocate(endpoint)
        with contextlib.ExitStack() as undo:
            undo.callback(network.free_addresses, endpoint)
            sandbox.endpoints[network.record.name] = endpoint
            undo.callback(sandbox.endpoints.pop, network.record.name)
            try:
                with inside_of(record.state.pid) as (descriptor, inside):
                    self.host.attach_new(sandbox, endpoint, descriptor, inside)
                    undo.callback(plumbing.unplug, self.host.socket, endpoint.veth)
                    undo.callback(self.host.table.direct.remove, endpoint.veth)
                    self.host.reroute(sandbox, inside)
                    self._late_resolver(record, sandbox, descriptor, undo)
            except OSError as error:
                raise Failed(f"failed to set up container networking: {error.strerror}") from error
            undo.pop_all()
        network.add(endpoint)
        self._republish(sandbox)
        self.etc.change_hosts(record, (), endpoint.addresses)
        self._remember(record, sandbox)

    def _late_resolver(
        self, record: ContainerRecord, sandbox: Sandbox, descriptor: int, undo: contextlib.ExitStack
    ) -> None:
        """A container that comes to its first user-defined network now gets the resolver."""
        if sandbox.resolver is not None or not any(
            endpoint.network.record.user_defined for endpoint in sandbox.endpoints.values()
        ):
            return
        sandbox.resolver = self._resolver(sandbox, netns.run_in(descriptor, pool.open_resolver), record)

        def forget() -> None:
            assert sandbox.resolver is not None
            sandbox.resolver.close()
            sandbox.resolver = None

        undo.callback(forget)
        self._close_later(sandbox.resolver.redirect(descriptor))
        sandbox.resolver.start()
        self.etc.write_resolv_conf(record, sandbox, "embedded")

    async def disconnect(self, record: ContainerRecord, network: LiveNetwork) -> None:
        """From a running container. Raises Failed."""
        sandbox = self._live[record.id]
        endpoint = sandbox.endpoints.pop(network.record.name)
        self._drop(endpoint)
        self._remember(
            record, sandbox
        )  # first: a pair that nobody remembers is removed, by the next daemon too
        try:
            plumbing.unplug(self.host.socket, endpoint.veth)
            with inside_of(record.state.pid) as (_, inside):
                self.host.reroute(sandbox, inside)
        except OSError as error:
            raise Failed(f"failed to remove container networking: {error.strerror}") from error
        self._republish(sandbox)
        self.etc.change_hosts(record, endpoint.addresses, ())
        self._remember(record, sandbox)

    def _republish(self, sandbox: Sandbox) -> None:
        """Ports follow the default route: they lead to the gateway endpoint's address."""
        endpoint = sandbox.gateway_endpoint(4) or sandbox.gateway_endpoint(6)
        if endpoint is sandbox.publisher:
            return
        if not sandbox.leases:
            with contextlib.suppress(SampanError):
                self.host.publish(sandbox)
            return
        leases = sandbox.leases
        sandbox.leases = []
        self.host.unpublish(sandbox)
        if endpoint is None:
            self.host.release(leases)
        else:
            self.host.lead(sandbox, endpoint, leases)

    def renamed(self, record: ContainerRecord) -> None:
        sandbox = self._live.get(record.id)
        if sandbox is None:
            return
        sandbox.container_name = record.name
        for endpoint in sandbox.endpoints.values():
            hostname = record.config.get("Hostname") or ""
            names = settings.dns_names(record.name, record.id, hostname, endpoint.asked)
            endpoint.network.rename(endpoint, record.name, names)
        self._remember(record, sandbox)

    # -- taking over

    def recover(self, record: ContainerRecord, ports: Mapping[str, int]) -> None:
        """What a running container has already becomes ours; nothing of it is touched.

        `ports` are the host's interfaces: name -> index.
        """
        try:
            row = orjson.loads(self.paths.container(record.id).network.read_bytes())
        except (OSError, ValueError):
            return
        sandbox = Sandbox(row["id"], record.id, record.name, row["kind"], links=row["links"])
        for name, saved in row["endpoints"].items():
            try:
                network = self.network(saved["network"])
            except NotFound:
                log.warning("container %s: its network %s is gone", record.name, name)
                continue
            endpoint = Endpoint(
                network, saved["id"], record.id, record.name, saved["asked"], tuple(saved["names"])
            )
            restore_endpoint(endpoint, saved)
            network.reserve_addresses(endpoint)
            network.add(endpoint)
            if endpoint.veth in ports:
                self.host.deliver_directly(endpoint, ports[endpoint.veth])
            sandbox.endpoints[network.record.name] = endpoint
        self._settle(record, sandbox)
        self._adopt_ports(record, sandbox, row)
        self._live[record.id] = sandbox
        record.endpoints = {name: endpoint.settings() for name, endpoint in sandbox.endpoints.items()}

    def _settle(self, record: ContainerRecord, sandbox: Sandbox) -> None:
        """Of a connect or disconnect that was cut short, what the container has by now is what counts."""
        agreed: dict[str, Any] = {}
        missing = dict(sandbox.endpoints)
        for ref, asked in record.networking.items():
            try:
                name = self.network(ref).record.name
            except SampanError:
                agreed[ref] = asked
                continue
            if missing.pop(name, None) is not None:
                agreed[ref] = asked
        record.networking = agreed | {name: endpoint.asked for name, endpoint in missing.items()}

    def _adopt_ports(self, record: ContainerRecord, sandbox: Sandbox, row: dict[str, Any]) -> None:
        if sandbox.kind != "bridge":
            return
        default = next((self.default_host(one.network) for one in sandbox.endpoints.values()), "")
        sandbox.requests = settings.port_requests(record.host_config, record.config, default)
        publisher = sandbox.endpoints.get(row["publisher"])
        if publisher is None:
            return
        leases = [
            self._adopt(protocol, parse_host_address(host), port, container_port)
            for protocol, host, port, container_port in row["leases"]
        ]
        self.host.lead(sandbox, publisher, leases)

    def _adopt(self, protocol: str, host: Address | None, port: int, container_port: int) -> Lease:
        held = self.host.relays.has(Lease(protocol, host, port, container_port).key)
        return self.host.ports.adopt(protocol, host, port, container_port, held=held)

    def reopen_resolver(self, record: ContainerRecord) -> None:
        """The resolver's sockets died with the earlier daemon; the namespace gets new ones."""
        sandbox = self._live.get(record.id)
        if sandbox is None or not any(e.network.record.user_defined for e in sandbox.endpoints.values()):
            return
        try:
            descriptor = netns.of_process(record.state.pid)
            try:
                sockets = netns.run_in(descriptor, pool.open_resolver)
                resolver = self._resolver(sandbox, sockets, record)
                self._close_later(resolver.redirect(descriptor))
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("container %s: cannot serve names: %s", record.name, error.strerror)
            return
        resolver.start()
        sandbox.resolver = resolver

    def let_go(self) -> None:
        """The daemon ends: close what is ours, leave what is the containers'."""
        if self._sweeping is not None:
            # A connection that was cut keeps a dead namespace, and so its pair, for seconds.
            self._sweeping.cancel()
            self._sweep()
        for sandbox in self._live.values():
            if sandbox.resolver is not None:
                sandbox.resolver.close()

    def settings(self, record: ContainerRecord) -> dict[str, Any]:
        """`NetworkSettings` of GET /containers/<id>/json."""
        return shown.network_settings(record, self._live.get(record.id))


def _shown_names(endpoint: Endpoint) -> tuple[str, ...]:
    return endpoint.names if endpoint.network.record.user_defined else ()


def _keep_netns(prepared: Prepared, *, resolver: bool) -> int:
    """Close what only setting up needed; the descriptor is the caller's from now on."""
    prepared.inside.close()
    if not resolver:
        prepared.resolver.close()
    return prepared.netns
