"""RUN --mount: what each becomes for the step's shim, and what has to be undone afterwards."""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from sampan.builder.execute.cachemounts import CacheMounts, Wanted
from sampan.builder.execute.snapshottar import snapshot_tar
from sampan.builder.execute.sshsocket import SshSocket
from sampan.builder.execute.workspace import Workspace
from sampan.builder.plan.graph import RunMount
from sampan.builder.trees import Snapshot
from sampan.errors import Failed, Invalid, NotFound
from sampan.linux import mount as m
from sampan.specs.oci.runtime import Mount
from sampan.storage.merged import Directory, Merged
from sampan.storage.stack import unique

SECRET = "secret"  # the one file of a tmpfs
DEFAULT_MODE = 0o755


@dataclass
class Made:
    """`filesystems`: file systems made already, by destination. `files`: targets that are no directories."""

    mounts: list[Mount] = field(default_factory=list)
    filesystems: dict[str, int] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    env: list[str] = field(default_factory=list)


class RunMounts:
    """Of one step. `inputs`: the snapshots that binds and caches come from; `lower`: a diff ID's place."""

    def __init__(
        self,
        workspace: Workspace,
        caches: CacheMounts,
        lower: Callable[[str], str],
        inputs: Mapping[int, Snapshot],
        directory: Path,
    ) -> None:
        self._workspace = workspace
        self._caches = caches
        self._lower = lower
        self._inputs = inputs
        self._directory = directory
        self._taken: dict[str, Path] = {}  # caches: two mounts of one id are one directory

    async def make(self, mounts: tuple[RunMount, ...], stack: AsyncExitStack) -> Made:
        """Raises NotFound, Invalid, Failed. What `stack` undoes, is undone when the step has ended."""
        made = Made()
        for number, mount in enumerate(mounts):
            if mount.type == "bind":
                await self._bind(mount, number, made)
            elif mount.type == "cache":
                await self._cache(mount, made, stack)
            elif mount.type == "tmpfs":
                options = ["nosuid"] + ([f"size={mount.size}"] if mount.size else [])
                made.mounts.append(
                    {"destination": mount.target, "type": "tmpfs", "source": "tmpfs", "options": options}
                )
            elif mount.type == "secret":
                await self._secret(mount, made, stack)
            else:
                await self._ssh(mount, number, made, stack)
        return made

    async def _bind(self, mount: RunMount, number: int, made: Made) -> None:
        snapshot = self._inputs[mount.input] if mount.input is not None else Snapshot()
        merged = await asyncio.to_thread(self._workspace.stack.merged, snapshot.layers)
        if not self._is_directory(merged, mount.source):
            made.files.add(mount.target)
        lower = [self._lower(diff_id) for diff_id in unique(snapshot.layers)]
        rootfs: dict[str, object] = {
            "type": "overlay",
            "lower": lower or [str(self._subdirectory(number, "empty"))],
        }
        if not mount.read_only:
            # Written to, and thrown away.
            rootfs |= {
                "upper": str(self._subdirectory(number, "upper")),
                "work": str(self._subdirectory(number, "work")),
            }
            rootfs["volatile"] = True
        made.mounts.append(
            {
                "destination": mount.target,
                "type": "bind",
                "source": mount.source or "/",
                "options": ["rbind", "ro"] if mount.read_only else ["rbind"],
                "rootfs": rootfs,
                "subpath": mount.source.strip("/"),
            }
        )

    def _subdirectory(self, number: int, name: str) -> Path:
        made = self._directory / f"mount{number}" / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def _is_directory(self, merged: Merged, source: str) -> bool:
        if not source.strip("/"):
            return True
        found = merged.resolve(os.fsencode(source))
        if found is None:
            raise NotFound(f"failed to stat {source}: no such file or directory")
        return isinstance(found, Directory)

    async def _cache(self, mount: RunMount, made: Made, stack: AsyncExitStack) -> None:
        snapshot = self._inputs[mount.input] if mount.input is not None else None
        mode = mount.mode if mount.mode is not None else DEFAULT_MODE
        key = "\0".join(
            [mount.id, f"{mode:o}:{mount.uid}:{mount.gid}", *(snapshot.layers if snapshot else ())]
        )
        directory = self._taken.get(key)
        if directory is None:
            wanted = Wanted(
                key=key, id=mount.id, sharing=mount.sharing, mode=mode, uid=mount.uid, gid=mount.gid
            )
            name, directory = await self._caches.acquire(wanted, self._filling(snapshot))
            stack.push_async_callback(self._caches.release, name)
            self._taken[key] = directory
        entry: Mount = {
            "destination": mount.target,
            "type": "bind",
            "source": str(directory),
            "options": ["rbind", "ro"] if mount.read_only else ["rbind"],
        }
        if mount.source.strip("/"):
            entry["subpath"] = mount.source.strip("/")
        made.mounts.append(entry)

    def _filling(self, snapshot: Snapshot | None) -> Callable[[], Iterator[bytes]] | None:
        if snapshot is None or not snapshot.layers:
            return None
        return lambda: snapshot_tar(self._workspace.stack.merged(snapshot.layers))

    async def _secret(self, mount: RunMount, made: Made, stack: AsyncExitStack) -> None:
        try:
            data = await self._workspace.requester.secret(mount.id)
        except NotFound:
            if mount.required:
                raise NotFound(f"secret {mount.id}: not found") from None
            return
        if mount.env:
            try:
                made.env.append(f"{mount.env}={data.decode('utf-8', 'surrogateescape')}")
            except UnicodeError:
                raise Invalid(f"secret {mount.id} cannot be an environment variable") from None
        if not mount.target:
            return
        descriptor = _secret_file(data, mount)
        stack.callback(os.close, descriptor)
        made.filesystems[mount.target] = descriptor
        made.files.add(mount.target)
        made.mounts.append(
            {
                "destination": mount.target,
                "type": "bind",
                "source": SECRET,
                "options": ["bind", "ro", "nosuid", "nodev", "noexec"],
                "subpath": SECRET,
            }
        )

    async def _ssh(self, mount: RunMount, number: int, made: Made, stack: AsyncExitStack) -> None:
        if not await self._workspace.requester.has_ssh(mount.id):
            if mount.required:
                raise NotFound(f"unset ssh forward key {mount.id}")
            return
        path = self._subdirectory(number, "ssh") / "agent.sock"
        mode = mount.mode if mount.mode is not None else 0o600
        listening = SshSocket(path, self._workspace.requester, mount.id, mode, mount.uid, mount.gid)
        stack.push_async_callback(listening.close)
        await listening.listen()
        made.files.add(mount.target)
        made.mounts.append(
            {"destination": mount.target, "type": "bind", "source": str(path), "options": ["rbind"]}
        )


def _secret_file(data: bytes, mount: RunMount) -> int:
    """A file system of memory that is attached nowhere, and goes with its last user. Raises Failed."""
    options: list[tuple[str, str | int | None]] = [("mode", "0700"), ("nr_inodes", "4")]
    options.append(("size", str(max(len(data), 4096) + 8192)))
    try:
        attributes = m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV | m.MOUNT_ATTR_NOEXEC
        made = m.create("tmpfs", options, attributes, "tmpfs")
    except OSError as error:
        raise Failed(f"cannot mount a tmpfs for secret {mount.id}: {error.strerror}") from error
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(SECRET, flags, 0o600, dir_fd=made)
        with open(descriptor, "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            os.fchown(descriptor, mount.uid, mount.gid)
            os.fchmod(descriptor, stat.S_IMODE(mount.mode if mount.mode is not None else 0o400))
    except BaseException:
        os.close(made)
        raise
    return made
