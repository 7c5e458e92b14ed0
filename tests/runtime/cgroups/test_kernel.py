"""The same life in every real tree this machine has: create, join, freeze, kill, remove."""

import os
import select
import signal
import time
from collections.abc import Iterator

import pytest

from sampan.errors import Failed
from sampan.runtime import cgroups
from sampan.runtime.cgroups.v1 import V1
from sampan.runtime.cgroups.v2 import V2

pytestmark = pytest.mark.root
PARENT = f"/sampan-test-{os.getpid()}"


def layouts() -> list[cgroups.Layout]:
    """The machine's own layout, and its unified tree alone where that is an empty one."""
    found = cgroups.detect()
    return [found, cgroups.Layout(found.unified, {})] if found.kind == "hybrid" else [found]


@pytest.fixture(params=layouts(), ids=lambda layout: layout.kind)
def cgroup(request: pytest.FixtureRequest) -> Iterator[V1 | V2]:
    layout = request.param
    made = cgroups.create({"path": f"{PARENT}/c", "layout": layout.to_dict(), "resources": {}})
    try:
        yield made
    finally:
        made.remove()
        cgroups.open_cgroup(PARENT, layout).remove()
        assert not made.exists()


def spawn(cgroup: V1 | V2) -> int:
    """A child inside, which counts as long as it runs."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            cgroup.join_self()
            os.write(writer, b"in")
            while True:
                os.write(writer, b".") if select.select([], [writer], [], 0.1)[1] else None
                time.sleep(0.001)
        finally:
            os._exit(1)
    os.close(writer)
    assert os.read(reader, 2) == b"in"
    os.set_blocking(reader, False)
    READERS[child] = reader
    return child


READERS: dict[int, int] = {}


def runs(child: int, within: float) -> bool:
    """Whether it writes anything new within the time."""
    reader = READERS[child]
    try:
        while os.read(reader, 65536):
            pass
    except BlockingIOError:
        pass
    return bool(select.select([reader], [], [], within)[0])


def reap(child: int) -> int:
    _, status = os.waitpid(child, 0)
    os.close(READERS.pop(child))
    return os.waitstatus_to_exitcode(status)


def test_a_frozen_cgroup_stands_still_and_can_be_killed(cgroup: V1 | V2) -> None:
    child = spawn(cgroup)
    assert cgroup.pids() == [child]
    assert runs(child, 5)
    cgroup.freeze()
    assert cgroup.frozen()
    assert not runs(child, 0.05)
    cgroup.thaw()
    assert not cgroup.frozen()
    assert runs(child, 5)
    cgroup.freeze()
    cgroup.kill()
    assert reap(child) == -signal.SIGKILL


def test_removal_kills_what_is_left_inside_and_below(cgroup: V1 | V2) -> None:
    below = cgroups.open_cgroup(cgroup.path + "/below", cgroup.layout)
    below.create()
    child = spawn(below)
    assert cgroup.pids() == [child]
    # Reaped by nobody yet, so the directory stays busy until the process is a zombie at least.
    cgroup.remove()
    assert reap(child) == -signal.SIGKILL
    assert cgroup.pids() == []
    cgroup.remove()


def test_a_failed_create_leaves_nothing() -> None:
    layout = cgroups.detect()
    config = {"path": f"{PARENT}/bad", "layout": layout.to_dict(), "resources": {"cpu": {"cpus": "9999"}}}
    with pytest.raises(Failed, match=r"cpuset\.cpus"):
        cgroups.create(config)
    assert not cgroups.open_cgroup(f"{PARENT}/bad", layout).exists()
    cgroups.open_cgroup(PARENT, layout).remove()


@pytest.mark.skipif("cpuset" not in cgroups.detect().v1, reason="the cpuset controller is not v1's here")
def test_v1_cpusets_below_somebody_elses_empty_one_take_processes() -> None:
    layout = cgroups.detect()
    foreign = layout.v1["cpuset"] + PARENT
    os.mkdir(foreign)
    made = cgroups.create({"path": f"{PARENT}/a/b", "layout": layout.to_dict(), "resources": {}})
    try:
        child = spawn(made)
        made.kill()
        assert reap(child) == -signal.SIGKILL
    finally:
        made.remove()
        cgroups.open_cgroup(PARENT, layout).remove()


@pytest.mark.skipif("memory" not in cgroups.detect().v1, reason="the memory controller is not v1's here")
def test_v1_limits_hold_and_an_oom_kill_is_noticed() -> None:
    layout = cgroups.detect()
    limits = {"memory": {"limit": 16 << 20, "swap": 16 << 20}, "pids": {"limit": 5}}
    cgroup = cgroups.create({"path": f"{PARENT}/oom", "layout": layout.to_dict(), "resources": limits})
    try:
        watch = cgroup.watch_oom()
        assert watch is not None
        fd, events = watch
        child = os.fork()
        if child == 0:
            try:
                cgroup.join_self()
                held = [bytearray(os.urandom(1 << 20)) for _ in range(64)]
                os._exit(len(held))
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        poll = select.poll()
        poll.register(fd, events)
        assert poll.poll(5000)
        cgroup.acknowledge_oom(fd)
        assert not poll.poll(0)
        os.close(fd)
        assert cgroup.oom_count() == 1
        found = cgroup.stat()
        assert found["memory"]["limit"] == 16 << 20 and found["pids"]["limit"] == 5
        cgroup.apply({"memory": {"limit": 64 << 20, "swap": 128 << 20}})
        cgroup.apply({"memory": {"limit": 32 << 20, "swap": 32 << 20}})
        assert cgroup.stat()["memory"]["limit"] == 32 << 20
    finally:
        cgroup.remove()
        cgroups.open_cgroup(PARENT, layout).remove()


def test_clone_into_needs_a_unified_tree(cgroup: V1 | V2) -> None:
    fd = cgroup.clone_fd()
    if cgroup.layout.unified is None:
        assert fd is None
    else:
        assert fd is not None
        os.close(fd)
        assert os.path.isdir(cgroup.layout.unified + cgroup.path)


@pytest.mark.parametrize("layout", layouts(), ids=lambda layout: layout.kind)
def test_parents_made_for_a_cgroup_go_with_the_last_one_below_them(layout: cgroups.Layout) -> None:
    there = cgroups.open_cgroup(PARENT, layout)
    there.create()
    one, two = (
        cgroups.create({"path": f"{PARENT}/a/b/{name}", "layout": layout.to_dict(), "resources": {}})
        for name in ("1", "2")
    )
    try:
        one.remove()
        cgroups.leave(f"{PARENT}/a/b", layout)
        assert two.exists(), "others are not disturbed"
        two.remove()
        cgroups.leave(f"{PARENT}/a/b", layout)
        assert not cgroups.open_cgroup(f"{PARENT}/a", layout).exists()
        cgroups.leave(PARENT, layout)
        assert there.exists(), "it was there before"
    finally:
        there.remove()
