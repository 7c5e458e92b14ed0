"""Mount tables of the three layouts, and where containers live in each."""

import pytest

from sampan.errors import Failed
from sampan.runtime.cgroups import layout, open_cgroup

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = """26 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
27 25 0:24 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
28 25 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
"""
HYBRID = V1 + "29 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
SYSTEMD_ONLY = "28 25 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n" + V2
CASES = [
    (V2, "v2", 2, set()),
    (V1, "v1", 1, {"cpu", "cpuacct", "memory", "name=systemd"}),
    (HYBRID, "hybrid", 1, {"cpu", "cpuacct", "memory", "name=systemd"}),
    (SYSTEMD_ONLY, "v2", 2, set()),
    ("21 1 0:20 / /proc rw - proc proc rw\n", "none", 1, set()),
]


@pytest.mark.parametrize(("mountinfo", "kind", "version", "controllers"), CASES)
def test_layouts_are_told_apart(mountinfo: str, kind: str, version: int, controllers: set[str]) -> None:
    found = layout.parse(mountinfo)
    assert (found.kind, found.version, set(found.v1)) == (kind, version, controllers)
    assert layout.Layout.from_dict(found.to_dict()).kind == kind


def test_the_first_mount_of_a_hierarchy_counts_and_names_are_unescaped() -> None:
    again = "40 25 0:24 / /var/lib/x/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    odd = "41 25 0:27 / /mnt/a\\040b rw - cgroup cgroup rw,pids\n"
    found = layout.parse(V1 + again + odd)
    assert found.v1["memory"] == "/sys/fs/cgroup/memory"
    assert found.v1["pids"] == "/mnt/a b"


def test_without_systemd_or_delegation_containers_live_under_sampan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "systemd_runs", lambda: False)
    assert layout.default_parent(layout.parse(V2), "0::/system.slice/sampan.service\n") == "/sampan"
    monkeypatch.setattr(layout, "systemd_runs", lambda: True)
    assert layout.default_parent(layout.parse(HYBRID), "0::/system.slice/sampan.service\n") == "/sampan"
    monkeypatch.setattr(layout, "_delegated", lambda path: False)
    assert layout.default_parent(layout.parse(V2), "0::/user.slice/session-1.scope\n") == "/sampan"


def test_a_delegated_unit_keeps_containers_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "systemd_runs", lambda: True)
    monkeypatch.setattr(
        layout, "_delegated", lambda path: path == "/sys/fs/cgroup/system.slice/sampan.service"
    )
    for own in ("/system.slice/sampan.service", "/system.slice/sampan.service/daemon"):
        found = layout.default_parent(layout.parse(V2), f"0::{own}\n")
        assert found == "/system.slice/sampan.service/containers"


@pytest.mark.parametrize("path", ["", "/", "//", "sampan/abc", "/sampan/..", "/../sampan"])
@pytest.mark.parametrize(("unified", "v1"), [("/cgroups", {}), (None, {"pids": "/cgroups/pids"})])
def test_there_is_no_handle_on_the_root_cgroup(path: str, unified: str | None, v1: dict[str, str]) -> None:
    with pytest.raises(Failed, match=f'"{path}" is not the path of a container\'s cgroup'):
        open_cgroup(path, layout.Layout(unified, v1))
