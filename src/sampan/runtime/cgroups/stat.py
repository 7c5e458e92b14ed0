"""A cgroup's usage as plain data, the same form for v1 and v2. Not imported on the start path.

{"version": 1 | 2,
 "cpu": {"usage": ns, "user": ns, "system": ns, "percpu": [ns, ...] | None,
         "periods": n, "throttled_periods": n, "throttled": ns},
 "memory": {"usage": n, "max_usage": n | None, "failcnt": n, "limit": n (-1: none), "stats": {...}},
 "pids": {"current": n, "limit": n (-1: none)},
 "blkio": {name: [{"major", "minor", "op", "value"}, ...]}}         io_service_bytes_recursive, ...
"""

from __future__ import annotations

import os

from sampan.runtime.cgroups import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# v1 has no word for "no limit": it shows the largest multiple of the page size.
V1_UNLIMITED = 0x7FFFFFFFFFFFF000


def v1(directories: dict[str, str], pids_current: int | None) -> dict[str, Any]:
    return {
        "version": 1,
        "cpu": _v1_cpu(directories.get("cpuacct"), directories.get("cpu")),
        "memory": _v1_memory(directories.get("memory")),
        "pids": {"current": pids_current, "limit": _v1_pids_limit(directories.get("pids"))},
        "blkio": _v1_blkio(directories.get("blkio")),
    }


def _v1_pids_limit(directory: str | None) -> int | None:
    return None if directory is None else files.number(directory + "/pids.max")


def _v1_cpu(cpuacct: str | None, cpu: str | None) -> dict[str, Any]:
    result: dict[str, Any] = {"usage": 0, "user": 0, "system": 0, "percpu": None}
    if cpuacct is not None:
        tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        split = files.pairs(cpuacct + "/cpuacct.stat")
        result["usage"] = files.number(cpuacct + "/cpuacct.usage") or 0
        result["user"] = split.get("user", 0) * tick
        result["system"] = split.get("system", 0) * tick
        result["percpu"] = [int(n) for n in files.read_or(cpuacct + "/cpuacct.usage_percpu").split()]
    throttling = files.pairs(cpu + "/cpu.stat") if cpu is not None else {}
    result["periods"] = throttling.get("nr_periods", 0)
    result["throttled_periods"] = throttling.get("nr_throttled", 0)
    result["throttled"] = throttling.get("throttled_time", 0)
    return result


def _v1_memory(directory: str | None) -> dict[str, Any] | None:
    if directory is None:
        return None
    limit = files.number(directory + "/memory.limit_in_bytes")
    return {
        "usage": files.number(directory + "/memory.usage_in_bytes") or 0,
        "max_usage": files.number(directory + "/memory.max_usage_in_bytes") or 0,
        "failcnt": files.number(directory + "/memory.failcnt") or 0,
        "limit": -1 if limit is None or limit >= V1_UNLIMITED else limit,
        "stats": files.pairs(directory + "/memory.stat"),
    }


# The throttling files count all I/O whatever the scheduler; BFQ's only what it schedules.
_V1_BLKIO = {
    "io_service_bytes_recursive": (
        "blkio.throttle.io_service_bytes_recursive",
        "blkio.throttle.io_service_bytes",
    ),
    "io_serviced_recursive": ("blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"),
}


def _v1_blkio(directory: str | None) -> dict[str, list[dict[str, Any]]]:
    if directory is None:
        return {}
    result = {}
    for name, candidates in _V1_BLKIO.items():
        text = next((text for file in candidates if (text := files.read_or(f"{directory}/{file}"))), "")
        result[name] = blkio_entries(text)
    return result


def blkio_entries(text: str) -> list[dict[str, Any]]:
    """Lines such as "8:0 Read 4096"; the grand total without a device is left out."""
    entries = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) != 3 or ":" not in fields[0]:
            continue
        major, _, minor = fields[0].partition(":")
        entries.append({"major": int(major), "minor": int(minor), "op": fields[1], "value": int(fields[2])})
    return entries


def v2(directory: str) -> dict[str, Any]:
    return {
        "version": 2,
        "cpu": _v2_cpu(directory),
        "memory": _v2_memory(directory),
        "pids": {
            "current": files.number(directory + "/pids.current"),
            "limit": files.number(directory + "/pids.max"),
        },
        "blkio": v2_io(files.read_or(directory + "/io.stat")),
    }


def _v2_cpu(directory: str) -> dict[str, Any]:
    stat = files.pairs(directory + "/cpu.stat")
    return {
        "usage": stat.get("usage_usec", 0) * 1000,
        "user": stat.get("user_usec", 0) * 1000,
        "system": stat.get("system_usec", 0) * 1000,
        "percpu": None,
        "periods": stat.get("nr_periods", 0),
        "throttled_periods": stat.get("nr_throttled", 0),
        "throttled": stat.get("throttled_usec", 0) * 1000,
    }


def _v2_memory(directory: str) -> dict[str, Any] | None:
    usage = files.number(directory + "/memory.current")
    if usage is None:
        return None
    limit = files.number(directory + "/memory.max")
    return {
        "usage": usage,
        "max_usage": files.number(directory + "/memory.peak"),
        "failcnt": files.pairs(directory + "/memory.events").get("max", 0),
        "limit": -1 if limit is None else limit,
        "stats": files.pairs(directory + "/memory.stat"),
    }


_V2_IO = {
    "rbytes": ("io_service_bytes_recursive", "read"),
    "wbytes": ("io_service_bytes_recursive", "write"),
    "rios": ("io_serviced_recursive", "read"),
    "wios": ("io_serviced_recursive", "write"),
}


def v2_io(text: str) -> dict[str, list[dict[str, Any]]]:
    """io.stat, whose lines are like "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0"."""
    result: dict[str, list[dict[str, Any]]] = {"io_service_bytes_recursive": [], "io_serviced_recursive": []}
    for line in text.splitlines():
        device, _, rest = line.partition(" ")
        major, _, minor = device.partition(":")
        if not (major.isdigit() and minor.isdigit()):
            continue
        values = dict(field.split("=", 1) for field in rest.split() if "=" in field)
        for key, (name, op) in _V2_IO.items():
            if key in values:
                result[name].append(
                    {"major": int(major), "minor": int(minor), "op": op, "value": int(values[key])}
                )
    return result
