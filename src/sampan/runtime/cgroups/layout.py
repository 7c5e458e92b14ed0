"""Where the cgroup hierarchies are mounted on this machine. cgroups(7), proc_pid_mountinfo(5).

Three layouts exist: "v2" (one unified tree), "v1" (a tree per controller), and "hybrid": v1 controllers
with an empty unified tree beside them, which still freezes and kills.
"""

from __future__ import annotations

import os
import time

from sampan.errors import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs 3 ms and every shim imports this
    from typing import Any

MOUNTINFO = "/proc/self/mountinfo"
SAMPAN = "/sampan"
SLICE = "system.slice"


class Layout:
    """`unified`: mount point of the v2 tree or None; `v1`: controller (or "name=x") -> mount point."""

    __slots__ = ("unified", "v1")

    def __init__(self, unified: str | None, v1: dict[str, str]) -> None:
        self.unified = unified
        self.v1 = v1

    @property
    def kind(self) -> str:
        if not self.v1:
            return "v2" if self.unified else "none"
        return "hybrid" if self.unified else "v1"

    @property
    def version(self) -> int:
        """What Docker calls CgroupVersion: hybrid counts as 1, its controllers being v1's."""
        return 2 if self.kind == "v2" else 1

    def to_dict(self) -> dict[str, Any]:
        return {"unified": self.unified, "v1": self.v1}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Layout:
        return cls(plain["unified"], plain["v1"])


def below_root(path: str) -> str:
    """The path itself, if it can be a container's: the root cgroup is the host's. Raises Failed."""
    if not path.startswith("/") or not path.strip("/") or ".." in path.split("/"):
        raise Failed(f'"{path}" is not the path of a container\'s cgroup')
    return path


def parse(mountinfo: str) -> Layout:
    """The layout a mountinfo text describes; the first mount of each hierarchy counts."""
    unified: str | None = None
    v1: dict[str, str] = {}
    for line in mountinfo.splitlines():
        left, separator, right = line.partition(" - ")
        fields = right.split(" ")
        if not separator or not fields[0].startswith("cgroup"):
            continue
        point = _unescape(left.split(" ")[4])
        if fields[0] == "cgroup2":
            unified = unified or point
        elif fields[0] == "cgroup":
            for option in fields[-1].split(","):
                if option in _V1_CONTROLLERS or option.startswith("name="):
                    v1.setdefault(option, point)
    if unified and v1.get("name=systemd") is not None and len(v1) == 1:
        # A lone systemd hierarchy holds no controller: the machine runs on the unified tree.
        v1 = {}
    return Layout(unified, v1)


def detect() -> Layout:
    with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as file:
        return parse(file.read())


_V1_NAMES = """
cpu cpuacct cpuset memory devices freezer blkio pids net_cls net_prio perf_event hugetlb rdma misc debug
"""
_V1_CONTROLLERS = frozenset(_V1_NAMES.split())


def _unescape(text: str) -> str:
    # The kernel writes space, tab, newline and backslash as three octal digits.
    if "\\" not in text:
        return text
    for code in ("040", "011", "012", "134"):
        text = text.replace("\\" + code, chr(int(code, 8)))
    return text


def systemd_runs() -> bool:
    """sd_booted(3)."""
    return os.path.isdir("/run/systemd/system")


def default_parent(layout: Layout, own_cgroup: str | None = None) -> str:
    """The cgroup below which containers live: the part of the tree systemd delegated to us, or /sampan.

    `own_cgroup` is the text of /proc/self/cgroup. Only on v2 does systemd insist on being the single writer.
    """
    if layout.kind != "v2" or layout.unified is None or not systemd_runs():
        return SAMPAN
    # A daemon that was started again inside its own leaf (see `_retreat`) has the delegated cgroup above it.
    base = _own(own_cgroup).removesuffix("/daemon")
    if base in ("", "/") or not _delegated(layout.unified + base):
        return SAMPAN
    return base + "/containers"


def settle(layout: Layout, scope: str = "sampan.scope") -> str:
    """Find or get our part of the tree, move the daemon to its place there, and say where containers go.

    For the daemon, once at its start. Where systemd rules and delegated nothing, a transient scope is asked
    for; without one containers live under /sampan, as Docker's do under /docker with its cgroupfs driver.
    """
    parent = default_parent(layout)
    if parent == SAMPAN and layout.kind == "v2" and layout.unified is not None and systemd_runs():
        base = f"/{SLICE}/{scope}"
        if not _delegated(layout.unified + base):
            _ask_for(layout.unified + base, scope)
        if _delegated(layout.unified + base):
            parent = base + "/containers"
            _move(f"{layout.unified}{base}/daemon", _family())
    if parent != SAMPAN:
        _retreat(f"{layout.unified}{parent}".removesuffix("/containers"))
    return parent


def _ask_for(directory: str, scope: str) -> None:
    from sampan.runtime.cgroups import systemd

    try:
        systemd.start_scope(scope, _family(), SLICE)
    except Failed:
        return  # an odd or half-started systemd must not keep the engine down
    deadline = time.monotonic() + 5.0
    while not _delegated(directory) and time.monotonic() < deadline:
        time.sleep(0.01)


def _family() -> list[int]:
    """This process and its children, the launcher among them."""
    pid = os.getpid()
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *map(int, file.read().split())]


def _own(own_cgroup: str | None) -> str:
    if own_cgroup is None:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own_cgroup = file.read()
    return next((line[3:] for line in own_cgroup.splitlines() if line.startswith("0::")), "/")


def _delegated(path: str) -> bool:
    # systemd marks what it delegated, systemd.resource-control(5) "Delegate=".
    for name in ("trusted.delegate", "user.delegate"):
        try:
            if os.getxattr(path, name) == b"1":
                return True
        except OSError:
            continue
    return False


def _retreat(base: str) -> None:
    """Move whoever is directly in `base` into a leaf of it.

    A v2 cgroup with processes of its own cannot hand controllers to its children (cgroups(7), "no internal
    processes").
    """
    os.makedirs(base + "/daemon", exist_ok=True)
    with open(base + "/cgroup.procs", encoding="ascii") as file:
        _move(base + "/daemon", list(map(int, file.read().split())))


def _move(directory: str, pids: list[int]) -> None:
    os.makedirs(directory, exist_ok=True)
    for pid in pids:
        try:
            with open(directory + "/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(pid))
        except ProcessLookupError:
            continue
