"""Spins over /proc for processes on their way into the container; prints what it caught that is not the
container's, one JSON line for each kind. Ends once /stop is there.

    watch_proc.py look|attach|capabilities
"""

import json
import os
import sys
from typing import Any

from attacks import identity, libc, quiet, read

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
attach = sys.argv[1] == "attach"
root = identity("/")
program = identity("/bin/busybox")
devices = {os.lstat(line.split()[4]).st_dev for line in read("/proc/self/mountinfo").decode().splitlines()}
spaces = {name: identity(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}
told: set[tuple[str, str]] = set()
count = {"looks": 0, "attached": 0, "early": 0}


def tell(kind: str, detail: Any) -> None:
    if (kind, str(detail)) not in told:
        told.add((kind, str(detail)))
        print(json.dumps({"caught": kind, "detail": detail}), flush=True)


def look_at_descriptors(place: str) -> None:
    for number in quiet(os.listdir, f"{place}/fd") or ():
        path = f"{place}/fd/{number}"
        link, found = quiet(os.readlink, path), quiet(os.stat, path)
        if link is None or found is None:
            continue
        if link.startswith("/") and not link.startswith("/memfd:") and found.st_dev not in devices:
            tell("descriptor", [number, link])
        name = link.partition(":")[0]
        if name in spaces and [found.st_dev, found.st_ino] != spaces[name]:
            tell("descriptor", [number, link])


def look(pid: int) -> None:
    place = f"/proc/{pid}"
    count["looks"] += 1
    for name in ("root", "cwd"):
        found = quiet(identity, f"{place}/{name}")
        # A working directory may be anywhere in the container; its device says whether it is there at all.
        if found and (found != root if name == "root" else found[0] not in devices):
            tell(name, [found, sorted(quiet(os.listdir, f"{place}/{name}") or [])[:8]])
    environment = quiet(read, f"{place}/environ")
    if environment and (b"SAMPAN_TEST=" in environment or b"DOCKER_" in environment):
        tell("environment", environment.decode(errors="replace")[:200])
    found = quiet(identity, f"{place}/exe")
    if found and found != program:
        tell("program", [found, quiet(os.readlink, f"{place}/exe")])
    look_at_descriptors(place)


def capabilities(pid: int | str) -> dict[str, int]:
    lines = (quiet(read, f"/proc/{pid}/status") or b"").decode().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name], 16) for name in ("CapEff", "CapPrm") if name in fields}


def look_at_capabilities(pid: int) -> None:
    count["looks"] += 1
    for name, found in capabilities(pid).items():
        if found & ~own[name]:
            tell("capabilities", [name, f"{found:x}", f"{own[name]:x}"])


def try_attach(pid: int) -> None:
    """Stop it where it is, look at leisure, and let it go on."""
    if libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0:
        return
    count["attached"] += 1
    libc.ptrace(PTRACE_INTERRUPT, pid, None, None)
    quiet(os.waitpid, pid, WALL)
    found = quiet(identity, f"/proc/{pid}/exe")
    if found and found != program:
        count["early"] += 1
        tell("traced", [found, quiet(os.readlink, f"/proc/{pid}/exe")])
    look(pid)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


own = capabilities("self")
known = {int(name) for name in os.listdir("/proc") if name.isdigit()}
print(json.dumps({"watching": True}), flush=True)
while not os.path.exists("/stop"):
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in known:
            continue
        pid = int(name)
        if sys.argv[1] == "capabilities":
            look_at_capabilities(pid)
            continue
        look(pid)
        if attach:
            try_attach(pid)
        # Until it runs what the container asked for.
        if quiet(identity, f"/proc/{pid}/exe") == program:
            known.add(pid)
print(json.dumps({"count": count}), flush=True)
