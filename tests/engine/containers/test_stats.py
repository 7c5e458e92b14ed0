"""Docker's stats document, and that the numbers docker's client computes from two of them come out right."""

from typing import Any

from sampan.engine.containers import stats
from sampan.specs.golang import time as times


def reading(version: int = 1, usage: int = 0, limit: int = -1, **more: Any) -> dict[str, Any]:
    return {
        "version": version,
        "cpu": {
            "usage": usage,
            "user": usage // 2,
            "system": usage // 2,
            "percpu": [usage, 0] if version == 1 else None,
            "periods": 1,
            "throttled_periods": 2,
            "throttled": 3,
        },
        "memory": {
            "usage": 100,
            "max_usage": 120,
            "failcnt": 0,
            "limit": limit,
            "stats": {"cache": 1, "total_cache": 2, "total_inactive_file": 30, "inactive_file": 30, "odd": 5},
        },
        "pids": {"current": 3, "limit": -1},
        "blkio": {"io_service_bytes_recursive": [], "io_serviced_recursive": []},
        **more,
    }


def test_a_rate_comes_out_of_two_samples() -> None:
    before = stats.Sample("t0", reading(usage=1_000), 10_000, 2)
    after = stats.Sample("t1", reading(usage=2_000), 14_000, 2)
    found = stats.document("id", "web", after, before)
    cpu, earlier = found["cpu_stats"], found["precpu_stats"]
    used = cpu["cpu_usage"]["total_usage"] - earlier["cpu_usage"]["total_usage"]
    # docker's calculateCPUPercentUnix: one of two CPUs half busy.
    assert used / (cpu["system_cpu_usage"] - earlier["system_cpu_usage"]) * cpu["online_cpus"] * 100 == 50
    assert (found["read"], found["preread"], found["name"]) == ("t1", "t0", "/web")
    assert cpu["cpu_usage"]["percpu_usage"] == [2000, 0]
    assert cpu["throttling_data"] == {"periods": 1, "throttled_periods": 2, "throttled_time": 3}


def test_memory_has_the_fields_of_its_cgroup_version() -> None:
    v1 = stats.document("i", "n", stats.Sample("t", reading(), 1, 1), host_memory=1000)["memory_stats"]
    assert v1["limit"] == 1000 and v1["max_usage"] == 120 and "failcnt" not in v1
    assert list(v1["stats"]) == ["cache", "inactive_file", "total_cache", "total_inactive_file"]
    v2 = stats.document("i", "n", stats.Sample("t", reading(2, limit=500), 1, 1), host_memory=1000)
    assert v2["memory_stats"]["limit"] == 500 and "max_usage" not in v2["memory_stats"]
    assert "percpu_usage" not in v2["cpu_stats"]["cpu_usage"]
    assert v2["pids_stats"] == {"current": 3, "limit": (1 << 64) - 1}


def test_a_limit_above_the_machines_memory_is_no_limit() -> None:
    found = stats.document("i", "n", stats.Sample("t", reading(limit=5000), 1, 1), host_memory=1000)
    assert found["memory_stats"]["limit"] == 1000


def test_a_stopped_container_has_an_empty_document() -> None:
    found = stats.document("i", "n", None)
    assert found["read"] == found["preread"] == times.ZERO
    assert found["pids_stats"] == found["memory_stats"] == {}
    assert set(found["blkio_stats"].values()) == {None}
    assert "networks" not in found and "system_cpu_usage" not in found["cpu_stats"]


def test_system_time_leaves_guests_out() -> None:
    assert stats.system_usage("cpu  1 2 3 4 5 6 7 8 9 10\n") == 36 * 10_000_000


def test_interfaces_are_counted_without_loopback() -> None:
    head = "Inter-|   Receive  |  Transmit\n face |bytes packets errs ...|bytes packets errs ...\n"
    loopback = "    lo:  9 9 0 0 0 0 0 0  9 9 0 0 0 0 0 0\n"
    text = head + loopback + "  eth0: 100 1 2 3 0 0 0 0 200 4 5 6 0 0 0 0\n"
    assert stats.network_counters(0, text) == {
        "eth0": {
            "rx_bytes": 100, "rx_packets": 1, "rx_errors": 2, "rx_dropped": 3,
            "tx_bytes": 200, "tx_packets": 4, "tx_errors": 5, "tx_dropped": 6,
        }
    }  # fmt: skip
    assert stats.network_counters(0) == {}
