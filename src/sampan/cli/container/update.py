"""sampan update: change limits and restart policy of containers, running ones too."""

from __future__ import annotations

from sampan.cli.batch import for_each
from sampan.cli.container.body import restart_policy
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.opts import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_FIELDS = (
    ("blkio-weight", "BlkioWeight"),
    ("cpu-period", "CpuPeriod"),
    ("cpu-quota", "CpuQuota"),
    ("cpu-rt-period", "CpuRealtimePeriod"),
    ("cpu-rt-runtime", "CpuRealtimeRuntime"),
    ("cpu-shares", "CpuShares"),
    ("cpus", "NanoCpus"),
    ("cpuset-cpus", "CpusetCpus"),
    ("cpuset-mems", "CpusetMems"),
    ("memory", "Memory"),
    ("memory-reservation", "MemoryReservation"),
    ("memory-swap", "MemorySwap"),
)


def run(session: Session, options: Options, args: list[str]) -> int:
    if not options.changed:
        raise CliError("you must provide one or more flags when using this command")
    body: dict[str, Any] = {field: options[flag] for flag, field in _FIELDS}
    body["PidsLimit"] = options["pids-limit"] if "pids-limit" in options.changed else None
    body["RestartPolicy"] = restart_policy(options["restart"])
    warnings: list[str] = []

    def update(name: str) -> None:
        answer = session.client.post(f"/containers/{escape(name)}/update", None, body).json()
        warnings.extend(answer.get("Warnings") or ())

    try:
        return for_each(args, update)
    finally:
        if warnings:
            print("\n".join(warnings))


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    (
        Flag(
            "blkio-weight", "uint16", "Relative block IO weight, 10 to 1000, or 0 to turn it off (default 0)"
        ),
        Flag("cpu-period", "int", "Length of a CPU quota period, in microseconds"),
        Flag("cpu-quota", "int", "CPU time per period, in microseconds"),
        Flag("cpu-rt-period", "int", "Length of a real-time CPU period, in microseconds"),
        Flag("cpu-rt-runtime", "int", "Real-time CPU time per period, in microseconds"),
        Flag("cpu-shares", "int", "Relative CPU weight", short="c"),
        Flag("cpus", "decimal", "Number of CPUs", parse=values.nano_cpus),
        Flag("cpuset-cpus", "string", "CPUs to run on (0-3, 0,1)"),
        Flag("cpuset-mems", "string", "Memory nodes to use (0-3, 0,1)"),
        Flag(
            "kernel-memory", "bytes", deprecated="and no longer supported by the kernel", parse=values.memory
        ),
        Flag("memory", "bytes", "Memory limit", short="m", parse=values.memory),
        Flag("memory-reservation", "bytes", "Soft memory limit", parse=values.memory),
        Flag(
            "memory-swap",
            "bytes",
            "Limit of memory plus swap: -1 for unlimited swap",
            parse=values.memory_swap,
        ),
        Flag("pids-limit", "int", "Limit of processes (-1 for unlimited)"),
        Flag("restart", "string", "When to restart the container after it exits"),
    ),
    args=(1, None),
)
