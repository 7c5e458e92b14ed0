"""Containers straight from the runtime, with no engine above: a busybox root, a plain spec, a launcher."""

import asyncio
import contextlib
import io
import json
import os
import socket
import struct
import tarfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sampan import errors
from sampan.paths import ContainerPaths, Paths
from sampan.runtime.client import Launcher, Shim
from tests.support import rootfs

CAPABILITIES = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MOUNTS = [
    ("/proc", "proc", "proc", "nosuid noexec nodev"),
    ("/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k"),
    ("/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5"),
    ("/sys", "sysfs", "sysfs", "nosuid noexec nodev ro"),
    ("/sys/fs/cgroup", "cgroup", "cgroup", "ro nosuid noexec nodev"),
    ("/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev"),
    ("/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k"),
]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"]


def process(*args: str, **fields: Any) -> dict[str, Any]:
    """An OCI process."""
    return {
        "user": {"uid": 0, "gid": 0},
        "args": list(args),
        "env": [PATH],
        "cwd": "/",
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
        **fields,
    }


def namespaces(*kinds: str, **joined: str) -> list[dict[str, str]]:
    return [*({"type": kind} for kind in kinds), *({"type": k, "path": path} for k, path in joined.items())]


def spec(process: dict[str, Any], mounts: list[dict[str, Any]] | None = None, **linux: Any) -> dict[str, Any]:
    plain = [
        {"destination": target, "type": kind, "source": source, "options": options.split()}
        for target, kind, source, options in MOUNTS
    ]
    return {
        "ociVersion": "1.2.0",
        "process": process,
        "root": {"path": "rootfs"},
        "hostname": "boat",
        "mounts": [*plain, *(mounts or [])],
        "linux": {
            "namespaces": namespaces("mount", "network", "uts", "pid", "ipc", "cgroup"),
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            **linux,
        },
    }


@dataclass
class Running:
    """A started container; `events` keeps all it has said."""

    paths: ContainerPaths
    shim: Shim
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._news = asyncio.Event()
        self.shim.on_event(self._heard)

    def _heard(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self._news.set()

    async def event(self, name: str, seconds: float = 20, **fields: Any) -> dict[str, Any]:
        """The first event of that name with those fields, waited for."""
        wanted = {"event": name, **fields}
        async with asyncio.timeout(seconds):
            while True:
                for event in self.events:
                    if wanted.items() <= event.items():
                        return event
                self._news.clear()
                await self._news.wait()

    async def exit(self, seconds: float = 20) -> int:
        return int((await self.event("exit", seconds))["code"])

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.paths.log.read_text().splitlines()]

    def output(self, stream: str = "stdout") -> str:
        return "".join(entry["log"] for entry in self.log() if entry["stream"] == stream)


class Rig:
    def __init__(self, root: Path, run: Path, launcher: Launcher) -> None:
        self.root = root
        self.paths = Paths(root / "data", run)
        self.launcher = launcher
        self.cgroup = f"/sampan-test-{os.getpid()}"
        self.lower = root / "lower"
        self.running: list[Running] = []
        self.clients: list[Attached] = []
        self._count = 0
        with tarfile.open(fileobj=io.BytesIO(rootfs.tar())) as archive:
            archive.extractall(self.lower, filter="tar")
        os.chmod(self.lower, 0o755)

    def new(self) -> ContainerPaths:
        self._count += 1
        paths = self.paths.container(f"{os.getpid():08x}{self._count:08x}".ljust(64, "0"))
        paths.upper.mkdir(parents=True)
        paths.work.mkdir()
        return paths

    def request(self, paths: ContainerPaths, spec: dict[str, Any], **fields: Any) -> Any:
        log = {"driver": "json-file", "path": str(paths.log), "max_size": 10_000_000, "max_file": 5}
        return {
            "id": paths.id,
            "spec": spec,
            "rootfs": {
                "type": "overlay",
                "lower": [str(self.lower)],
                "upper": str(paths.upper),
                "work": str(paths.work),
            },
            "open_stdin": False,
            "stdin_once": False,
            "init": False,
            "console_size": None,
            "log": {**log, "compress": True, **fields.pop("log", {})},
            "seccomp": None,
            "cgroup": {"path": f"{self.cgroup}/{paths.id}"},
            "healthcheck": None,
            "attach": [],
            **fields,
        }

    async def start(
        self,
        spec: dict[str, Any],
        *,
        netns: int | None = None,
        clients: tuple["Attached", ...] = (),
        paths: ContainerPaths | None = None,
        **fields: Any,
    ) -> Running:
        paths = paths or self.new()
        fields["attach"] = [client.attach for client in clients]
        request = self.request(paths, spec, **fields)
        try:
            shim = await self.launcher.start(paths, request, netns, [client.theirs for client in clients])
        finally:
            for client in clients:
                client.handed_over()
        running = Running(paths, shim)
        self.running.append(running)
        return running

    async def run(self, *args: str, **fields: Any) -> Running:
        """Start that command, with default settings, and wait for its end."""
        running = await self.start(spec(process(*args)), **fields)
        await running.exit()
        return running

    def client(self, **fields: Any) -> "Attached":
        """A new connection, to be handed to a container and closed at the end."""
        self.clients.append(Attached(**fields))
        return self.clients[-1]

    async def shell(self, script: str, **fields: Any) -> str:
        """What the script prints."""
        return (await self.run("sh", "-c", script, **fields)).output()

    async def clear(self) -> None:
        for client in self.clients:
            client.close()
        for running in self.running:
            try:
                await running.shim.kill(9)
            except errors.Unavailable:
                continue
            except errors.SampanError:
                pass
            if not any(event["event"] == "gone" for event in running.events):
                with contextlib.suppress(TimeoutError):
                    await running.event("gone", seconds=10)


@dataclass
class Attached:
    """The client's end of an attach connection."""

    stdin: bool = False
    framed: bool = True
    keys: bytes = b""

    def __post_init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.theirs = theirs.detach()
        self.socket.setblocking(False)

    @property
    def attach(self) -> Any:
        return {
            "stdin": self.stdin,
            "stdout": True,
            "stderr": True,
            "framed": self.framed,
            "detach_keys": list(self.keys),
        }

    def handed_over(self) -> None:
        os.close(self.theirs)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def read(self, seconds: float = 20) -> bytes:
        """Everything until the other end closes, payloads only."""
        raw = bytearray()
        async with asyncio.timeout(seconds):
            while data := await asyncio.get_running_loop().sock_recv(self.socket, 1 << 16):
                raw += data
        return unframe(bytes(raw)) if self.framed else bytes(raw)

    async def expect(self, text: bytes, seconds: float = 20) -> bytes:
        raw = bytearray()
        async with asyncio.timeout(seconds):
            while text not in raw:
                data = await asyncio.get_running_loop().sock_recv(self.socket, 1 << 16)
                assert data, f"closed before {text!r} came, after {bytes(raw)!r}"
                raw += data
        return bytes(raw)

    def close(self) -> None:
        self.socket.close()


def unframe(raw: bytes) -> bytes:
    out, at = bytearray(), 0
    while at < len(raw):
        _stream, size = struct.unpack_from(">BxxxI", raw, at)
        assert at + 8 + size <= len(raw), "a frame was cut off"
        out += raw[at + 8 : at + 8 + size]
        at += 8 + size
    return bytes(out)


async def until(condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.01)
    return value


@contextlib.asynccontextmanager
async def rigged(root: Path, run: Path) -> AsyncIterator[Rig]:
    launcher = await Launcher.spawn()
    rig = Rig(root, run, launcher)
    try:
        yield rig
    finally:
        await rig.clear()
        await launcher.close()
        for directory in Path("/sys/fs/cgroup").glob(f"*{rig.cgroup}"):
            directory.rmdir()
