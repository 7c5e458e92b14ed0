"""What the engine says about a new process by writing to /proc reaches the kernel, not the container's files.

CVE-2025-52881, CVE-2019-16884, CVE-2019-19921: with another thing in the place of /proc/self/attr/exec the
label was not set, or was written somewhere else, such as to /proc/sysrq-trigger or core_pattern.
"""

from pathlib import Path

from tests.security.support import Containers, Running
from tests.support.client import Client
from tests.support.poll import until

ADMIN = {"CapAdd": ["SYS_ADMIN"], "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"]}
FAKE = """
mount -t tmpfs fake /proc || exit 1
for p in self thread-self 1; do mkdir -p /proc/$p/attr/apparmor /proc/$p/fd; done
for f in oom_score_adj attr/exec attr/apparmor/exec uid_map setgroups loginuid; do
  for p in self thread-self; do echo untouched > /proc/$p/$f; done
done
mkdir -p /proc/sys/net/ipv4 /proc/sys/kernel; echo 0 > /proc/sys/kernel/cap_last_cap
ln -s /secret /proc/self/fd/3
echo ready
"""
LOOK = "for f in self thread-self; do cd /proc/$f; cat oom_score_adj attr/exec attr/apparmor/exec; done"


def faked(containers: Containers, image: str, **host: object) -> Running:
    made = containers.start(image, "sleep", "1000", host={**ADMIN, "OomScoreAdj": 321, **host})
    code, output = made.exec("sh", "-c", FAKE)
    assert (code, output.strip()) == (0, "ready"), output
    return made


def test_an_exec_writes_nothing_to_a_proc_that_the_container_has_replaced(
    containers: Containers, image: str
) -> None:
    made = faked(containers, image)
    for more in ({}, {"Tty": True}, {"User": "app"}, {"Privileged": True}):
        code, output = made.exec("sh", "-c", LOOK, **more)
        assert code == 0 and set(output.split()) == {"untouched"}, output


def test_an_exec_is_set_up_all_the_same(containers: Containers, image: str) -> None:
    """Read in a second procfs, as the first one lies."""
    made = faked(containers, image)
    shell = "mkdir -p /real && mount -t proc proc /real && cd /real/self && cat oom_score_adj"
    shell += " && grep -E 'Cap(Bnd|Eff)' status"
    code, output = made.exec("sh", "-c", shell)
    score, bounding, effective = output.splitlines()
    assert code == 0 and score == "321"
    assert bounding.split()[1] == effective.split()[1] == "00000000a82425fb", "whatever cap_last_cap says"


def test_a_working_directory_is_not_looked_for_in_a_replaced_proc(containers: Containers, image: str) -> None:
    made = faked(containers, image)
    assert made.exec("pwd", WorkingDir="/proc/self/attr")[1].strip() == "/proc/self/attr", "its own file"
    made.exec("sh", "-c", "umount /proc")
    assert made.exec("pwd", WorkingDir="/proc/self/cwd")[0] != 0


def test_a_health_check_writes_nothing_there_either(containers: Containers, image: str) -> None:
    check = {"Test": ["CMD-SHELL", LOOK], "Interval": 50_000_000, "Timeout": 10_000_000_000}
    made = containers.start(image, "sh", "-c", f"{FAKE} exec sleep 1000", host=ADMIN, Healthcheck=check)

    def last() -> str:
        log = made.api.get(f"/containers/{made.id}/json").json["State"]["Health"]["Log"]
        return str(log[-1]["Output"]) if log else ""

    until(lambda: "untouched" in last(), "a health check in the replaced /proc")
    assert set(last().split()) == {"untouched"}


def test_sysctls_are_written_to_the_containers_namespaces_only(docker: Client, image: str) -> None:
    file = Path("/proc/sys/kernel/msgmax")
    before = file.read_text()
    shown = docker.ok("run", "--rm", "--sysctl", "kernel.msgmax=12345", image, "cat", str(file))
    assert shown == "12345" and file.read_text() == before
    names = ["kernel.core_pattern", "kernel.sysrq", "vm.swappiness", "net/../kernel/core_pattern"]
    for name in [*names, "net.ipv4.../kernel/core_pattern", "fs.mqueue/../../kernel/core_pattern"]:
        result = docker("run", "--rm", "--sysctl", f"{name}=1", image, "true")
        assert result.code != 0, name
