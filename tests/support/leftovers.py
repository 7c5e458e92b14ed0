"""What an engine may not leave behind, looked for with eyes that are not Sampan's."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Host:
    """The parts of the host that engines change, at one moment."""

    mounts: frozenset[str]
    interfaces: frozenset[str]
    tables: frozenset[str]
    named_namespaces: frozenset[str]

    @classmethod
    def now(cls) -> "Host":
        return cls(
            frozenset(mount_points("/proc/self/mountinfo")),
            frozenset(name for _, name in socket.if_nameindex()),
            frozenset(nft_tables()),
            frozenset(named_namespaces()),
        )

    def added_since(self, before: "Host") -> list[str]:
        return [
            *(f"mount {point}" for point in self.mounts - before.mounts),
            *(f"interface {name}" for name in self.interfaces - before.interfaces),
            *(f"nftables table {name}" for name in self.tables - before.tables),
            *(f"network namespace {name}" for name in self.named_namespaces - before.named_namespaces),
        ]


def mount_points(path: str) -> Iterator[str]:
    """Field 5 and the file system type of every line, proc_pid_mountinfo(5)."""
    for line in Path(path).read_text().splitlines():
        fields = line.split(" ")
        if fields[fields.index("-") + 1] == "tracefs":
            continue  # the kernel mounts it by itself for whoever looks into debugfs
        if fields[4].startswith("/run/netns/"):
            continue  # see named_namespaces
        yield f"{fields[4]} ({fields[fields.index('-') + 1]})"


def named_namespaces() -> list[str]:
    """Those of ip-netns(8) with our name: people make others while tests run."""
    return (
        [name for name in os.listdir("/run/netns") if "sampan" in name] if os.path.isdir("/run/netns") else []
    )


def nft_tables() -> list[str]:
    nft = shutil.which("nft") or "/usr/sbin/nft"
    if not os.path.exists(nft):
        return []
    return subprocess.run([nft, "list", "tables"], capture_output=True, text=True).stdout.splitlines()


def processes(token: str) -> list[str]:
    """Processes started with `token` in their command line or environment, or that see it in a mount."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            texts = (
                command,
                (entry / "environ").read_bytes().decode(errors="replace"),
                (entry / "mountinfo").read_text(),
                (entry / "cgroup").read_text(),
            )
        except (OSError, ProcessLookupError):
            continue
        if any(token in text for text in texts):
            found.append(f"process {entry.name} ({command or (entry / 'comm').read_text().strip()})")
    return found


def cgroups(token: str) -> list[str]:
    return [
        f"cgroup {os.path.join(directory, name)}"
        for directory, names, _ in os.walk(CGROUPS)
        for name in names
        if re.search(re.escape(token), name)
    ]


def files(root: Path, *directories: str) -> list[str]:
    """What stands in `directories` of a data root that should be empty."""
    return [f"file {path}" for directory in directories for path in sorted((root / directory).glob("*"))]
