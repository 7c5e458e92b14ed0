"""The door to everything about networks, for API modules and for the other parts of the engine."""

import asyncio
import ipaddress
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sampan.db.sqlite import Delete, Put, Store
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.events import Events
from sampan.engine.networks import create, defaults, filters, settings
from sampan.engine.networks.create import Surroundings
from sampan.engine.networks.defaults import Instance
from sampan.engine.networks.etc import EtcFiles
from sampan.engine.networks.hostside import HostSide
from sampan.engine.networks.live import LiveNetwork
from sampan.engine.networks.record import BRIDGE_NAME, HOST_BINDING, NetworkRecord, Subnet
from sampan.engine.networks.relays import Relays
from sampan.engine.networks.sandboxes import Containers, Sandboxes, StepNetwork
from sampan.errors import Denied, Failed, Invalid, NotFound, SampanError
from sampan.linux import netlink, rtnetlink
from sampan.linux.rtnetlink import Network
from sampan.network import bridges
from sampan.network import endpoints as plumbing
from sampan.network.addresses import DEFAULT_POOLS, local_ipv6_pool
from sampan.network.firewall import Table
from sampan.network.pool import Pool
from sampan.network.ports import Ports
from sampan.network.resolv import Overrides
from sampan.paths import Paths
from sampan.runtime.client import Launcher

log = logging.getLogger("sampan.network")

POOL_SIZE = 8


class Networks:
    """Touches nothing until `start`, which needs root; every other method but `stop` has to come after it."""

    def __init__(
        self,
        *,
        config: DaemonConfig,
        paths: Paths,
        store: Store,
        events: Events,
        launcher: Launcher,
        containers: Containers,
    ) -> None:
        self._config = config
        self._paths = paths
        self._store = store
        self._events = events
        self._launcher = launcher
        self._instance = Instance.of(str(paths.exec))
        self._networks: dict[str, LiveNetwork] = {}  # by ID
        self._by_name: dict[str, str] = {}
        self._containers = containers
        self._changing = asyncio.Lock()

    # -- daemon's life

    async def start(self) -> None:
        """Bridges as the rows say. Ports and running containers follow with `recover`. Raises Failed."""
        try:
            self._socket = netlink.Socket(netlink.NETLINK_ROUTE)
            self._table = Table(self._instance.table)
        except OSError as error:
            raise Failed(
                f"cannot open netlink sockets: {error.strerror}",
                hint="networks need root and a kernel with nftables (CONFIG_NF_TABLES_INET)",
            ) from error
        self._mtu = self._config.mtu or bridges.uplink_mtu(self._socket)
        ports = Ports()
        self._relays = Relays(self._paths, self._launcher, ports)
        self._host = HostSide(
            self._socket,
            self._table,
            ports,
            self._relays,
            self._instance.mark,
            bridges.bridged_packets_meet_rules(),
        )
        dns = Overrides(self._config.dns, self._config.dns_search, self._config.dns_opts)
        self._etc = EtcFiles(self._paths, dns, self.host_gateways)
        self._sandboxes = Sandboxes(
            self._paths, self._host, self._containers, self.find, self._emit, self._etc, self._default_host
        )
        rows = [NetworkRecord.from_row(row) for _, row in self._store.list("networks/")]
        # Automatic subnets of earlier rows are ours, whoever routes there.
        own = {row.bridge for row in rows if row.bridge} | {self._instance.bridge}
        self._ensure_defaults(rows, bridges.taken_subnets(self._socket, own))
        for record in rows:
            if record.id not in self._networks and not record.predefined:
                self._load(record)

    def _ensure_defaults(self, rows: Sequence[NetworkRecord], taken: Sequence[Network]) -> None:
        by_name = {row.name: row for row in rows if row.predefined}
        wanted = [
            by_name.get(name) or defaults.plain(name, driver)
            for name, driver in (("host", "host"), ("none", "null"))
        ]
        if self._config.bridge != "none":
            others = [s.network for row in rows if not row.predefined for s in row.subnets]
            wanted.append(self._default_bridge(by_name.get("bridge"), [*taken, *others]))
        gone = [Delete(row.key) for row in by_name.values() if row.id not in {record.id for record in wanted}]
        changed = [Put(record.key, record.row()) for record in wanted if by_name.get(record.name) != record]
        if gone or changed:
            self._store.apply([*gone, *changed])
        for record in wanted:
            self._load(record)

    def _default_bridge(self, previous: NetworkRecord | None, taken: Sequence[Network]) -> NetworkRecord:
        device, subnet = self._instance.bridge, None
        if self._config.bridge:
            device = self._config.bridge
            link = rtnetlink.link_by_name(self._socket, device)
            if link is None:
                raise defaults.missing_bridge(device)
            for index, address in rtnetlink.addresses(self._socket):
                if index == link.index and address.version == 4 and subnet is None:
                    subnet = Subnet(address.network, address.ip)
        return defaults.default_bridge(
            self._config, device, subnet, self._mtu, previous, self._pools(), taken
        )

    def _pools(self) -> list[tuple[str, int]]:
        pools = list(self._config.default_address_pools or DEFAULT_POOLS)
        if not any(ipaddress.ip_network(base).version == 6 for base, _ in pools):
            pools.append(local_ipv6_pool(self._seed()))
        return pools

    def _seed(self) -> bytes:
        """What makes this installation's IPv6 prefix its own; made once."""
        saved = self._store.get("settings/ula-seed")
        if not isinstance(saved, str):
            saved = os.urandom(5).hex()
            self._store.put("settings/ula-seed", saved)
        return bytes.fromhex(saved)

    def _load(self, record: NetworkRecord) -> None:
        """A bridge that cannot be made keeps its network from being used, not the daemon from starting."""
        index = 0
        if record.bridge:
            try:
                index = self._ensure_bridge(record)
            except OSError as error:
                log.error("network %s: cannot make bridge %s: %s", record.name, record.bridge, error.strerror)
        self._add(LiveNetwork.of(record, index))

    def _ensure_bridge(self, record: NetworkRecord) -> int:
        """Raises NetlinkError."""
        chosen = record.options.get(BRIDGE_NAME, self._instance.bridge)
        claim = record.bridge != chosen or chosen == self._instance.bridge
        index = bridges.ensure(self._socket, record.bridge_plan(), self._instance.mark, claim=claim)
        if self._config.ip_forward:
            for version in {subnet.network.version for subnet in record.subnets}:
                bridges.enable_forwarding(version)
        if self._config.iptables:
            self._table.add_network(record.rules())
        return index

    def _add(self, network: LiveNetwork) -> None:
        self._networks[network.record.id] = network
        self._by_name[network.record.name] = network.record.id

    async def recover(self, running: Sequence[ContainerRecord]) -> None:
        """Take over what running containers have, then remove what nobody has. Call once, after `start`."""
        ports = {link.name: link.index for link in rtnetlink.links(self._socket)}
        self._relays.find()
        for record in running:
            self._sandboxes.recover(record, ports)
        self._relays.settle()
        if self._config.iptables:
            self._install_rules()
        self._remove_strangers()
        for record in running:
            self._sandboxes.reopen_resolver(record)
        self._host.pool = Pool(POOL_SIZE, self._mtu, self._instance.mark)
        self._host.pool.start()
        for chain in self._table.forward_drops():
            log.warning("%s", forward_warning(chain))

    def _install_rules(self) -> None:
        try:
            self._table.install()
            self._table.adapt()
            self._table.watch()
        except OSError as error:
            raise Failed(
                f"cannot set up the nftables table {self._table.name}: {error.strerror}",
                hint="the kernel needs nftables with NAT and fib for inet; or start with --iptables=false",
            ) from error

    def _remove_strangers(self) -> None:
        """Bridges of ours without a row, and veth pairs of ours without a running container."""
        known = {network.record.bridge for network in self._networks.values()}
        used = {e.veth for sandbox in self._sandboxes.all() for e in sandbox.endpoints.values()}
        for link in rtnetlink.links(self._socket):
            if plumbing.is_ours(link, self._instance.mark) and link.name not in used:
                log.info("removing %s: no running container has it", link.name)
                plumbing.unplug(self._socket, link.name)
            elif bridges.is_ours(link, self._instance.mark) and link.name not in known:
                log.info("removing bridge %s: no network has it", link.name)
                bridges.remove(self._socket, link.name, self._instance.mark)

    async def stop(self) -> None:
        """Let go. While containers run, bridges and rules stay; without any, the host is as it was before."""
        if not hasattr(self, "_sandboxes"):
            return
        self._sandboxes.let_go()
        await self._relays.stop()
        if self._host.pool is not None:
            await asyncio.to_thread(self._host.pool.stop)
        self._host.ports.release(list(self._host.ports.all()))
        used = any(sandbox.kind == "bridge" for sandbox in self._sandboxes.all())
        try:
            self._table.close(remove=not used)
            if not used:
                await asyncio.to_thread(self._remove_bridges)
        except OSError as error:
            log.warning("cannot take back bridges and rules: %s", error.strerror)
        self._socket.close()

    def _remove_bridges(self) -> None:
        for network in self._networks.values():
            if network.bridge:
                try:
                    self._remove_bridge(network.record.bridge)
                except OSError as error:
                    log.warning("cannot remove bridge %s: %s", network.record.bridge, error.strerror)

    def warnings(self) -> list[str]:
        """For GET /info: what on this host keeps containers from the network."""
        return [forward_warning(chain) for chain in self._table.forward_drops()]

    # -- finding

    def find(self, ref: str) -> LiveNetwork:
        """By full ID, name, or the start of an ID. Raises NotFound, Invalid (ambiguous)."""
        if ref in self._networks:
            return self._networks[ref]
        name = "bridge" if ref == "default" else ref
        if name in self._by_name:
            return self._networks[self._by_name[name]]
        fitting = [network for id, network in self._networks.items() if ref and id.startswith(ref)]
        if len(fitting) > 1:
            raise Invalid(f"network {ref} is ambiguous ({len(fitting)} matches found based on ID prefix)")
        if not fitting:
            raise NotFound(f"network {ref} not found")
        return fitting[0]

    def get(self, ref: str) -> dict[str, Any]:
        """GET /networks/<id>. Raises NotFound, Invalid."""
        return self.find(ref).document()

    def listing(self, wanted: filters.Filters) -> list[dict[str, Any]]:
        """GET /networks. Raises Invalid for a bad filter."""
        test = filters.listed(wanted, self._in_use)
        return [network.record.document() for network in self._networks.values() if test(network.record)]

    def _in_use(self, record: NetworkRecord) -> bool:
        return bool(self._networks[record.id].endpoints)

    # -- making and removing

    async def create(self, body: dict[str, Any]) -> str:
        """Returns the ID. Raises Invalid, AlreadyExists, NotFound, Denied, Failed."""
        async with self._changing:
            record = create.build(body, self._surroundings())
            # The row first: the daemon may die in between, and then the next one finishes what it says.
            self._store.put(record.key, record.row())
            index = 0
            if record.bridge:
                try:
                    index = self._ensure_bridge(record)
                except BaseException as error:
                    self._table.remove_network(record.bridge)
                    bridges.remove(self._socket, record.bridge, self._instance.mark)
                    self._store.delete(record.key)
                    if isinstance(error, OSError):
                        raise Failed(f"cannot create network {record.name}: {error.strerror}") from error
                    raise
            self._add(LiveNetwork.of(record, index))
        self._event("create", record)
        return record.id

    def _surroundings(self) -> Surroundings:
        existing = [network.record for network in self._networks.values()]
        own = [record.bridge for record in existing if record.bridge]
        taken = bridges.taken_subnets(self._socket, own)
        for address in self._etc.host_resolv.get().nameservers:
            # A subnet with the host's resolver in it would cut the host off from it.
            try:
                taken.append(ipaddress.ip_network(address.partition("%")[0]))
            except ValueError:
                continue
        return Surroundings(existing, self._pools(), taken, self._mtu)

    async def remove(self, ref: str) -> None:
        """Raises NotFound, Denied (predefined, or in use), Failed."""
        async with self._changing:
            network = self.find(ref)
            self._check_remove(network.record)
            # Unlisted before the first wait, so that nobody joins meanwhile.
            del self._networks[network.record.id]
            del self._by_name[network.record.name]
            try:
                await self._take_apart(network.record)
            except (OSError, SampanError) as error:
                self._load(network.record)
                why = error.strerror if isinstance(error, OSError) else error
                raise Failed(f"cannot remove network {network.record.name}: {why}") from error
        self._event("destroy", network.record)

    def _check_remove(self, record: NetworkRecord) -> None:
        if record.predefined:
            raise Denied(f"{record.name} is a pre-defined network and cannot be removed")
        if self._networks[record.id].endpoints:
            raise Denied(
                f"error while removing network: network {record.name} id {record.id} has active endpoints"
            )
        users = [n.record for n in self._networks.values() if n.record.config_from == record.name]
        if record.config_only and users:
            raise Denied(f'error while removing network: configuration network "{record.name}" is in use')

    async def _take_apart(self, record: NetworkRecord) -> None:
        """The row goes last: a network whose removal is cut short is whole again with the next daemon."""
        if record.bridge:
            self._table.remove_network(record.bridge)
            # Unregistering a device waits for RCU, some ten milliseconds.
            await asyncio.to_thread(self._remove_bridge, record.bridge)
        self._store.delete(record.key)

    def _remove_bridge(self, name: str) -> None:
        """Raises NetlinkError."""
        with netlink.Socket(netlink.NETLINK_ROUTE) as own:
            bridges.remove(own, name, self._instance.mark)

    async def prune(self, wanted: filters.Filters) -> dict[str, Any]:
        """POST /networks/prune. Raises Invalid for a bad filter."""
        test = filters.pruned(wanted)
        deleted: list[str] = []
        for network in list(self._networks.values()):
            record = network.record
            if record.predefined or self._wanted_by_container(network) or not test(record):
                continue
            try:
                await self.remove(record.id)
            except SampanError as error:
                log.warning("prune: %s", error)
                continue
            deleted.append(record.name)
        self._events.emit("network", "prune", "", {"reclaimed": "0"})
        return {"NetworksDeleted": deleted or None}

    def _wanted_by_container(self, network: LiveNetwork) -> bool:
        """Docker prunes what no running container is on; stopped ones keep no endpoint."""
        return bool(network.endpoints)

    # -- containers

    async def open(self, record: ContainerRecord, own: int | None = None) -> int | None:
        """At a container's start, all or nothing: its network namespace, the caller's; None: the host's.

        `own`: a new network namespace of its user namespace.

        Raises NotFound, Conflict, Invalid, Denied, Failed.
        """
        return await self._sandboxes.open(record, own)

    async def release(self, container_id: str) -> None:
        """At a container's end, and at its removal; harmless when repeated."""
        await self._sandboxes.close(container_id)

    async def open_step(
        self, id: str, mode: str, add_hosts: Sequence[str] = (), hostname: str = ""
    ) -> StepNetwork:
        """For a step of a build: "host", "none", or a network. Raises NotFound, Invalid, Conflict, Failed."""
        return await self._sandboxes.open_step(id, mode, add_hosts, hostname)

    def close_step(self, step: StepNetwork) -> None:
        """At its end; the namespace goes with its last process and `netns`."""
        self._sandboxes.close_step(step)

    def renamed(self, record: ContainerRecord) -> None:
        """Its names on user-defined networks follow."""
        self._sandboxes.renamed(record)

    def settings(self, container_id: str) -> dict[str, Any]:
        """`NetworkSettings` of a container. Raises NotFound."""
        record = self._containers.by_id(container_id)
        if record is None:
            raise NotFound(f"No such container: {container_id}")
        return self._sandboxes.settings(record)

    def link_environment(self, record: ContainerRecord) -> list[str]:
        """Variables of --link for the program. Raises NotFound, Conflict."""
        return self._sandboxes.link_environment(record)

    def check_endpoints(self, endpoints: dict[str, Any]) -> dict[str, Any]:
        """What a create asks of networks, reduced to what may be set. Raises Invalid.

        Networks that do not exist are found out at the start, as in Docker.
        """
        found: dict[str, Any] = {}
        for name, asked in endpoints.items():
            found[name] = settings.normalise(asked)
            try:
                network = self.find(name)
            except NotFound:
                continue
            try:
                settings.check(network.record, found[name])
            except Invalid as error:
                raise Invalid(f"invalid config for network {name}: {error.message}") from None
        return found

    async def connect(self, ref: str, container_ref: str, asked: Any) -> None:
        """Raises NotFound, Invalid, Denied, Conflict, Failed."""
        network = self.find(ref)
        record = self._containers.get(container_ref)
        wanted = settings.normalise(asked)
        async with self._containers.lock(record.id):
            self._check_connect(network, record)
            settings.check(network.record, wanted)
            name = network.record.name
            if record.state.running and self._sandboxes.get(record.id) is not None:
                await self._sandboxes.connect(record, network, wanted)
            record.networking = {**record.networking, name: wanted}
            self._containers.save(record)
        if record.state.running:
            self._emit(network, "connect", record.id)

    def _check_connect(self, network: LiveNetwork, record: ContainerRecord) -> None:
        mode = record.host_config.get("NetworkMode") or ""
        if mode.startswith("container:") or (mode == "host" and network.record.name != "host"):
            raise Invalid(
                "container sharing network namespace with another container or host "
                "cannot be connected to any other network"
            )
        if network.record.name == "host":
            raise Invalid("container cannot be disconnected from host network or connected to host network")
        if network.record.name == "none" or mode == "none":
            raise Invalid(
                "container cannot be connected to multiple networks with one of the networks "
                "in private (none) mode"
            )
        if network.record.config_only:
            raise Denied(f"configuration network {network.record.name} cannot be used by containers")
        # On a container that does not run, the new settings replace the old.
        if record.state.running and network.record.name in self._names_of(record):
            raise Denied(f"endpoint with name {record.name} already exists in network {network.record.name}")

    def _names_of(self, record: ContainerRecord) -> set[str]:
        """The networks of a container by name; its record may have been made with an ID."""
        names: set[str] = set()
        for ref in record.networking:
            try:
                names.add(self.find(ref).record.name)
            except SampanError:
                names.add(ref)
        return names

    async def disconnect(self, ref: str, container_ref: str, *, force: bool = False) -> None:
        """Raises NotFound, Invalid, Denied, Failed.

        A network that was removed is let go of by the name that the container knows.
        """
        network: LiveNetwork | None = None
        with suppress(NotFound):
            network = self.find(ref)
        name = network.record.name if network else ref
        try:
            record = self._containers.get(container_ref)
        except NotFound:
            if force:
                raise NotFound(f"endpoint {container_ref} not found") from None
            raise
        async with self._containers.lock(record.id):
            if network is None and record.state.running and not force:
                raise NotFound(f"network {ref} not found")
            if name == "host" or record.host_config.get("NetworkMode") == "host":
                raise Invalid(
                    "container cannot be disconnected from host network or connected to host network"
                )
            key = next(
                (key for key in record.networking if key in (name, network.record.id if network else ref)),
                None,
            )
            if key is None and network is not None:
                key = next((key for key in record.networking if network.record.id.startswith(key)), None)
            if key is None:
                raise Denied(f"container {record.id} is not connected to network {name}")
            sandbox = self._sandboxes.get(record.id)
            if network is not None and sandbox is not None and name in sandbox.endpoints:
                await self._sandboxes.disconnect(record, network)
                self._emit(network, "disconnect", record.id)
            record.networking = {other: value for other, value in record.networking.items() if other != key}
            record.endpoints.pop(name, None)
            self._containers.save(record)

    # -- events and settings of the daemon

    def _event(self, action: str, record: NetworkRecord, **more: str) -> None:
        self._events.emit("network", action, record.id, {"name": record.name, "type": record.driver, **more})

    def _emit(self, network: LiveNetwork, action: str, container: str) -> None:
        self._event(action, network.record, container=container)

    def host_gateways(self) -> list[str]:
        """What --add-host name:host-gateway stands for."""
        if self._config.host_gateway_ip:
            return [self._config.host_gateway_ip]
        id = self._by_name.get("bridge")
        if id is None:
            return []
        return [str(subnet.gateway) for subnet in self._networks[id].record.subnets if subnet.gateway]

    def _default_host(self, network: LiveNetwork) -> str:
        address = network.record.options.get(HOST_BINDING, "")
        return "" if address == "0.0.0.0" else address


def forward_warning(chain: str) -> str:
    return (
        f"the host's firewall ({chain}) drops forwarded packets by default: containers reach nothing outside "
        "their host, unless it accepts their bridges"
    )
