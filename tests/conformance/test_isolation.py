"""Namespaces, capabilities, seccomp, masked paths, devices, read-only roots."""

import json
import os
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.client import LABEL, Client
from tests.support.engine import Sampand
from tests.support.rows import Row, check, each

DEFAULT = "00000000a80425fb"  # Docker's fourteen default capabilities
LAST = int(Path("/proc/sys/kernel/cap_last_cap").read_text())

ROWS = [
    Row(
        "has Docker's default capabilities",
        "run --rm IMAGE grep Cap /proc/self/status",
        like=f"CapBnd:\t{DEFAULT}",
    ),
    Row(
        "has no inheritable capabilities",
        "run --rm IMAGE grep CapInh /proc/self/status",
        like="CapInh:\t0{16}",
    ),
    Row(
        "has no effective capabilities as a user",
        "run --rm -u app IMAGE grep CapEff /proc/self/status",
        like="CapEff:\t0{16}",
    ),
    Row(
        "drops a capability",
        "run --rm --cap-drop CHOWN IMAGE chown 1 /etc/group",
        code=1,
        err="Operation not permitted",
    ),
    Row(
        "drops all capabilities",
        "run --rm --cap-drop ALL IMAGE grep CapBnd /proc/self/status",
        like="CapBnd:\t0{16}",
    ),
    Row(
        "adds a capability",
        "run --rm --cap-drop ALL --cap-add CAP_CHOWN IMAGE grep CapEff /proc/self/status",
        like="CapEff:\t0{15}1",
    ),
    Row(
        "takes capability names in any case",
        "run --rm --cap-drop all --cap-add net_admin IMAGE grep CapEff /proc/self/status",
        like="CapEff:\t0{12}1000",
    ),
    Row(
        "refuses an unknown capability",
        "run --rm --cap-add NOSUCH IMAGE true",
        code=125,
        err='(?i)unknown capability: "CAP_NOSUCH"',
    ),
    Row(
        "privileged has every capability",
        "run --rm --privileged IMAGE grep CapEff /proc/self/status",
        unlike=DEFAULT,
    ),
    Row(
        "privileged sees devices", "run --rm --privileged IMAGE ls /dev", like="^(kmsg|mem|loop-control|vda)$"
    ),
    Row(
        "privileged may write /sys",
        "run --rm --privileged IMAGE sh -c 'grep \" /sys \" /proc/mounts'",
        like=" rw,",
    ),
    Row("has /sys read-only", "run --rm IMAGE sh -c 'grep \" /sys \" /proc/mounts'", like=r" ro,"),
    Row(
        "may not mount",
        "run --rm IMAGE mount -t tmpfs x /tmp",
        code=1,
        err="(?i)permission denied|not permitted",
    ),
    Row("may mount when privileged", "run --rm --privileged IMAGE mount -t tmpfs x /tmp"),
    Row("masks files", "run --rm IMAGE sh -c 'cat /proc/kcore /proc/timer_list | wc -c'", out="0"),
    Row("masks directorys", "run --rm IMAGE ls /sys/firmware", out=""),
    Row(
        "has read-only paths in /proc",
        "run --rm IMAGE sh -c 'echo 1 >/proc/sys/kernel/panic'",
        code=1,
        err="Read-only file system",
    ),
    Row(
        "does not mask when asked",
        "run --rm --security-opt systempaths=unconfined IMAGE sh -c 'grep -c \" /proc/\" /proc/mounts'",
        out="0",
        code=1,
    ),
    Row("filters system calls", "run --rm IMAGE grep Seccomp: /proc/self/status", like="2$"),
    Row(
        "does not filter when unconfined",
        "run --rm --security-opt seccomp=unconfined IMAGE grep Seccomp: /proc/self/status",
        like="0$",
    ),
    Row(
        "does not filter when privileged",
        "run --rm --privileged IMAGE grep Seccomp: /proc/self/status",
        like="0$",
    ),
    Row(
        "refuses unshare of a user namespace",
        "run --rm IMAGE unshare -U true",
        code=1,
        err="Operation not permitted",
    ),
    Row(
        "sets no-new-privileges",
        "run --rm --security-opt no-new-privileges IMAGE grep NoNewPrivs /proc/self/status",
        like="1$",
    ),
    Row(
        "leaves privileges gainable by default", "run --rm IMAGE grep NoNewPrivs /proc/self/status", like="0$"
    ),
    Row(
        "refuses an unknown security option",
        "run --rm --security-opt nosuch=1 IMAGE true",
        code=125,
        err="(?i)invalid --security-opt",
    ),
    Row("has a read-only root", "run --rm --read-only IMAGE touch /x", code=1, err="Read-only file system"),
    Row("keeps /dev/shm writable on a read-only root", "run --rm --read-only IMAGE touch /dev/shm/x"),
    Row("keeps tmpfs writable on a read-only root", "run --rm --read-only --tmpfs /tmp IMAGE touch /tmp/x"),
    Row(
        "mounts a tmpfs",
        "run --rm --tmpfs /t:size=1m,mode=700,noexec IMAGE sh -c 'grep \" /t \" /proc/mounts; stat -c %a /t'",
        like=r"noexec.*size=1024k(.|\n)*^700$",
    ),
    Row(
        "has 64 MB of shared memory",
        "run --rm IMAGE sh -c 'grep \" /dev/shm \" /proc/mounts'",
        like="size=65536k",
    ),
    Row(
        "sizes shared memory",
        "run --rm --shm-size 8m IMAGE sh -c 'grep \" /dev/shm \" /proc/mounts'",
        like="size=8192k",
    ),
    Row(
        "has the usual devices",
        "run --rm IMAGE ls /dev",
        out="fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero",
    ),
    Row(
        "may not make block devices work",
        "run --rm IMAGE sh -c 'mknod /b b 254 0 && head -c1 /b'",
        code=1,
        err="not permitted",
    ),
    Row("gives a device", "run --rm --device /dev/kmsg:/dev/k:r IMAGE stat -c %t:%T /dev/k", out="1:b"),
    Row(
        "refuses a device that is not there",
        "run --rm --device /dev/no-such IMAGE true",
        code=127,
        err='error gathering device information while adding custom device "/dev/no-such"',
    ),
    Row(
        "takes device cgroup rules",
        "run --rm --device-cgroup-rule 'c 1:11 rmw' IMAGE sh -c 'mknod /k c 1 11; : >/k && echo open'",
        out="open",
    ),
    Row(
        "is in the host's network", "run --rm --network host IMAGE readlink /proc/self/ns/net", out="HOST:net"
    ),
    Row(
        "is in the host's pid namespace",
        "run --rm --pid host IMAGE readlink /proc/self/ns/pid",
        out="HOST:pid",
    ),
    Row(
        "is in the host's ipc namespace",
        "run --rm --ipc host IMAGE readlink /proc/self/ns/ipc",
        out="HOST:ipc",
    ),
    Row(
        "is in the host's uts namespace",
        "run --rm --uts host IMAGE readlink /proc/self/ns/uts",
        out="HOST:uts",
    ),
    Row("has no network", "run --rm --network none IMAGE ls /sys/class/net", out="lo"),
    Row(
        "has loopback up without a network",
        "run --rm --network none IMAGE sh -c 'ip addr show lo | grep -c 127.0.0.1'",
        out="1",
    ),
    Row(
        "refuses an unknown ipc mode",
        "run --rm --ipc nosuch IMAGE true",
        code=125,
        err="(?i)invalid IPC mode",
    ),
    Row(
        "refuses an unknown pid mode",
        "run --rm --pid nosuch IMAGE true",
        code=125,
        err="(?i)invalid PID mode",
    ),
    Row(
        "has a low oom score when asked",
        "run --rm --oom-score-adj 500 IMAGE cat /proc/self/oom_score_adj",
        out="500",
    ),
]


def host_namespaces(cli: Client, image: str) -> dict[str, str]:
    """The engine's own: it may run in another mount namespace than this test, but shares the rest."""
    return {
        kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "pid", "ipc", "uts", "mnt", "cgroup")
    }


@each(ROWS)
def test_isolation(cli: Client, row: Row, image: str, unique: str) -> None:
    if row.out and row.out.startswith("HOST:"):
        kind = row.out.removeprefix("HOST:")
        row = Row(row.why, row.line, out=host_namespaces(cli, image)[kind])
    check(cli, row, image, unique)


@pytest.mark.parametrize("kind", ["mnt", "uts", "ipc", "pid", "net"])
def test_every_container_has_namespaces_of_its_own(cli: Client, image: str, kind: str) -> None:
    seen = cli.ok("run", "--rm", image, "readlink", f"/proc/self/ns/{kind}")
    other = cli.ok("run", "--rm", image, "readlink", f"/proc/self/ns/{kind}")
    assert seen != host_namespaces(cli, image)[kind]
    assert len({seen, other, host_namespaces(cli, image)[kind]}) >= 2


@pytest.mark.parametrize(
    ("kind", "flag", "first"),
    [("net", "--network", []), ("pid", "--pid", []), ("ipc", "--ipc", ["--ipc", "shareable"])],
)
def test_a_namespace_is_joined(
    cli: Client, image: str, unique: str, kind: str, flag: str, first: list[str]
) -> None:
    cli.ok("run", "-d", "--name", unique, *first, image, "sleep", "1000")
    link = f"/proc/self/ns/{kind}"
    own = cli.ok("exec", unique, "readlink", link)
    assert cli.ok("run", "--rm", flag, f"container:{unique}", image, "readlink", link) == own
    cli.ok("kill", unique)
    cli.fails(
        "run",
        "--rm",
        flag,
        f"container:{unique}",
        image,
        "true",
        code=125,
        says="(?i)is not running|non.running",
    )


def test_a_private_ipc_namespace_is_not_shared(cli: Client, image: str, unique: str) -> None:
    cli.ok("run", "-d", "--name", unique, image, "sleep", "1000")
    cli.fails(
        "run", "--rm", "--ipc", f"container:{unique}", image, "true", code=125, says="non-shareable IPC"
    )


def test_joining_needs_the_container(cli: Client, image: str) -> None:
    for flag in ("--network", "--pid", "--ipc"):
        cli.fails(
            "run",
            "--rm",
            flag,
            "container:no-such",
            image,
            "true",
            code=125,
            says="No such container: no-such",
        )


def test_a_seccomp_profile_from_a_file(cli: Client, image: str, directory: Path) -> None:
    profile = directory / "profile.json"
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    flag = f"seccomp={profile}"
    cli.fails("run", "--rm", "--security-opt", flag, image, "mkdir", "/x", code=1, says="Permission denied")
    assert cli.ok("run", "--rm", "--security-opt", flag, image, "echo", "fine") == "fine"
    profile.write_text("{")
    assert cli("run", "--rm", "--security-opt", flag, image, "true").code == 125


def test_what_the_image_root_says_is_enforced_by_root_only(cli: Client, image: str) -> None:
    cli.fails("run", "--rm", "-u", "app", image, "touch", "/etc/x", code=1, says="Permission denied")
    assert cli.ok("run", "--rm", "-u", "app", image, "sh", "-c", "touch /home/app/x && ls /home/app") == "x"


def test_the_host_is_not_to_be_seen(cli: Client, image: str) -> None:
    mounts = cli.ok("run", "--rm", image, "cat", "/proc/self/mountinfo").splitlines()
    kinds = {line.split(" - ")[1].split()[0] for line in mounts}
    kernel = {"overlay", "proc", "tmpfs", "devpts", "sysfs", "mqueue", "cgroup", "cgroup2"}
    assert kinds <= kernel | {"ext4", "xfs", "btrfs"}
    places = {line.split()[4] for line in mounts}
    assert {"/", "/proc", "/dev", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"} <= places


def test_a_user_namespace_keeps_the_owners_of_files(
    own: Sampand, sampan_client: Client, image: str, unique: str
) -> None:
    """The image's, a volume's, and those of what a volume is filled with: the same inside and on disk."""
    line = "touch /v/root /v/app && chown 1000:1000 /v/app && stat -c '%u:%g %n' /home/app /v/root /v/app /w"
    volumes = ["-v", f"{unique}:/v", "-v", f"{unique}-w:/home/app", "-v", f"{unique}-w:/w"]
    shown = sampan_client.ok("run", "--rm", "--userns", "auto", *volumes, image, "sh", "-c", line)
    assert shown.splitlines() == ["1000:1000 /home/app", "0:0 /v/root", "1000:1000 /v/app", "1000:1000 /w"]
    on_disk = own.data / "volumes" / unique / "_data"
    assert [(on_disk / name).stat().st_uid for name in ("root", "app")] == [0, 1000]
    shown = sampan_client.ok("run", "--rm", "-v", f"{unique}:/v", image, "stat", "-c", "%u:%g", "/v/app")
    assert shown == "1000:1000", "without a user namespace too"


def test_each_user_namespace_has_ids_of_its_own(own: Sampand, api: Api, docker: Client, image: str) -> None:
    """Asked for by the API, as docker's client refuses --userns=auto."""
    body = {
        "Image": image,
        "Cmd": ["sleep", "1000"],
        "Labels": {LABEL: docker.label},
        "HostConfig": {"UsernsMode": "auto"},
    }
    first = set()
    for _ in range(2):
        made = api.post("/containers/create", body)
        assert made.status == 201, made.body
        id = made.json["Id"]
        assert api.post(f"/containers/{id}/start").status == 204
        assert docker.inspect(id)["HostConfig"]["UsernsMode"] == "auto"
        inside, outside, count = Path(f"/proc/{docker.state(id)['Pid']}/uid_map").read_text().split()
        assert inside == "0" and int(outside) > 65535 and int(count) >= 65536
        assert docker.ok("exec", id, "id", "-u") == "0"
        assert os.stat(f"/proc/{docker.state(id)['Pid']}").st_uid == int(outside)
        first.add(outside)
    assert len(first) == 2
    body["HostConfig"] = {"UsernsMode": "auto", "Privileged": True}
    refused = api.post("/containers/create", body)
    assert refused.status == 400 and "incompatible with user namespaces" in refused.message


@pytest.mark.parametrize("network", ["bridge", "none"])
def test_root_in_a_user_namespace_rules_its_network(
    own: Sampand, sampan_client: Client, image: str, network: str
) -> None:
    """docker's client refuses --userns=auto."""

    def run(*line: str) -> str:
        return sampan_client.ok("run", "--rm", "--userns", "auto", "--network", network, *line)

    assert run(image, "cat", "/proc/self/uid_map").split()[1] != "0"
    assert "0% packet loss" in run(image, "ping", "-c", "1", "127.0.0.1"), "raw sockets"
    assert "eth7" in run("--cap-add", "NET_ADMIN", image, "sh", "-c", "ip link add eth7 type veth && ip link")
    if network == "bridge":
        gateway = run(image, "sh", "-c", "ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'")
        assert "0% packet loss" in run(image, "ping", "-c", "1", gateway)
