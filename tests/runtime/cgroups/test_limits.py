"""Which file of a cgroup gets which value, for v1 and v2, on a tree of ordinary files."""

from pathlib import Path
from typing import Any

import pytest

from sampan.errors import Failed
from sampan.runtime.cgroups import Layout, devices, stat, v2
from sampan.runtime.cgroups.v1 import V1
from sampan.runtime.cgroups.v2 import V2
from tests.runtime.cgroups.fake import V2_FILES, fill, v1_tree

PATH = "/sampan/web"


def read_all(root: Path) -> dict[str, str]:
    return {file.name: text for file in root.rglob("*") if file.is_file() and (text := file.read_text())}


V1_CASES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    (
        {
            "memory": {
                "limit": 100,
                "swap": 200,
                "reservation": 50,
                "swappiness": 10,
                "disableOOMKiller": True,
            }
        },
        {
            "memory.limit_in_bytes": "100",
            "memory.memsw.limit_in_bytes": "200",
            "memory.soft_limit_in_bytes": "50",
            "memory.swappiness": "10",
            "memory.oom_control": "1",
        },
    ),
    ({"memory": {"limit": -1}}, {"memory.limit_in_bytes": "-1", "memory.memsw.limit_in_bytes": "-1"}),
    (
        {"cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0-1", "mems": "0"}},
        {
            "cpu.shares": "512",
            "cpu.cfs_quota_us": "50000",
            "cpu.cfs_period_us": "100000",
            "cpuset.cpus": "0-1",
            "cpuset.mems": "0",
        },
    ),
    ({"pids": {"limit": 20}}, {"pids.max": "20"}),
    ({"pids": {"limit": -1}}, {"pids.max": "max"}),
    (
        {
            "blockIO": {
                "weight": 300,
                "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1024}],
                "throttleWriteIOPSDevice": [{"major": 8, "minor": 1, "rate": 9}],
            }
        },
        {
            "blkio.weight": "300",
            "blkio.throttle.read_bps_device": "8:0 1024",
            "blkio.throttle.write_iops_device": "8:1 9",
        },
    ),
]


@pytest.mark.parametrize(("resources", "files"), V1_CASES)
def test_v1_writes_only_what_is_asked(
    tmp_path: Path, resources: dict[str, Any], files: dict[str, str]
) -> None:
    V1(PATH, Layout(None, v1_tree(tmp_path, PATH))).apply(resources)
    assert read_all(tmp_path) == files


V2_CASES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    (
        {"memory": {"limit": 100, "swap": 250, "reservation": 50, "swappiness": 3, "disableOOMKiller": True}},
        {"memory.max": "100", "memory.swap.max": "150", "memory.low": "50"},
    ),
    ({"memory": {"limit": 100, "swap": -1}}, {"memory.max": "100", "memory.swap.max": "max"}),
    (
        {"cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0", "mems": "0"}},
        {"cpu.weight": "39", "cpu.max": "50000 100000", "cpuset.cpus": "0", "cpuset.mems": "0"},
    ),
    ({"cpu": {"period": 50000}}, {"cpu.max": "max 50000"}),
    ({"cpu": {"quota": 5000}}, {"cpu.max": "5000"}),
    ({"pids": {"limit": 20}}, {"pids.max": "20"}),
    ({"pids": {"limit": -1}}, {"pids.max": "max"}),
    (
        {"blockIO": {"weight": 500, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1024}]}},
        {"io.weight": "default 4950", "io.max": "8:0 rbps=1024"},
    ),
]


@pytest.mark.parametrize(("resources", "files"), V2_CASES)
def test_v2_writes_only_what_is_asked(
    tmp_path: Path, resources: dict[str, Any], files: dict[str, str]
) -> None:
    fill(tmp_path / "sampan/web", V2_FILES)
    V2(PATH, Layout(str(tmp_path), {})).apply(resources)
    assert read_all(tmp_path) == files


@pytest.mark.parametrize(
    ("memsw", "memory", "expected"),
    [(None, 5, None), (0, 5, None), (None, -1, "max"), (-1, 5, "max"), (7, 5, "2"), (5, 5, "0")],
)
def test_swap_is_what_is_left_of_memory_plus_swap(
    memsw: int | None, memory: int | None, expected: str | None
) -> None:
    assert v2.swap_max(memsw, memory) == expected


def test_impossible_swap_limits_are_refused() -> None:
    for memsw, memory in ((5, None), (5, -1), (4, 5)):
        with pytest.raises(Failed):
            v2.swap_max(memsw, memory)


@pytest.mark.parametrize(("shares", "weight"), [(2, 1), (1024, 39), (262144, 10000), (1, 1), (999999, 10000)])
def test_shares_become_weights(shares: int, weight: int) -> None:
    assert v2.weight_from_shares(shares) == weight


def test_v2_hands_controllers_down_the_path(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu pids")
    (tmp_path / "cgroup.subtree_control").write_text("")
    V2("/a/b/c", Layout(str(tmp_path), {})).create()
    assert (tmp_path / "a/b/c").is_dir()
    assert "+pids" in (tmp_path / "cgroup.subtree_control").read_text()


def test_device_rules_leave_out_what_changes_nothing() -> None:
    rules = [
        {"allow": False, "access": "rwm"},
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"},
        {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"},
        {"allow": True, "type": "b", "access": "m"},
        {"allow": False, "type": "c", "major": 10, "minor": 229},
        {"allow": True, "type": "c", "major": 136, "minor": -1},
    ]
    assert list(devices.v1_rules(rules)) == [
        (False, "a"),
        (True, "c 1:3 rw"),
        (True, "b *:* m"),
        (False, "c 10:229 rwm"),
        (True, "c 136:* rwm"),
    ]


def test_a_failed_write_names_file_and_value(tmp_path: Path) -> None:
    cgroup = V1("/gone", Layout(None, {"pids": str(tmp_path)}))
    with pytest.raises(
        Failed, match=r'failed to write "20": write .*/gone/pids.max: no such file or directory'
    ):
        cgroup.apply({"pids": {"limit": 20}})


def test_v2_io_statistics_have_v1s_form() -> None:
    found = stat.v2_io("8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\nbroken\n")
    assert found["io_service_bytes_recursive"] == [
        {"major": 8, "minor": 0, "op": "read", "value": 10},
        {"major": 8, "minor": 0, "op": "write", "value": 20},
    ]
    assert [entry["value"] for entry in found["io_serviced_recursive"]] == [1, 2]


def test_v1_counters_are_read(tmp_path: Path) -> None:
    points = v1_tree(tmp_path, PATH)
    for name, text in (
        ("cpuacct/sampan/web/cpuacct.usage", "12345\n"),
        ("cpuacct/sampan/web/cpuacct.stat", "user 3\nsystem 4\n"),
        ("cpuacct/sampan/web/cpuacct.usage_percpu", "5 6 \n"),
        ("cpu/sampan/web/cpu.stat", "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n"),
        ("memory/sampan/web/memory.usage_in_bytes", "77\n"),
        ("memory/sampan/web/memory.limit_in_bytes", "9223372036854771712\n"),
        ("memory/sampan/web/memory.stat", "cache 1\nrss 2\n"),
        ("pids/sampan/web/pids.current", "4\n"),
        ("pids/sampan/web/pids.max", "max\n"),
        ("blkio/sampan/web/blkio.throttle.io_service_bytes_recursive", "8:0 Read 5\nTotal 5\n"),
    ):
        (tmp_path / name).write_text(text)
    found = V1(PATH, Layout(None, points)).stat()
    assert found["cpu"]["usage"] == 12345 and found["cpu"]["percpu"] == [5, 6]
    assert (found["cpu"]["user"], found["cpu"]["throttled"]) == (30_000_000, 3)
    assert (found["memory"]["usage"], found["memory"]["limit"]) == (77, -1)
    assert found["memory"]["stats"] == {"cache": 1, "rss": 2}
    assert found["pids"] == {"current": 4, "limit": -1}
    assert found["blkio"]["io_service_bytes_recursive"] == [
        {"major": 8, "minor": 0, "op": "Read", "value": 5}
    ]
