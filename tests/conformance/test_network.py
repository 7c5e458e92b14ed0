"""Bridges, published ports, names, aliases, static addresses, connect and disconnect, files in /etc."""

import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable

import pytest

from tests.support import rootfs
from tests.support.api import Api
from tests.support.client import Client
from tests.support.engine import Engine, Sampand
from tests.support.poll import until
from tests.support.rows import Row, check, each

WEB = ["httpd", "-f", "-p", "80", "-h", "/var/www"]

ROWS = [
    Row("has an address on the default bridge", "run --rm IMAGE ip -4 addr show eth0", like=r"inet \d+\.\d+\.\d+\.\d+/"),
    Row("has a default route", "run --rm IMAGE ip route", like=r"^default via \d+\.\d+\.\d+\.1 dev eth0"),
    Row("reaches its gateway", "run --rm IMAGE sh -c 'ping -c1 -W5 $(ip route | sed -n \"s/default via \\([^ ]*\\).*/\\1/p\") >/dev/null && echo ok'", out="ok"),
    Row("adds a host", "run --rm --add-host one:10.1.2.3 IMAGE cat /etc/hosts", like=r"^10\.1\.2\.3\tone$"),
    Row("knows host-gateway", "run --rm --add-host up:host-gateway IMAGE sh -c 'grep up /etc/hosts'", like=r"^\d+\.\d+\.\d+\.\d+\tup$"),
    Row("has localhost in /etc/hosts", "run --rm IMAGE cat /etc/hosts", like=r"^127\.0\.0\.1\tlocalhost$"),
    Row("sets name servers", "run --rm --dns 192.0.2.1 --dns-search example.org --dns-option ndots:3 IMAGE cat /etc/resolv.conf", like=r"nameserver 192\.0\.2\.1(.|\n)*search example\.org(.|\n)*options ndots:3"),
    Row("has no name server without a network", "run --rm --network none IMAGE ip addr", unlike="eth0"),
    Row("uses the host's resolv.conf on the host's network", "run --rm --network host IMAGE cat /etc/resolv.conf", like="nameserver|search|^#|^$"),
    Row("sets a MAC address", "run --rm --mac-address 02:42:ac:11:00:99 IMAGE cat /sys/class/net/eth0/address", out="02:42:ac:11:00:99"),
    Row("refuses a bad MAC address", "run --rm --mac-address zz IMAGE true", code=125, err="zz is not a valid mac address"),
    Row("refuses an unknown network", "run --rm --network no-such-net IMAGE true", code=125, err="network no-such-net not found"),
    Row("refuses a static address on the default bridge", "run --rm --ip 172.17.0.99 IMAGE true", code=125, err="(?i)user.(specified|configured) (ip|subnet)"),
    Row("refuses a bad port", "run --rm -p 70000:80 IMAGE true", code=125, err="(?i)invalid (hostport|containerport|port)"),
    Row("refuses names on the default bridge", "run --rm --network-alias x IMAGE true", code=125, err="(?i)network-scoped alias"),
    Row("refuses ports with container mode", "run --rm --network container:NAME -p 80 IMAGE true", code=125, err="(?i)conflicting options: port publishing and the container type network mode"),
]  # fmt: skip


@each(ROWS)
def test_network(cli: Client, row: Row, image: str, unique: str) -> None:
    if "container:NAME" in row.line:
        cli.ok("run", "-d", "--name", unique, image, "sleep", "1000")
    check(cli, row, image, unique)


@pytest.fixture
def net(cli: Client, unique: str) -> str:
    cli.ok("network", "create", f"{unique}-net")
    return f"{unique}-net"


def fetch(address: str) -> Callable[[], str]:
    def get() -> str:
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    return get


def host_address() -> str:
    """The address this machine sends from (no packet is sent for a datagram connect)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no route out")
        return str(probe.getsockname()[0])


def published(cli: Client, container: str, port: str = "80") -> int:
    return int(cli.ok("port", container, port).splitlines()[0].rpartition(":")[2])


def test_a_port_is_reachable_from_everywhere(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-p", "80", image, *WEB)
    port = published(cli, made)
    assert until(fetch(f"127.0.0.1:{port}"), "an answer on 127.0.0.1") == "it works\n"
    address = host_address()
    assert until(fetch(f"{address}:{port}"), "an answer on the host's address") == "it works\n"
    inside = cli.ok("run", "--rm", image, "wget", "-q", "-O-", f"http://{address}:{port}/")
    assert inside == "it works"
    own = cli.ok("exec", made, "wget", "-q", "-O-", f"http://{address}:{port}/")
    assert own == "it works", "the container reaches itself by the host's address (hairpin)"


@pytest.mark.parametrize("where", ["80", "[::1]::80"])
def test_a_port_is_reachable_by_ipv6_on_this_machine(cli: Client, image: str, where: str) -> None:
    """Though the container has IPv4 only."""
    made = cli.ok("run", "-d", "-p", where, image, *WEB)
    port = int(cli.ok("port", made, "80").splitlines()[-1].rpartition(":")[2])
    assert until(fetch(f"[::1]:{port}"), "an answer on ::1") == "it works\n"
    if where != "80":
        assert fetch(f"127.0.0.1:{port}")() == ""


def test_a_port_is_closed_when_the_container_stops(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-p", "127.0.0.1::80", image, *WEB)
    port = published(cli, made)
    until(fetch(f"127.0.0.1:{port}"), "an answer")
    cli.ok("stop", "-t", "0", made)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    cli.ok("start", made)
    until(fetch(f"127.0.0.1:{published(cli, made)}"), "an answer after another start")


def test_a_port_on_one_address_is_closed_on_others(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-p", "127.0.0.1::80", image, *WEB)
    port = published(cli, made)
    until(fetch(f"127.0.0.1:{port}"), "an answer")
    with pytest.raises(OSError):
        socket.create_connection((host_address(), port), timeout=2)


def test_a_taken_port_is_refused_and_nothing_is_left(cli: Client, image: str, unique: str) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        says = "(?i)address already in use|port is already allocated"
        cli.fails("run", "-d", "--name", unique, "-p", f"{port}:80", image, *WEB, code=125, says=says)
    assert cli.state(unique)["Status"] == "created"
    cli.ok("start", unique)  # free now
    until(fetch(f"127.0.0.1:{port}"), "an answer")
    cli.fails("run", "-d", "-p", f"{port}:80", image, *WEB, code=125, says="port is already allocated")


UDP_ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 53))
while True:
    data, sender = server.recvfrom(100)
    server.sendto(b"pong " + data, sender)
"""


def test_udp_is_published(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-p", "127.0.0.1::53/udp", image, "sleep", "1000")
    port = published(cli, made, "53/udp")
    # busybox here has no UDP server: one of ours runs in the container's network namespace.
    enter = ["nsenter", "--net", "--target", str(cli.state(made)["Pid"]), sys.executable, "-c", UDP_ECHO]
    server = subprocess.Popen(enter)
    try:
        until(lambda: udp_answer("127.0.0.1", port) == b"pong ping", "an answer on 127.0.0.1")
    finally:
        server.kill()
        server.wait()


def udp_answer(address: str, port: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        client.sendto(b"ping", (address, port))
        try:
            return client.recv(100)
        except OSError:
            return b""


def test_a_range_is_published(cli: Client, image: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        first = min(int(probe.getsockname()[1]), 60000)
    made = cli.ok("run", "-d", "-p", f"127.0.0.1:{first}-{first + 400}:80", image, *WEB)
    port = published(cli, made)
    assert first <= port <= first + 400
    until(fetch(f"127.0.0.1:{port}"), "an answer")
    says = "(?i)invalid ranges specified for container and host Ports"
    cli.fails("create", "-p", "8000-8002:80-81", image, code=125, says=says)


def test_exposed_ports_are_published_with_capital_p(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-P", "--expose", "80", image, *WEB)
    until(fetch(f"127.0.0.1:{published(cli, made)}"), "an answer")


def test_the_world_outside_is_reached_by_nat(cli: Client, image: str) -> None:
    """The host's own address stands for outside: the container's source address must be translated or routed."""
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        port = server.getsockname()[1]
        with cli.background("run", "--rm", image, "nc", host_address(), str(port)) as process:
            server.settimeout(20)
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"hello\n")
            assert process.stdout and process.stdout.readline() == b"hello\n"


def test_containers_find_each_other_by_name_and_alias(cli: Client, image: str, unique: str, net: str) -> None:
    web = cli.ok("run", "-d", "--name", unique, "--network", net, "--network-alias", "www", image, *WEB)
    for name in (unique, "www", web[:12]):
        found = cli.ok("run", "--rm", "--network", net, image, "wget", "-q", "-O-", f"http://{name}/")
        assert found == "it works", name
    assert "nameserver 127.0.0.11" in cli.ok("exec", unique, "cat", "/etc/resolv.conf")
    result = cli("run", "--rm", "--network", net, image, "nslookup", "no-such-name-here.invalid")
    assert result.code != 0


def test_a_name_goes_away_with_its_container(cli: Client, image: str, unique: str, net: str) -> None:
    cli.ok("run", "-d", "--name", unique, "--network", net, image, "sleep", "1000")
    seeker = cli.ok("run", "-d", "--network", net, image, "sleep", "1000")
    cli.ok("exec", seeker, "ping", "-c1", "-W5", unique)
    cli.ok("rm", "-f", unique)
    assert cli("exec", seeker, "ping", "-c1", "-W1", unique).code != 0


def test_reverse_names_are_answered(cli: Client, image: str, unique: str, net: str) -> None:
    cli.ok("run", "-d", "--name", unique, "--network", net, image, "sleep", "1000")
    address = cli.inspect(unique)["NetworkSettings"]["Networks"][net]["IPAddress"]
    assert f"{unique}.{net}" in cli.ok("run", "--rm", "--network", net, image, "nslookup", address)


def test_networks_do_not_reach_each_other(cli: Client, image: str, unique: str, net: str) -> None:
    cli.ok("network", "create", f"{unique}-other")
    made = cli.ok("run", "-d", "--network", net, image, *WEB)
    address = cli.inspect(made)["NetworkSettings"]["Networks"][net]["IPAddress"]
    get = ["timeout", "3", "wget", "-q", "-O-", f"http://{address}/"]
    near = ["run", "--rm", "--init", "--network", net, image, *get]
    assert until(lambda: cli(*near).out, "an answer on the same network") == "it works"
    far = ["run", "--rm", "--init", "--network", f"{unique}-other", image, *get]
    assert cli(*far).code != 0


def test_connect_and_disconnect_while_running(cli: Client, image: str, unique: str, net: str) -> None:
    cli.ok("run", "-d", "--name", unique, image, *WEB)
    assert "eth1" not in cli.ok("exec", unique, "ls", "/sys/class/net").split()
    cli.ok("network", "connect", "--alias", "late", net, unique)
    assert "eth1" in cli.ok("exec", unique, "ls", "/sys/class/net").split()
    assert cli.ok("run", "--rm", "--network", net, image, "wget", "-q", "-O-", "http://late/") == "it works"
    assert set(cli.inspect(unique)["NetworkSettings"]["Networks"]) == {"bridge", net}
    cli.fails("network", "connect", net, unique, says="(?i)already exists in network")
    cli.ok("network", "disconnect", net, unique)
    assert "eth1" not in cli.ok("exec", unique, "ls", "/sys/class/net").split()
    cli.fails("network", "disconnect", net, unique, says="(?i)is not connected to")
    cli.ok("network", "disconnect", "bridge", unique)
    assert cli.ok("exec", unique, "ls", "/sys/class/net") == "lo"


def test_connections_hold_over_a_restart(cli: Client, image: str, unique: str, net: str) -> None:
    cli.ok("run", "-d", "--name", unique, image, "sleep", "1000")
    cli.ok("network", "connect", net, unique)
    cli.ok("restart", "-t", "0", unique)
    assert {"eth0", "eth1"} <= set(cli.ok("exec", unique, "ls", "/sys/class/net").split())


def interfaces(cli: Client, container: str) -> list[str]:
    return cli.ok("exec", container, "ls", "/sys/class/net").split()


def test_a_container_disconnected_from_all_its_networks_starts(
    cli: Client, image: str, unique: str, net: str
) -> None:
    """On its mode's own network again: moby's allocateNetwork."""
    made = cli.ok("run", "-d", "--network", net, "-p", "80", image, "sleep", "1000")
    cli.ok("network", "disconnect", net, made)
    assert interfaces(cli, made) == ["lo"]
    cli.ok("restart", "-t", "0", made)
    assert interfaces(cli, made) == ["eth0", "lo"]
    assert set(cli.inspect(made)["NetworkSettings"]["Networks"]) == {net}


def test_a_network_that_was_removed_can_be_let_go_of(cli: Client, image: str, unique: str, net: str) -> None:
    made = cli.ok("create", "--network", net, "-p", "80", image, *WEB)
    cli.ok("network", "rm", net)
    cli.fails("start", made, says=f"network {net} not found")
    cli.fails("network", "disconnect", "-f", f"{net}-other", made, says="(?i)is not connected to")
    cli.ok("network", "disconnect", "-f", net, made)
    assert cli.inspect(made)["NetworkSettings"]["Networks"] == {}


def test_without_any_network_there_is_loopback_until_one_is_connected(
    cli: Client, own: Sampand, image: str, unique: str, net: str
) -> None:
    """dockerd would not start it: its mode's network is gone."""
    made = cli.ok("create", "--network", net, "-p", "80", image, *WEB)
    cli.ok("network", "rm", net)
    cli.ok("network", "disconnect", "-f", net, made)
    cli.ok("start", made)
    assert interfaces(cli, made) == ["lo"]
    own.kill()
    own.start()
    cli.ok("network", "connect", "bridge", made)
    assert interfaces(cli, made) == ["eth0", "lo"]
    port = cli.ok("port", made, "80/tcp").splitlines()[0].rpartition(":")[2]
    assert until(fetch(f"127.0.0.1:{port}"), "an answer").strip() == "it works"


def test_a_static_address(cli: Client, image: str, unique: str) -> None:
    cli.ok("network", "create", "--subnet", "10.213.7.0/24", "--gateway", "10.213.7.254", unique)
    shown = cli.ok(
        "run", "--rm", "--network", unique, "--ip", "10.213.7.77", image, "ip", "-4", "addr", "show", "eth0"
    )
    assert "10.213.7.77/24" in shown
    route = cli.ok("run", "--rm", "--network", unique, image, "ip", "route")
    assert "default via 10.213.7.254" in route
    cli.ok("run", "-d", "--network", unique, "--ip", "10.213.7.78", image, "sleep", "1000")
    says = "(?i)address already in use"
    cli.fails("run", "--rm", "--network", unique, "--ip", "10.213.7.78", image, "true", code=125, says=says)
    says = "(?i)no configured subnet (or ip-range contain the|contains) IP address 10.9.9.9"
    cli.fails("run", "--rm", "--network", unique, "--ip", "10.9.9.9", image, "true", code=125, says=says)


def test_addresses_are_given_back(cli: Client, image: str, unique: str) -> None:
    cli.ok("network", "create", "--subnet", "10.213.8.0/29", unique)
    for _ in range(8):  # a /29 has five addresses for containers
        cli.ok("run", "--rm", "--network", unique, image, "true")


def test_overlapping_subnets_are_refused(cli: Client, unique: str) -> None:
    cli.ok("network", "create", "--subnet", "10.213.9.0/24", unique)
    says = "Pool overlaps with other one on this address space"
    cli.fails("network", "create", "--subnet", "10.213.9.128/25", f"{unique}-2", says=says)


def test_an_internal_network_has_no_way_out(cli: Client, image: str, unique: str) -> None:
    cli.ok("network", "create", "--internal", unique)
    assert "default" not in cli.ok("run", "--rm", "--network", unique, image, "ip", "route")
    cli.ok("run", "-d", "--name", unique, "--network", unique, image, *WEB)
    assert (
        cli.ok("run", "--rm", "--network", unique, image, "wget", "-q", "-O-", f"http://{unique}/")
        == "it works"
    )


def test_ipv6(cli: Client, image: str, unique: str) -> None:
    cli.ok("network", "create", "--ipv6", "--subnet", "fd00:5a3:1::/64", unique)
    web = cli.ok("run", "-d", "--network", unique, image, "httpd", "-f", "-p", "[::]:80", "-h", "/var/www")
    address = cli.inspect(web)["NetworkSettings"]["Networks"][unique]["GlobalIPv6Address"]
    assert address.startswith("fd00:5a3:1:")
    cli.ok("run", "--rm", "--network", unique, image, "ping", "-6", "-c1", "-W5", address)
    # httpd answers the host on that address: the bridge has one too.
    until(fetch(f"[{address}]"), "an answer by IPv6")


def test_links_between_containers(cli: Client, image: str, unique: str) -> None:
    cli.ok("run", "-d", "--name", unique, image, *WEB)
    shown = cli.ok("run", "--rm", "--link", f"{unique}:db", image, "wget", "-q", "-O-", "http://db/")
    assert shown == "it works"


def test_a_link_is_shown_and_removed(cli: Client, api: Api, image: str, unique: str) -> None:
    cli.ok("run", "-d", "--name", unique, image, "sleep", "1000")
    cli.ok("run", "-d", "--name", f"{unique}-p", "--link", f"{unique}:db", image, "sleep", "1000")
    shown = f"/{unique}:/{unique}-p/db"
    assert cli.inspect(f"{unique}-p")["HostConfig"]["Links"] == [shown]
    for name, status in [("", 500), ("-p/nope", 404), ("-p/db", 204), ("-p/db", 404)]:
        assert api.delete(f"/containers/{unique}{name}", link=1).status == status, name
    assert cli.inspect(f"{unique}-p")["HostConfig"]["Links"] is None


def test_the_network_of_another_container_is_shared(cli: Client, image: str, unique: str) -> None:
    cli.ok("run", "-d", "--name", unique, "-h", "owner", image, *WEB)
    shared = ["run", "--rm", "--network", f"container:{unique}", image]
    assert (
        until(lambda: cli(*shared, "wget", "-q", "-O-", "http://127.0.0.1/").out, "an answer") == "it works"
    )
    assert cli.ok(*shared, "cat", "/etc/hostname") == "owner"


def test_networks_are_listed_inspected_and_removed(cli: Client, image: str, unique: str) -> None:
    made = cli.ok(
        "network",
        "create",
        "--label",
        "a=b",
        "--subnet",
        "10.213.10.0/24",
        "-o",
        "com.docker.network.bridge.name=br-sampantest",
        unique,
    )
    assert re.fullmatch("[0-9a-f]{64}", made)
    assert cli.ok("network", "ls", "-q", "--no-trunc", "--filter", f"name={unique}") == made
    network = cli.inspect(unique, "network")
    assert (network["Id"], network["Driver"], network["Scope"]) == (made, "bridge", "local")
    assert network["IPAM"]["Config"][0]["Subnet"] == "10.213.10.0/24"
    assert network["Labels"]["a"] == "b"
    box = cli.ok("run", "-d", "--name", f"{unique}-box", "--network", unique, image, "sleep", "1000")
    inside = cli.inspect(unique, "network")["Containers"][box]
    assert inside["Name"] == f"{unique}-box" and inside["IPv4Address"].startswith("10.213.10.")
    cli.fails("network", "rm", unique, says="has active endpoints")
    cli.ok("rm", "-f", box)
    assert cli.ok("network", "rm", unique) == unique
    cli.fails("network", "inspect", unique, says=f"network {unique} not found")
    cli.fails("network", "rm", "bridge", says="bridge is a pre-defined network and cannot be removed")


def test_a_network_name_is_given_once(cli: Client, unique: str) -> None:
    cli.ok("network", "create", unique)
    cli.fails("network", "create", unique, says=f"network with name {unique} already exists")


def test_the_three_networks_are_always_there(cli: Client) -> None:
    shown = cli.ok("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").splitlines()
    assert {"bridge bridge local", "host host local", "none null local"} <= set(shown)
    cli.fails(
        "network",
        "create",
        "host",
        says="(?i)operation is not permitted on predefined host network|network with name host already exists",
    )


def test_prune_removes_unused_networks(docker: Client, image: str, unique: str) -> None:
    label = f"{docker.label}-prune"
    docker.ok("network", "create", "--label", label, f"{unique}-free")
    docker.ok("network", "create", "--label", label, f"{unique}-used")
    docker.ok("run", "-d", "--network", f"{unique}-used", image, "sleep", "1000")
    shown = docker.ok("network", "prune", "-f", "--filter", f"label={label}")
    assert f"{unique}-free" in shown and f"{unique}-used" not in shown


def test_network_settings_are_inspected(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-p", "127.0.0.1::80", image, "sleep", "1000")
    settings = cli.inspect(made)["NetworkSettings"]
    bridge = settings["Networks"]["bridge"]
    assert re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", bridge["MacAddress"])
    assert bridge["Gateway"] and bridge["IPPrefixLen"] and len(bridge["NetworkID"]) == 64
    assert settings["Ports"]["80/tcp"][0]["HostIp"] == "127.0.0.1"
    shown = json.loads(cli.ok("inspect", "-f", "{{json .NetworkSettings.Networks}}", made))
    assert shown["bridge"]["IPAddress"] == bridge["IPAddress"]
    cli.ok("kill", made)
    assert cli.inspect(made)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == ""


def test_a_container_on_two_networks_from_the_start(
    docker: Client, image: str, unique: str, engine: Engine
) -> None:
    docker.ok("network", "create", f"{unique}-a")
    docker.ok("network", "create", f"{unique}-b")
    docker.ok(
        "run",
        "-d",
        "--name",
        unique,
        "--network",
        f"{unique}-a",
        "--network",
        f"{unique}-b",
        image,
        "sleep",
        "1000",
    )
    assert set(docker.inspect(unique)["NetworkSettings"]["Networks"]) == {f"{unique}-a", f"{unique}-b"}
    names = docker.ok("exec", unique, "ls", "/sys/class/net").split()
    assert {"eth0", "eth1"} <= set(names)


# The machine as it is when it boots: nobody has enabled forwarding yet.
BOOTED = 'ip link set lo up; echo 0 > /proc/sys/net/ipv4/ip_forward; exec "$@"'


@pytest.mark.parametrize("forwards", [True, False])
def test_the_engine_knows_whether_it_has_enabled_forwarding(own: Sampand, forwards: bool) -> None:
    engine = Sampand(f"--ip-forward={str(forwards).lower()}")
    engine.program = ["unshare", "--net", "sh", "-c", BOOTED, "sh", *engine.program]
    engine.start()
    try:
        api = engine.api
        made = api.request("POST", "/images/create", rootfs.tar(), fromSrc="-", repo="x")
        assert made.status == 200
        warnings = api.post("/containers/create", {"Image": "x", "Cmd": ["true"]}).json["Warnings"]
        info = api.get("/info").json
        assert info["IPv4Forwarding"] is forwards
        said = "WARNING: IPv4 forwarding is disabled" in (info["Warnings"] or [])
        assert (not warnings, said) == (forwards, not forwards), warnings
    finally:
        engine.terminate()
        engine.erase()
