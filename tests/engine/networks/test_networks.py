"""Networks against the kernel, on a scratch host, with processes standing in for containers."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sampan.db.sqlite import Store
from sampan.engine.containers.documents import CONFIG, HOST_CONFIG, normalise
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.events import Events
from sampan.engine.networks.manager import Networks
from sampan.errors import Conflict, Denied, Failed, Invalid, NotFound
from sampan.linux import netlink, netns, rtnetlink
from sampan.linux import nf_tables as nf
from sampan.linux import nftables as nft
from sampan.paths import Paths
from sampan.runtime.client import Launcher
from tests.network.scratch import Answering, ask, on_scratch_host, until

pytestmark = pytest.mark.root


class Registry:
    """Stands in for the engine's containers."""

    def __init__(self) -> None:
        self.records: dict[str, ContainerRecord] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def get(self, ref: str) -> ContainerRecord:
        for record in self.records.values():
            if ref in (record.id, record.name):
                return record
        raise NotFound(f"No such container: {ref}")

    def by_id(self, id: str) -> ContainerRecord | None:
        return self.records.get(id)

    def all(self) -> list[ContainerRecord]:
        return list(self.records.values())

    def lock(self, id: str) -> asyncio.Lock:
        return self._locks.setdefault(id, asyncio.Lock())

    def save(self, record: ContainerRecord) -> None:
        pass


@dataclass
class Rig:
    """An engine's networks on a host of their own."""

    root: Path
    config: DaemonConfig = field(default_factory=DaemonConfig)
    containers: Registry = field(default_factory=Registry)
    events: Events = field(default_factory=Events)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    count: int = 0
    networks: Networks = field(init=False)
    store: Store = field(init=False)
    launcher: Launcher = field(init=False)

    @property
    def paths(self) -> Paths:
        return Paths(self.root / "data", self.root / "exec")

    async def start(self) -> None:
        """Also again, as the next daemon."""
        self.paths.containers.mkdir(parents=True, exist_ok=True)
        self.paths.exec.mkdir(exist_ok=True)
        self.paths.tmp.mkdir(exist_ok=True)
        self.store = Store(self.paths.database)
        self.launcher = await Launcher.spawn()
        self.networks = Networks(
            config=self.config,
            paths=self.paths,
            store=self.store,
            events=self.events,
            launcher=self.launcher,
            containers=self.containers,
        )
        await self.networks.start()
        await self.networks.recover([r for r in self.containers.all() if r.state.running])

    async def stop(self) -> None:
        await self.networks.stop()
        await self.launcher.close()
        self.store.close()

    def record(self, name: str, mode: str = "bridge", **more: Any) -> ContainerRecord:
        self.count += 1
        id = f"{self.count:02x}" + os.urandom(31).hex()
        config = normalise({"Hostname": id[:12], **more.get("config", {})}, CONFIG, "c")
        host = normalise({"NetworkMode": mode, **more.get("host", {})}, HOST_CONFIG, "h")
        joined = more.get("networking", {mode: {}} if not mode.startswith("container:") else {})
        made = ContainerRecord(
            id,
            name,
            "",
            "image",
            "sha256:0",
            "/bin/true",
            [],
            config,
            host,
            networking=joined,
            cgroup=f"/sampan/{id}",
        )
        self.paths.container(id).data.mkdir(parents=True)
        self.containers.records[id] = made
        return made

    async def run(self, name: str, mode: str = "bridge", **more: Any) -> ContainerRecord:
        """Start a container: a process that sleeps in its network namespace."""
        made = self.record(name, mode, **more)
        await self.start_container(made)
        return made

    async def start_container(self, record: ContainerRecord) -> None:
        namespace = await self.networks.open(record)
        assert namespace is not None
        try:
            process = netns.run_in(namespace, lambda: subprocess.Popen(["sleep", "1000"]))
        finally:
            os.close(namespace)
        self.processes[record.id] = process
        record.state.running, record.state.pid = True, process.pid

    async def end(self, record: ContainerRecord) -> None:
        process = self.processes.pop(record.id)
        process.kill()
        process.wait()
        record.state.running, record.state.pid = False, 0
        await self.networks.release(record.id)

    def address(self, record: ContainerRecord, network: str = "bridge") -> str:
        found: str = self.networks.settings(record.id)["Networks"][network]["IPAddress"]
        return found

    def inside(self, record: ContainerRecord) -> int:
        return netns.of_process(record.state.pid)


def on_rig(
    directory: Path, body: Callable[[Rig], Coroutine[Any, Any, None]], config: DaemonConfig | None = None
) -> None:
    async def whole() -> None:
        rig = Rig(directory, config or DaemonConfig())
        await rig.start()
        try:
            await body(rig)
            for record in list(rig.containers.all()):
                if record.id in rig.processes:
                    await rig.end(record)
        finally:
            for process in rig.processes.values():
                process.kill()
                process.wait()
            await rig.stop()
        await until(lambda: left_behind() == [], "nothing is left on the host")

    on_scratch_host(whole)


def left_behind() -> list[str]:
    with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
        names = [link.name for link in rtnetlink.links(sock) if link.name != "lo"]
    firewall = nft.Firewall()
    try:
        return names + firewall.tables()
    finally:
        firewall.close()


def links() -> set[str]:
    with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
        return {link.name for link in rtnetlink.links(sock)}


def publish(port: str, container: str = "80/tcp", host: str = "") -> dict[str, Any]:
    return {"PortBindings": {container: [{"HostIp": host, "HostPort": port}]}}


def test_a_published_port_is_reached_from_everywhere(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        web = await rig.run("web", host=publish("8080"))
        other = await rig.run("other")
        gateway = rig.networks.settings(web.id)["Gateway"]
        inner, outer = rig.inside(web), rig.inside(other)
        server = Answering(inner, 80)
        try:
            assert await ask("127.0.0.1", 8080) == gateway
            assert await ask(gateway, 8080) == gateway
            assert await ask("::1", 8080) == gateway, "relayed from IPv6 to a container without it"
            assert await ask(rig.address(web), 80) == gateway
            assert await ask(gateway, 8080, outer) == gateway, "from another container, by the host's address"
            assert await ask(gateway, 8080, inner) == gateway, "from the container itself"
            assert await ask(rig.address(web), 80, outer) == rig.address(other)
            assert await ask("127.0.0.1", 8080, outer) == "ConnectionRefusedError"
        finally:
            server.close()
            os.close(inner)
            os.close(outer)
        await rig.end(web)
        assert await ask("127.0.0.1", 8080) == "ConnectionRefusedError"

    on_rig(tmp_path, body)


def test_ipv6_ports_lead_to_ipv6_containers(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.networks.create({"Name": "six", "EnableIPv6": True})
        web = await rig.run("web", "six", host=publish("8080"))
        settings = rig.networks.settings(web.id)["Networks"]["six"]
        inner = rig.inside(web)
        servers = [Answering(inner, 80), Answering(inner, 80, settings["GlobalIPv6Address"])]
        try:
            assert await ask(settings["IPv6Gateway"], 8080) == settings["IPv6Gateway"]
            assert await ask(settings["GlobalIPv6Address"], 80) == settings["IPv6Gateway"]
            assert await ask("::1", 8080) == settings["Gateway"], "relayed"
            assert await ask(settings["Gateway"], 8080) == settings["Gateway"]
        finally:
            for server in servers:
                server.close()
            os.close(inner)
        await rig.end(web)
        await rig.networks.remove("six")

    on_rig(tmp_path, body)


def test_a_port_on_one_address_is_closed_on_others(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        web = await rig.run("web", host=publish("8080", host="127.0.0.1"))
        gateway = rig.networks.settings(web.id)["Gateway"]
        inner = rig.inside(web)
        server = Answering(inner, 80)
        try:
            assert await ask("127.0.0.1", 8080) == gateway
            assert await ask(gateway, 8080) == "ConnectionRefusedError"
        finally:
            server.close()
            os.close(inner)

    on_rig(tmp_path, body)


def test_networks_are_isolated_unless_a_port_is_published(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.networks.create({"Name": "other"})
        await rig.networks.create({"Name": "inner", "Internal": True})
        web = await rig.run("web", host=publish("8080"))
        far = await rig.run("far", "other")
        shut = await rig.run("shut", "inner")
        inner, outside, within = rig.inside(web), rig.inside(far), rig.inside(shut)
        server, hidden = Answering(inner, 80), Answering(within, 80)
        gateway = rig.networks.settings(web.id)["Gateway"]
        try:
            assert await ask(rig.address(web), 80, outside, seconds=0.3) == "TimeoutError"
            assert await ask(gateway, 8080, outside) == gateway
            assert await ask(rig.address(shut, "inner"), 80, outside, seconds=0.3) == "TimeoutError"
            assert await ask(rig.address(web), 80, within, seconds=0.3) == "OSError", "no route out"
        finally:
            server.close()
            hidden.close()
            for descriptor in (inner, outside, within):
                os.close(descriptor)
        for record in (web, far, shut):
            await rig.end(record)
        await rig.networks.remove("other")
        await rig.networks.remove("inner")

    on_rig(tmp_path, body)


def test_containers_without_icc_do_not_reach_each_other(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        one, two = await rig.run("one", host=publish("8080")), await rig.run("two")
        inner, outer = rig.inside(one), rig.inside(two)
        server = Answering(inner, 80)
        gateway = rig.networks.settings(one.id)["Gateway"]
        try:
            assert await ask(rig.address(one), 80) == gateway
            assert await ask(rig.address(one), 80, outer, seconds=0.3) in ("TimeoutError", "OSError")
            assert await ask(gateway, 8080, outer) == gateway, "what is published stays reachable"
        finally:
            server.close()
            os.close(inner)
            os.close(outer)

    on_rig(tmp_path, body, DaemonConfig(icc=False))


def test_the_hosts_loopback_services_are_closed_to_containers(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        box = await rig.run("box")
        inner, host = rig.inside(box), netns.current()
        server = Answering(host, 9000, "127.0.0.1")
        gateway = rtnetlink.ipaddress.ip_address(rig.networks.settings(box.id)["Gateway"])

        def aim_at_host() -> None:
            """What a hostile container with CAP_NET_ADMIN would do (CVE-2020-8558)."""
            with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
                index = next(link.index for link in rtnetlink.links(sock) if link.name == "eth0")
                sock.transact(
                    [
                        rtnetlink.delete_address(1, rtnetlink.ipaddress.ip_interface("127.0.0.1/8")),
                        rtnetlink.add_route(index, gateway, rtnetlink.ipaddress.ip_network("127.0.0.0/8")),
                    ]
                )

        try:
            netns.run_in(inner, aim_at_host)
            assert await ask("127.0.0.1", 9000) == "127.0.0.1"
            assert await ask("127.0.0.1", 9000, inner, seconds=0.3) in ("TimeoutError", "OSError")
        finally:
            server.close()
            os.close(inner)
            os.close(host)

    on_rig(tmp_path, body)


def test_names_aliases_and_links_are_resolved_on_shared_networks_only(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.networks.create({"Name": "net"})
        await rig.networks.create({"Name": "apart"})
        web = await rig.run("web", "net", networking={"net": {"Aliases": ["www"]}})
        near = await rig.run("near", "net", networking={"net": {"Links": ["web:db"]}})
        far = await rig.run("far", "apart")
        address = rig.address(web, "net")
        for name in ("web", "www", "WWW", "web.net", web.id[:12], "db"):
            assert await resolve(rig, near, name) == [address], name
        assert await resolve(rig, web, "db") == [], "a link is for one container only"
        assert await resolve(rig, far, "web") == []
        await rig.networks.connect("apart", "web", {"Aliases": ["late"]})
        assert await resolve(rig, far, "late") == [rig.address(web, "apart")]
        web.name = "renamed"
        rig.networks.renamed(web)
        assert await resolve(rig, near, "renamed") == [address]
        assert await resolve(rig, near, "web.net") == []
        for record in (web, near, far):
            await rig.end(record)
        for name in ("net", "apart"):
            await rig.networks.remove(name)

    config = DaemonConfig(dns=("192.0.2.1",))
    on_rig(tmp_path, body, config)


async def resolve(rig: Rig, record: ContainerRecord, name: str) -> list[str]:
    """Ask 127.0.0.11 inside the container for IPv4 addresses, as its own resolver would."""
    from tests.network.test_dns import question

    def inside() -> bytes:
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(8)
            client.connect(("127.0.0.11", 53))
            client.send(question(name))
            return client.recv(4096)

    descriptor = rig.inside(record)
    try:
        reply = await asyncio.to_thread(netns.run_in, descriptor, inside)
    finally:
        os.close(descriptor)
    count = int.from_bytes(reply[6:8], "big")
    return [".".join(map(str, reply[len(reply) - 4 :]))] if count else []


def test_connect_and_disconnect_move_routes_and_ports(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.networks.create({"Name": "anet"})
        web = await rig.run("web", host=publish("8080"))
        await rig.networks.connect("anet", "web", {})
        with pytest.raises(Denied, match="endpoint with name web already exists in network anet"):
            await rig.networks.connect("anet", "web", {})
        assert set(web.networking) == {"bridge", "anet"}
        inner = rig.inside(web)
        server = Answering(inner, 80)
        try:
            # "anet" comes before "bridge", so the default route is there now, and the port.
            assert (
                await ask("127.0.0.1", 8080) == rig.networks.settings(web.id)["Networks"]["anet"]["Gateway"]
            )
            await rig.networks.disconnect("anet", "web")
            assert await ask("127.0.0.1", 8080) == rig.networks.settings(web.id)["Gateway"]
            await rig.networks.disconnect("bridge", "web")
            assert await ask("127.0.0.1", 8080) == "ConnectionRefusedError"
            assert rig.networks.settings(web.id)["Networks"] == {}
            await rig.networks.connect("anet", "web", {})
            assert (
                await ask("127.0.0.1", 8080) == rig.networks.settings(web.id)["Networks"]["anet"]["Gateway"]
            )
        finally:
            server.close()
            os.close(inner)
        hosts = rig.paths.container(web.id).hosts.read_text()
        assert hosts.count(f"\t{web.id[:12]}\n") == 1
        await rig.end(web)
        await rig.networks.remove("anet")

    on_rig(tmp_path, body)


def test_a_failed_start_leaves_nothing(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.networks.create({"Name": "net", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}]}})
        taken = await rig.run("taken", host=publish("8080"))
        before = links()
        says = "driver failed programming external connectivity on endpoint web .*port is already allocated"
        with pytest.raises(Failed, match=says):
            await rig.networks.open(
                rig.record("web", "net", networking={"net": {}, "bridge": {}}, host=publish("8080"))
            )
        static = {"net": {"IPAMConfig": {"IPv4Address": "10.9.0.1"}}}
        with pytest.raises(Denied, match="Address already in use"):
            await rig.networks.open(rig.record("gw", "net", networking=static))
        with pytest.raises(NotFound, match="network nope not found"):
            await rig.networks.open(rig.record("lost", "nope"))
        with pytest.raises(Conflict, match="private"):
            await rig.networks.open(rig.record("mixed", "net", networking={"net": {}, "none": {}}))
        assert rig.networks.get("net")["Containers"] == {}
        assert set(rig.networks.get("bridge")["Containers"]) == {taken.id}
        # Its namespace, and with it the pair, goes; the pool makes others.
        await until(lambda: len([n for n in links() if n.startswith("veth")]) <= 9, "pairs are gone")
        assert {name for name in before if not name.startswith("veth")} <= links()
        await rig.networks.remove("net")

    on_rig(tmp_path, body)


def test_the_next_daemon_takes_over_without_a_blip(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.networks.create({"Name": "net"})
        web = await rig.run("web", "net", networking={"net": {"Aliases": ["www"]}}, host=publish("8080"))
        near = await rig.run("near", "net")
        before = rig.networks.settings(web.id)
        inner = rig.inside(web)
        server = Answering(inner, 80)
        try:
            await rig.stop()
            gateway = before["Networks"]["net"]["Gateway"]
            assert await ask("127.0.0.1", 8080) == gateway, "while no daemon runs"
            await rig.start()
            assert rig.networks.settings(web.id) == before
            assert await ask("127.0.0.1", 8080) == gateway
            assert await ask("::1", 8080) == gateway
            assert await resolve(rig, near, "www") == [rig.address(web, "net")]
            third = await rig.run("third", "net")
            assert rig.address(third, "net") not in (rig.address(web, "net"), rig.address(near, "net"))
            with pytest.raises(Failed, match="port is already allocated"):
                await rig.networks.open(rig.record("dup", host=publish("8080")))
        finally:
            server.close()
            os.close(inner)
        for record in (web, near, third):
            await rig.end(record)
        await rig.networks.remove("net")

    on_rig(tmp_path, body)


def test_what_a_killed_daemon_left_is_removed_by_the_next(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        id = await rig.networks.create({"Name": "net"})
        gone = await rig.run("gone", "net", host=publish("8080"))
        pair = rig.networks._sandboxes.get(gone.id).endpoints["net"].veth  # type: ignore[union-attr]
        # The daemon died, then the container; its row says so, and the network's row is lost.
        await rig.stop()
        gone.state.running = False
        store = Store(rig.paths.database)
        store.delete(f"networks/{id}")
        store.close()
        await rig.start()
        assert pair not in links() and f"br-{id[:12]}" not in links()
        assert await ask("127.0.0.1", 8080) == "ConnectionRefusedError"
        process = rig.processes.pop(gone.id)
        process.kill()
        process.wait()

    on_rig(tmp_path, body)


def test_bridges_and_pairs_of_others_are_left_alone(tmp_path: Path) -> None:
    """Also those with names like ours, those of another engine, and one that a network was told to use."""
    others = {"br-0123456789ab", "docker0", "br-theirs", "br-given", "veth0123456"}
    options = {"com.docker.network.bridge.name": "br-given"}

    async def body(rig: Rig) -> None:
        with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
            sock.transact([rtnetlink.add_bridge(name) for name in sorted(others) if name != "veth0123456"])
            sock.transact([rtnetlink.set_alias("br-theirs", "sampan_theirs network")])
            sock.transact([rtnetlink.add_veth("veth0123456", "veth0123457", None, mtu=1500)])
        await rig.networks.create({"Name": "given", "Options": options})
        await rig.networks.create({"Name": "own", "Options": {"com.docker.network.bridge.name": "br-own"}})
        await rig.stop()
        await rig.start()
        assert others | {"br-own"} <= links()
        await rig.networks.remove("given")
        await rig.networks.remove("own")
        assert others <= links() and "br-own" not in links()
        with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
            found = [rtnetlink.link_by_name(sock, name) for name in others]
            sock.transact([rtnetlink.delete_link(link.index) for link in found if link is not None])

    on_rig(tmp_path, body)


def test_a_network_that_cannot_be_made_or_removed_is_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise netlink.NetlinkError(16, "device busy", 0)

    async def body(rig: Rig) -> None:
        id = await rig.networks.create({"Name": "net"})
        with monkeypatch.context() as patch:
            patch.setattr("sampan.network.bridges._configure", refuse)
            with pytest.raises(Failed, match=r"cannot create network bad: .*busy"):
                await rig.networks.create({"Name": "bad"})
        with monkeypatch.context() as patch:
            patch.setattr("sampan.network.bridges.remove", refuse)
            with pytest.raises(Failed, match=r"cannot remove network net: .*busy"):
                await rig.networks.remove("net")
        assert [row["name"] for _, row in rig.store.list("networks/")].count("net") == 1
        await rig.run("box", "net")
        bridges = {name for name in links() if name.startswith("br-")}
        assert bridges == {f"br-{id[:12]}"}

    on_rig(tmp_path, body)


def test_host_none_and_shared_namespaces(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        plain = rig.record("plain", "host", host={"ExtraHosts": ["one:10.0.0.1"]})
        assert await rig.networks.open(plain) is None
        assert "10.0.0.1\tone\n" in rig.paths.container(plain.id).hosts.read_text()
        assert plain.id in rig.networks.get("host")["Containers"]
        with pytest.raises(Invalid, match="sharing network namespace with another container or host"):
            await rig.networks.connect("bridge", "plain", {})
        await rig.networks.release(plain.id)
        alone = await rig.run("alone", "none")
        inner = rig.inside(alone)
        names = netns.run_in(inner, links)
        os.close(inner)
        assert names == {"lo"}
        sharer = rig.record("sharer", f"container:{alone.id}")
        shared = await rig.networks.open(sharer)
        assert shared is not None
        assert os.fstat(shared).st_ino == os.stat(f"/proc/{alone.state.pid}/ns/net").st_ino
        os.close(shared)
        assert rig.paths.container(sharer.id).hosts.samefile(rig.paths.container(alone.id).hosts)
        await rig.end(alone)
        with pytest.raises(Conflict, match="cannot join network of a non running container"):
            await rig.networks.open(sharer)

    on_rig(tmp_path, body)


def test_addresses_are_kept_apart_and_given_again(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        records = [await rig.run(f"c{n}") for n in range(3)]
        addresses = [rig.address(record) for record in records]
        assert len(set(addresses)) == 3
        await rig.end(records[1])
        again = await rig.run("again")
        assert rig.address(again) == addresses[1]
        inner = rig.inside(again)
        server = Answering(inner, 80)
        try:
            # The host and the bridge may still know the address from its last holder.
            assert await ask(addresses[1], 80, seconds=1) == rig.networks.settings(again.id)["Gateway"]
        finally:
            server.close()
            os.close(inner)

    on_rig(tmp_path, body)


def test_links_on_the_default_bridge_give_names_and_variables(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        child = await rig.run("db", config={"ExposedPorts": {"5432/tcp": {}}, "Env": ["A=b", "PATH=/x"]})
        parent = await rig.run("app", host={"Links": ["db:store"]})
        address = rig.address(child)
        hosts = rig.paths.container(parent.id).hosts
        assert f"{address}\tstore {child.id[:12]} db\n" in hosts.read_text()
        variables = rig.networks.link_environment(parent)
        assert {
            f"STORE_PORT=tcp://{address}:5432",
            f"STORE_PORT_5432_TCP_ADDR={address}",
            "STORE_NAME=/app/store",
            "STORE_ENV_A=b",
        } <= set(variables)
        assert not any("PATH" in variable for variable in variables)
        await rig.end(child)
        with pytest.raises(Conflict, match="Cannot link to a non running container: /db AS /app/store"):
            rig.networks.link_environment(parent)
        filler = await rig.run("filler")
        await rig.start_container(child)
        assert f"{rig.address(child)}\tstore {child.id[:12]} db\n" in hosts.read_text()
        assert rig.address(child) != rig.address(filler) == address

    on_rig(tmp_path, body)


def test_a_forward_policy_of_others_parts_nobody_on_this_host(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.networks.create({"Name": "net"})
        web = await rig.run("web", "net", host=publish("8080"))
        near = await rig.run("near", "net")
        inner, outer = rig.inside(web), rig.inside(near)
        server, beyond = Answering(inner, 80), await far_away(rig)
        gateway = rig.networks.settings(web.id)["Networks"]["net"]["Gateway"]

        async def check(published_for: str) -> None:
            assert await ask(rig.address(web, "net"), 80, outer) == rig.address(near, "net")
            assert await ask(gateway, 8080, outer) == gateway
            assert await ask(gateway, 8080, inner) == gateway
            assert await ask("127.0.0.1", 8080) == gateway
            assert await ask("203.0.113.1", 8080, beyond) == published_for

        stranger = nft.Firewall()
        try:
            await check("203.0.113.2")
            drop = nft.Hook("filter", nf.NF_INET_FORWARD, 0, policy=nf.NF_DROP)
            stranger.commit([nft.add_table("theirs"), nft.add_chain("theirs", "forward", drop)])
            await until(lambda: rig.networks.warnings(), "it is noticed")
            await asyncio.sleep(0)
            await check(gateway)  # by the relay, under the host's rules for input
            late = await rig.run("late", "net")
            third = rig.inside(late)
            assert await ask(rig.address(web, "net"), 80, third) == rig.address(late, "net")
            os.close(third)
            await rig.end(late)
            await rig.stop()
            await rig.start()
            await check(gateway)
            stranger.commit([nft.delete_table("theirs")])
            await asyncio.sleep(0)
            await until(lambda: not rig.networks.warnings(), "it is noticed")
            await check("203.0.113.2")
        finally:
            stranger.close()
            server.close()
            for descriptor in (inner, outer, beyond):
                os.close(descriptor)
        await rig.end(web)
        await rig.end(near)
        await rig.networks.remove("net")

    on_rig(tmp_path, body)


async def far_away(rig: Rig) -> int:
    """A namespace behind an interface of the host: 203.0.113.2, the host being 203.0.113.1."""
    beyond = netns.run_in_new(netns.current)
    interface = rtnetlink.ipaddress.ip_interface
    with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
        sock.transact([rtnetlink.add_veth("uplink", "uplink", beyond, mtu=1400)])
        link = rtnetlink.link_by_name(sock, "uplink")
        assert link is not None
        address = interface("203.0.113.1/24")
        sock.transact([rtnetlink.set_link(link.index, up=True), rtnetlink.add_address(link.index, address)])

    def inside() -> None:
        with netlink.Socket(netlink.NETLINK_ROUTE) as sock:
            link = rtnetlink.link_by_name(sock, "uplink")
            assert link is not None
            address = interface("203.0.113.2/24")
            sock.transact(
                [rtnetlink.set_link(link.index, up=True), rtnetlink.add_address(link.index, address)]
            )

    netns.run_in(beyond, inside)
    return beyond


def test_two_engines_on_one_host_do_not_disturb_each_other(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        web = await rig.run("web", host=publish("8080"))
        second = Rig(tmp_path / "second")
        second.root.mkdir()
        await second.start()
        other = await second.run("web", host=publish("8081"))
        assert rig.address(web).rpartition(".")[0] != second.address(other).rpartition(".")[0]
        inner, outer = rig.inside(web), second.inside(other)
        servers = [Answering(inner, 80), Answering(outer, 80)]
        try:
            assert await ask("127.0.0.1", 8080) == rig.networks.settings(web.id)["Gateway"]
            assert await ask("127.0.0.1", 8081) == second.networks.settings(other.id)["Gateway"]
            await second.end(other)
            await second.stop()
            assert await ask("127.0.0.1", 8080) == rig.networks.settings(web.id)["Gateway"]
        finally:
            for server in servers:
                server.close()
            os.close(inner)
            os.close(outer)

    on_rig(tmp_path, body)


def test_users_edits_of_resolv_conf_survive_a_restart(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        box = await rig.run("box")
        path = rig.paths.container(box.id).resolv_conf
        await rig.end(box)
        path.write_text("nameserver 192.0.2.9\n")
        await rig.start_container(box)
        assert path.read_text() == "nameserver 192.0.2.9\n"

    on_rig(tmp_path, body)


def test_events_and_prune(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        subscription = rig.events.subscribe(lambda event: event["Type"] == "network")
        used = await rig.networks.create({"Name": "used"})
        await rig.networks.create({"Name": "idle", "Labels": {"a": "b"}})
        await rig.networks.create({"Name": "kept"})
        box = await rig.run("box", "used")
        assert await rig.networks.prune({"label": ["a"]}) == {"NetworksDeleted": ["idle"]}
        assert await rig.networks.prune({}) == {"NetworksDeleted": ["kept"]}
        with pytest.raises(Denied, match="has active endpoints"):
            await rig.networks.remove("used")
        await rig.end(box)
        await rig.networks.remove(used[:12])
        with pytest.raises(Denied, match="bridge is a pre-defined network and cannot be removed"):
            await rig.networks.remove("bridge")
        rig.events.unsubscribe(subscription)
        seen = [event async for event in subscription]
        names = [(event["Action"], event["Actor"]["Attributes"].get("name")) for event in seen]
        assert names == [
            ("create", "used"),
            ("create", "idle"),
            ("create", "kept"),
            ("connect", "used"),
            ("destroy", "idle"),
            ("prune", None),
            ("destroy", "kept"),
            ("prune", None),
            ("disconnect", "used"),
            ("destroy", "used"),
        ]
        assert seen[3]["Actor"]["Attributes"] == {"container": box.id, "name": "used", "type": "bridge"}

    on_rig(tmp_path, body)


@pytest.mark.parametrize(
    ("config", "address", "gateway"),
    [
        (DaemonConfig(bip="10.77.0.1/24"), "10.77.0.2", "10.77.0.1"),
        (DaemonConfig(bip="10.77.0.1/16", fixed_cidr="10.77.5.0/24"), "10.77.5.0", "10.77.0.1"),
        (DaemonConfig(bip="10.77.0.1/24", default_gateway="10.77.0.254"), "10.77.0.2", "10.77.0.254"),
        (DaemonConfig(default_address_pools=(("10.78.0.0/16", 24),)), "10.78.0.2", "10.78.0.1"),
        (DaemonConfig(bip="10.79.0.1/24", ipv6=True), "10.79.0.2", "10.79.0.1"),
    ],
)
def test_the_default_bridge_follows_the_daemons_options(
    tmp_path: Path, config: DaemonConfig, address: str, gateway: str
) -> None:
    async def body(rig: Rig) -> None:
        box = await rig.run("box")
        settings = rig.networks.settings(box.id)
        assert (settings["IPAddress"], settings["Gateway"]) == (address, gateway)

    on_rig(tmp_path, body, config)
