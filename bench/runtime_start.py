"""How fast the runtime alone starts a container, runs an exec and ends, and what an idle shim weighs.

    bench/runtime_start.py [ROUNDS]        as root; busybox must be installed

No daemon, no image, no network: launcher, shim and init with a plain spec. Minimum and median are printed,
from the request's first byte to the reply.
"""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
os.environ["PYTHONPATH"] = str(ROOT / "src")

from tests.runtime.rig import Rig, process, rigged, spec  # noqa: E402
from tests.runtime.test_exec import execute  # noqa: E402


def report(name: str, seconds: list[float]) -> None:
    print(f"{name:28} {min(seconds) * 1e3:7.2f} {statistics.median(seconds) * 1e3:7.2f} ms")


def report_memory(pid: int) -> None:
    fields = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    print(f"{'shim, private / PSS':28} {fields['Private_Dirty'].strip()} / {fields['Pss'].strip()}")


async def measure(rig: Rig, rounds: int) -> None:
    starts, ends, execs = [], [], []
    for _ in range(rounds):
        began = time.perf_counter()
        running = await rig.start(spec(process("true")))
        starts.append(time.perf_counter() - began)
        await running.exit()
        ends.append(time.perf_counter() - began)
        await running.event("gone")
    sleeper = await rig.start(spec(process("sleep", "1000")))
    for number in range(rounds):
        began = time.perf_counter()
        await execute(sleeper, f"e{number}", None, process("true"))
        execs.append(time.perf_counter() - began)
        await sleeper.event("exec-exit", exec=f"e{number}")
    print(f"{'':28} {'min':>7} {'median':>7}")
    report("start until execve", starts)
    report("start until exit is told", ends)
    report("exec until execve", execs)
    shim = (await sleeper.shim.status())["shim_pid"]
    report_memory(shim)


async def main() -> None:
    root, run = (Path(tempfile.mkdtemp(prefix="sampan-bench-", dir=place)) for place in ("/var/tmp", "/run"))
    try:
        async with rigged(root, run) as rig:
            await measure(rig, int(sys.argv[1]) if len(sys.argv) > 1 else 50)
    finally:
        shutil.rmtree(root)
        shutil.rmtree(run)


if __name__ == "__main__":
    asyncio.run(main())
