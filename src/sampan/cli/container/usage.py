"""One container's resource usage, computed from the API's statistics as Docker's client does."""

from __future__ import annotations

from sampan.cli.listing import Listing
from sampan.specs.golang.units import bytes_size, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SHORT_ID = 12


class Usage:
    """The newest figures; before the first arrive there are none."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.known = False
        self.id = ""
        self.name = ""
        self.cpu = 0.0
        self.memory = 0.0
        self.limit = 0.0
        self.network = (0.0, 0.0)
        self.block = (0, 0)
        self.pids = 0

    def update(self, stats: Any) -> Usage:
        self.known = True
        self.id = stats.get("id") or self.id
        self.name = (stats.get("name") or self.name).removeprefix("/")
        self.cpu = cpu_percent(stats)
        self.memory = memory_without_cache(stats.get("memory_stats") or {})
        self.limit = (stats.get("memory_stats") or {}).get("limit") or 0
        networks = (stats.get("networks") or {}).values()
        self.network = (
            float(sum(net.get("rx_bytes") or 0 for net in networks)),
            float(sum(net.get("tx_bytes") or 0 for net in networks)),
        )
        self.block = block_io(stats.get("blkio_stats") or {})
        self.pids = (stats.get("pids_stats") or {}).get("current") or 0
        return self


def cpu_percent(stats: Any) -> float:
    """The container's share of the machine's CPU time between two readings, times the number of CPUs."""
    now, before = stats.get("cpu_stats") or {}, stats.get("precpu_stats") or {}
    used = _total(now) - _total(before)
    system = (now.get("system_cpu_usage") or 0) - (before.get("system_cpu_usage") or 0)
    cpus = now.get("online_cpus") or len((now.get("cpu_usage") or {}).get("percpu_usage") or ())
    return used / system * cpus * 100.0 if system > 0 and used > 0 else 0.0


def _total(cpu: Any) -> int:
    return int((cpu.get("cpu_usage") or {}).get("total_usage") or 0)


def memory_without_cache(memory: Any) -> float:
    """Usage minus the inactive file cache, named differently in cgroup v1 and v2."""
    usage = int(memory.get("usage") or 0)
    details = memory.get("stats") or {}
    for name in ("total_inactive_file", "inactive_file"):
        cache = details.get(name)
        if cache is not None and cache < usage:
            return float(usage - cache)
    return float(usage)


def block_io(block: Any) -> tuple[int, int]:
    read = written = 0
    for entry in block.get("io_service_bytes_recursive") or ():
        kind = str(entry.get("op") or "")[:1].lower()
        if kind == "r":
            read += entry.get("value") or 0
        elif kind == "w":
            written += entry.get("value") or 0
    return read, written


def listing(trunc: bool) -> Listing:
    def known(usage: Usage, text: str, unknown: str = "--") -> str:
        return text if usage.known else unknown

    def pair(usage: Usage, both: tuple[float, float]) -> str:
        return known(usage, f"{human_size(both[0], 3)} / {human_size(both[1], 3)}")

    def memory(usage: Usage) -> str:
        return known(usage, f"{bytes_size(usage.memory)} / {bytes_size(usage.limit)}", "-- / --")

    def share(usage: Usage) -> str:
        percent = usage.memory / usage.limit * 100.0 if usage.limit else 0.0
        return known(usage, f"{percent:.2f}%")

    return Listing(
        {
            "BlockIO": ("BLOCK I/O", lambda usage: pair(usage, usage.block)),
            "CPUPerc": ("CPU %", lambda usage: known(usage, f"{usage.cpu:.2f}%")),
            "Container": ("CONTAINER", lambda usage: usage.container),
            "ID": ("CONTAINER ID", lambda usage: usage.id[: _SHORT_ID if trunc else None]),
            "MemPerc": ("MEM %", share),
            "MemUsage": ("MEM USAGE / LIMIT", memory),
            "Name": ("NAME", lambda usage: usage.name or "--"),
            "NetIO": ("NET I/O", lambda usage: pair(usage, usage.network)),
            "PIDs": ("PIDS", lambda usage: known(usage, str(usage.pids))),
        },
        "*container.statsContext",
    )
