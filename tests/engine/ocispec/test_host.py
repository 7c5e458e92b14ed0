"""The machine the tests run on is described truthfully, whatever it is."""

import os
from pathlib import Path

import pytest

from sampan.engine.ocispec import cpuset, host
from sampan.engine.ocispec.host import Host


def test_detection_agrees_with_the_kernel() -> None:
    found = host.detect()
    assert found.cgroup_version in (1, 2)
    assert found.cpu_count == len(os.sched_getaffinity(0))
    assert os.sched_getaffinity(0) <= cpuset.parse(found.cpus)
    assert found.kernel == os.uname().release
    assert found.memory > 1 << 20
    assert found.supports("Nonsense") is False
    assert host.detect() is found


def test_devices_are_told_from_files(tmp_path: Path) -> None:
    machine = Host()
    null = machine.device("/dev/null")
    assert null is not None and (null.type, null.major, null.minor) == ("c", 1, 3)
    (tmp_path / "file").write_text("")
    assert machine.device(str(tmp_path / "file")) is None
    with pytest.raises(FileNotFoundError):
        machine.device(str(tmp_path / "nothing"))


def test_a_device_tree_holds_nodes_only(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    os.mkfifo(tmp_path / "below/fifo")
    (tmp_path / "file").write_text("")
    (tmp_path / "pts").mkdir()
    os.mkfifo(tmp_path / "pts/0")
    os.symlink("/dev/null", tmp_path / "link")
    found = Host().device_tree(str(tmp_path))
    assert [(path, node.type) for path, node in found] == [(f"{tmp_path}/below/fifo", "p")]


def test_v2_limits_follow_the_controllers(tmp_path: Path) -> None:
    from sampan.runtime.cgroups import Layout

    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    found = host._v2_limits(Layout(str(tmp_path), {}))
    assert {"MemoryLimit", "CPUCfs", "PidsLimit"} <= found
    assert not {"Cpuset", "BlkioWeight", "OomKillDisable"} & found
