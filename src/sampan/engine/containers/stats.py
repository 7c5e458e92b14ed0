"""GET /containers/<id>/stats: Docker's document from a cgroup's counters (moby daemon/stats_unix.go)."""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.engine.containers.container import Container
from sampan.engine.containers.index import Index
from sampan.engine.containers.settings import Settings
from sampan.engine.containers.shims import Cgroups
from sampan.specs.golang import time as times

PERIOD = 1.0  # seconds, as Docker's collector

_BLKIO = (
    "io_service_bytes_recursive",
    "io_serviced_recursive",
    "io_queue_recursive",
    "io_service_time_recursive",
    "io_wait_time_recursive",
    "io_merged_recursive",
    "io_time_recursive",
    "sectors_recursive",
)
# v1's memory.stat has more; these are what containerd passes on, and each has a "total_" twin.
_V1_MEMORY = (
    "cache", "rss", "rss_huge", "mapped_file", "dirty", "writeback", "pgpgin", "pgpgout", "pgfault",
    "pgmajfault", "inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable",
)  # fmt: skip
_NOTHING: dict[str, Any] = {
    "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
    "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
}


@dataclass(frozen=True)
class Sample:
    """One reading; two of them make a rate."""

    read: str
    stat: Mapping[str, Any]  # of Cgroup.stat()
    system_usage: int  # nanoseconds of all CPUs since boot, idle included
    online_cpus: int

    def cpu_stats(self) -> dict[str, Any]:
        cpu = self.stat["cpu"]
        usage: dict[str, Any] = {"total_usage": cpu["usage"]}
        if cpu["percpu"]:
            usage["percpu_usage"] = cpu["percpu"]
        usage["usage_in_kernelmode"] = cpu["system"]
        usage["usage_in_usermode"] = cpu["user"]
        return {
            "cpu_usage": usage,
            "system_cpu_usage": self.system_usage,
            "online_cpus": self.online_cpus,
            "throttling_data": {
                "periods": cpu["periods"],
                "throttled_periods": cpu["throttled_periods"],
                "throttled_time": cpu["throttled"],
            },
        }


def take(stat: Mapping[str, Any]) -> Sample:
    return Sample(times.now(), stat, system_usage(), len(os.sched_getaffinity(0)))


def document(
    id: str,
    name: str,
    sample: Sample | None,
    previous: Sample | None = None,
    networks: Mapping[str, Any] | None = None,
    host_memory: int = 0,
) -> dict[str, Any]:
    """`sample` None: the container does not run. `host_memory` bounds a limit nobody set."""
    stat = sample.stat if sample is not None else {}
    result: dict[str, Any] = {
        "read": sample.read if sample is not None else times.ZERO,
        "preread": previous.read if previous is not None else times.ZERO,
        "pids_stats": _pids(stat),
        "blkio_stats": _blkio(stat),
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": sample.cpu_stats() if sample is not None else _NOTHING,
        "precpu_stats": previous.cpu_stats() if previous is not None else _NOTHING,
        "memory_stats": _memory(stat, host_memory),
        "name": f"/{name}",
        "id": id,
    }
    if networks:
        result["networks"] = dict(networks)
    return result


def _pids(stat: Mapping[str, Any]) -> dict[str, Any]:
    pids = stat.get("pids") or {}
    result: dict[str, Any] = {}
    if pids.get("current"):
        result["current"] = pids["current"]
    limit = pids.get("limit")
    if limit is not None and limit > 0:
        result["limit"] = limit
    elif limit == -1 and stat["version"] == 2:
        result["limit"] = (1 << 64) - 1
    return result


def _blkio(stat: Mapping[str, Any]) -> dict[str, Any]:
    found = stat.get("blkio")
    if found is None:
        return dict.fromkeys(_BLKIO)
    absent: list[Any] | None = [] if stat["version"] == 1 else None
    return {name: found.get(name, absent) for name in _BLKIO}


def _memory(stat: Mapping[str, Any], host_memory: int) -> dict[str, Any]:
    memory = stat.get("memory")
    if memory is None:
        return {}
    result: dict[str, Any] = {"usage": memory["usage"]}
    if stat["version"] == 1:
        result["max_usage"] = memory["max_usage"]
        kept = {*_V1_MEMORY, "hierarchical_memory_limit", "hierarchical_memsw_limit"}
        kept |= {f"total_{name}" for name in _V1_MEMORY}
        result["stats"] = {name: n for name, n in sorted(memory["stats"].items()) if name in kept}
        if memory["failcnt"]:
            result["failcnt"] = memory["failcnt"]
    else:
        result["stats"] = dict(sorted(memory["stats"].items()))
        if memory["failcnt"]:
            result["failcnt"] = memory["failcnt"]
    limit = memory["limit"]
    result["limit"] = limit if 0 < limit < host_memory or not host_memory else host_memory
    return result


def system_usage(text: str | None = None) -> int:
    """Nanoseconds all CPUs have spent, from /proc/stat; proc_stat(5)."""
    if text is None:
        with open("/proc/stat", encoding="ascii") as file:
            text = file.readline()
    # Guest time, the last two fields, is in user and nice already.
    ticks = sum(int(field) for field in text.split()[1:9])
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


_COUNTERS = (
    ("rx_bytes", 0), ("rx_packets", 1), ("rx_errors", 2), ("rx_dropped", 3),
    ("tx_bytes", 8), ("tx_packets", 9), ("tx_errors", 10), ("tx_dropped", 11),
)  # fmt: skip


def network_counters(pid: int, text: str | None = None) -> dict[str, dict[str, int]]:
    """Counters of every interface in a process's network namespace but lo, from /proc/<pid>/net/dev."""
    if text is None:
        try:
            with open(f"/proc/{pid}/net/dev", encoding="ascii") as file:
                text = file.read()
        except OSError:
            return {}
    found = {}
    for line in text.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        fields = numbers.split()
        if name.strip() != "lo" and len(fields) >= 12:
            found[name.strip()] = {key: int(fields[index]) for key, index in _COUNTERS}
    return found


@dataclass(frozen=True)
class Stats:
    """When to read a container's counters, and of what."""

    index: Index
    cgroups: Cgroups
    settings: Settings

    async def samples(
        self, container: Container, *, stream: bool, once: bool
    ) -> AsyncGenerator[dict[str, Any], None]:
        """One document, or one a second until the container is removed.

        A single one that is not `once` takes two readings, so that it holds a rate; of a container that does
        not run it is empty.
        """
        previous: Sample | None = None
        if not stream and not once:
            previous = self._reading(container)
            if previous is not None:
                await asyncio.sleep(PERIOD)
        while self.index.by_id(container.id) is container:
            sample = self._reading(container)
            yield self._document(container, sample, previous)
            if not stream:
                return
            previous = sample
            await asyncio.sleep(PERIOD)

    def _reading(self, container: Container) -> Sample | None:
        state = container.record.state
        if not state.running or state.restarting:
            return None
        try:
            return take(self.cgroups.open(container.record.cgroup).stat())
        except OSError:
            return None  # it ended this moment, and its cgroup with it

    def _document(
        self, container: Container, sample: Sample | None, previous: Sample | None
    ) -> dict[str, Any]:
        record = container.record
        networks = None
        if sample is not None and record.host_config["NetworkMode"] not in ("host", "none"):
            networks = network_counters(record.state.pid)
        return document(record.id, record.name, sample, previous, networks, self.settings.host.memory)
