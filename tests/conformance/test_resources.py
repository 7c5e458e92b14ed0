"""Limits reach the kernel: read back inside the container from whichever cgroup layout there is."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import leftovers
from tests.support.client import Client
from tests.support.engine import Sampand
from tests.support.poll import until

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


@dataclass(frozen=True)
class Limit:
    why: str
    flags: str
    v1: tuple[str, str] = ("", "")  # file below /sys/fs/cgroup, value
    v2: tuple[str, str] = ("", "")


LIMITS = [
    Limit("memory", "-m 32m", ("memory/memory.limit_in_bytes", "33554432"), ("memory.max", "33554432")),
    Limit(
        "swap is as much again",
        "-m 32m",
        ("memory/memory.memsw.limit_in_bytes", "67108864"),
        ("memory.swap.max", "33554432"),
    ),
    Limit(
        "memory and swap",
        "-m 32m --memory-swap 48m",
        ("memory/memory.memsw.limit_in_bytes", "50331648"),
        ("memory.swap.max", "16777216"),
    ),
    Limit(
        "memory reservation",
        "-m 64m --memory-reservation 32m",
        ("memory/memory.soft_limit_in_bytes", "33554432"),
        ("memory.low", "33554432"),
    ),
    Limit("cpu shares", "--cpu-shares 512", ("cpu/cpu.shares", "512"), ("cpu.weight", "20")),
    Limit("cpus", "--cpus 0.5", ("cpu/cpu.cfs_quota_us", "50000"), ("cpu.max", "50000 100000")),
    Limit(
        "cpu quota",
        "--cpu-period 50000 --cpu-quota 20000",
        ("cpu/cpu.cfs_quota_us", "20000"),
        ("cpu.max", "20000 50000"),
    ),
    Limit(
        "cpu period",
        "--cpu-period 50000 --cpu-quota 20000",
        ("cpu/cpu.cfs_period_us", "50000"),
        ("cpu.max", "20000 50000"),
    ),
    Limit("cpuset", "--cpuset-cpus 0", ("cpuset/cpuset.cpus", "0"), ("cpuset.cpus", "0")),
    Limit("cpuset memory nodes", "--cpuset-mems 0", ("cpuset/cpuset.mems", "0"), ("cpuset.mems", "0")),
    Limit("pids", "--pids-limit 77", ("pids/pids.max", "77"), ("pids.max", "77")),
    Limit("no pids limit", "--pids-limit -1", ("pids/pids.max", "max"), ("pids.max", "max")),
]


@pytest.mark.parametrize("limit", LIMITS, ids=[limit.why.replace(" ", "-") for limit in LIMITS])
def test_a_limit_reaches_the_kernel(cli: Client, image: str, limit: Limit) -> None:
    file, value = limit.v2 if V2 else limit.v1
    result = cli("run", "--rm", *limit.flags.split(), image, "cat", f"/sys/fs/cgroup/{file}")
    if "No such file" in result.err and not os.path.exists(f"/sys/fs/cgroup/{file}"):
        pytest.skip(f"this kernel has no {file}")
    assert result.out == value, str(result)


REFUSED = [
    ("-m 5m", 125, "Minimum memory limit allowed is 6MB"),
    ("-m 32m --memory-swap 16m", 125, "Minimum memoryswap limit should be larger than memory limit"),
    ("--memory-swap 32m", 125, "You should always set the Memory limit when using Memoryswap limit"),
    (
        "-m 32m --memory-reservation 64m",
        125,
        "Minimum memory limit can not be less than memory reservation limit",
    ),
    ("--cpus 1000", 125, r"Range of CPUs is from 0.01 to \d+.00, as there are only \d+ CPUs available"),
    ("--cpu-period 10 --cpu-quota 1000", 125, "CPU cfs period can not be less than 1ms"),
    ("--cpus 1 --cpu-quota 1000", 125, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
    ("--cpuset-cpus 999", 125, "Requested CPUs are not available - requested 999, available: "),
    ("--cpuset-cpus x", 125, "(?i)invalid value x for cpuset cpus"),
    ("--oom-score-adj 2000", 125, "Invalid value 2000, range for oom score adj is \\[-1000, 1000\\]"),
    ("-m 12x", 125, "invalid argument"),
]


@pytest.mark.parametrize(
    ("flags", "code", "says"), REFUSED, ids=[row[0].replace(" ", "_") for row in REFUSED]
)
def test_a_wrong_limit_is_refused(
    cli: Client, image: str, unique: str, flags: str, code: int, says: str
) -> None:
    cli.fails("run", "--name", unique, *flags.split(), image, "true", code=code, says=says)
    cli.fails("inspect", unique, says="(?i)no such")


def test_a_wrong_block_weight_is_refused(cli: Client, image: str) -> None:
    result = cli("run", "--rm", "--blkio-weight", "5", image, "true")
    if "Weight discarded" in result.err:
        assert result.code == 0, str(result)  # no weights in this kernel: Docker warns and goes on
    else:
        assert result.code == 125 and "Range of blkio weight is from 10 to 1000" in result.err, str(result)


def disk() -> tuple[str, str]:
    """A whole disk of this machine, as /dev/NAME and as MAJOR:MINOR."""
    for name in sorted(os.listdir("/sys/block")):
        if Path(f"/sys/block/{name}/size").read_text().strip() != "0" and os.path.exists(f"/dev/{name}"):
            return f"/dev/{name}", Path(f"/sys/block/{name}/dev").read_text().strip()
    pytest.skip("this machine has no disk")


THROTTLES = [
    ("--device-read-bps", "1mb", "read_bps_device", "1048576", "rbps"),
    ("--device-write-bps", "2mb", "write_bps_device", "2097152", "wbps"),
    ("--device-read-iops", "1000", "read_iops_device", "1000", "riops"),
    ("--device-write-iops", "500", "write_iops_device", "500", "wiops"),
]


@pytest.mark.parametrize(("flag", "rate", "v1", "value", "v2"), THROTTLES, ids=[row[2] for row in THROTTLES])
def test_a_block_throttle_reaches_the_kernel(
    cli: Client, image: str, flag: str, rate: str, v1: str, value: str, v2: str
) -> None:
    device, number = disk()
    file = "io.max" if V2 else f"blkio/blkio.throttle.{v1}"
    shown = cli.ok("run", "--rm", flag, f"{device}:{rate}", image, "cat", f"/sys/fs/cgroup/{file}")
    assert (f"{v2}={value}" in shown) if V2 else (f"{number} {value}" in shown.splitlines()), shown


def test_update_changes_a_running_containers_limits(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-m", "64m", "--pids-limit", "50", image, "sleep", "1000")
    flags = [
        "-m",
        "32m",
        "--memory-swap",
        "64m",
        "--cpus",
        "0.25",
        "--pids-limit",
        "99",
        "--cpu-shares",
        "256",
    ]
    assert cli.ok("update", *flags, made) == made
    wanted = (
        {"memory.max": "33554432", "pids.max": "99", "cpu.max": "25000 100000"}
        if V2
        else {
            "memory/memory.limit_in_bytes": "33554432",
            "pids/pids.max": "99",
            "cpu/cpu.cfs_quota_us": "25000",
            "cpu/cpu.shares": "256",
        }
    )
    for file, value in wanted.items():
        assert cli.ok("exec", made, "cat", f"/sys/fs/cgroup/{file}") == value
    host = cli.inspect(made)["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (33554432, 250000000, 99)


def test_update_refuses_less_swap_than_memory(cli: Client, image: str) -> None:
    made = cli.ok("run", "-d", "-m", "32m", image, "sleep", "1000")
    says = "Memory limit should be smaller than already set memoryswap limit"
    cli.fails("update", "-m", "512m", made, says=says)


def test_an_updated_limit_holds_after_a_restart(cli: Client, image: str) -> None:
    made = cli.ok("create", "-m", "64m", image, "sleep", "1000")
    cli.ok("update", "-m", "32m", made)
    cli.ok("start", made)
    file = "memory.max" if V2 else "memory/memory.limit_in_bytes"
    assert cli.ok("exec", made, "cat", f"/sys/fs/cgroup/{file}") == "33554432"


def test_too_many_processes_fail_to_fork(cli: Client, image: str) -> None:
    line = "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait"
    result = cli("run", "--rm", "--pids-limit", "4", image, "sh", "-c", line)
    assert "can't fork" in result.err or "Resource temporarily unavailable" in result.err, str(result)


def test_every_process_of_the_container_counts(cli: Client, image: str) -> None:
    """A program started by exec is under the same limits."""
    made = cli.ok("run", "-d", "-m", "24m", "--memory-swap", "24m", image, "sleep", "1000")
    assert cli("exec", made, "sh", "-c", "tail /dev/zero").code == 137
    assert cli.state(made)["Running"]


def test_a_cgroup_parent_made_for_a_container_goes_with_it(cli: Client, image: str, own: Sampand) -> None:
    parent = f"{own.token}-parent"
    assert f"/{parent}/below/" in cli.ok(
        "run", "--rm", "--cgroup-parent", f"{parent}/below", image, "cat", "/proc/self/cgroup"
    )
    # A client hears of the end of its container before the daemon has tidied up.
    until(lambda: not leftovers.cgroups(parent), "the parent is gone")
