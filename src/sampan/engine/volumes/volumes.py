"""Volumes: rows `volumes/<name>`, directories in storage/volumes.py, and who uses them.

A row is made after its directory is on the disk, and deleted before the directory goes to the trash. At
start a directory without a row goes when it is empty (a crash came between), else it becomes a volume again
(somebody's data: never deleted on suspicion). A row without its directory comes of no crash: whatever took
the directory took the data. Docker forgets such a volume, and the next `run` makes an empty one as if nothing
had been lost; here it stays, and nothing uses it until the directory is back or the volume is removed.
"""

import asyncio
import logging
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sampan.db.sqlite import Store
from sampan.engine import trash
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.events import Events
from sampan.engine.images import Images
from sampan.engine.volumes import mountpoints, ocimounts
from sampan.errors import Conflict, Failed, Invalid, NotFound, SampanError
from sampan.linux import durable
from sampan.paths import Paths
from sampan.runtime.client import Launcher
from sampan.specs.docker.filters import boolean, check_names, labels_match, text_matches
from sampan.specs.golang import time as times
from sampan.storage import volumes as disk
from sampan.storage.layerfiles import has_name

log = logging.getLogger("sampan.volumes")

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
ANONYMOUS = "com.docker.volume.anonymous"
GENERATED = re.compile(r"[0-9a-f]{64}")  # the name of an anonymous one
OPTIONS = ("type", "o", "device", "size")
LIST_FILTERS = ("dangling", "driver", "label", "label!", "name")
PRUNE_FILTERS = ("label", "label!", "all")

Find = Callable[[str], ContainerRecord]


@dataclass(frozen=True)
class Volume:
    name: str
    created: str
    labels: dict[str, str] | None
    options: dict[str, str] | None
    mountpoint: str

    @classmethod
    def from_row(cls, row: dict[str, Any], root: str) -> "Volume":
        return cls(
            row["Name"], row["CreatedAt"], row["Labels"], row["Options"], f"{root}/{row['Name']}/_data"
        )

    def row(self) -> dict[str, Any]:
        return {
            "Name": self.name,
            "CreatedAt": self.created,
            "Labels": self.labels,
            "Options": self.options,
            "Driver": "local",
        }

    def document(self) -> dict[str, Any]:
        """As the API shows it; Go sorts maps."""
        return {
            "CreatedAt": self.created,
            "Driver": "local",
            "Labels": self.labels and dict(sorted(self.labels.items())),
            "Mountpoint": self.mountpoint,
            "Name": self.name,
            "Options": self.options and dict(sorted(self.options.items())),
            "Scope": "local",
        }

    @property
    def anonymous(self) -> bool:
        return ANONYMOUS in (self.labels or {})

    @property
    def device(self) -> str:
        """What is mounted instead of its directory; "": nothing."""
        return (self.options or {}).get("device", "")


class Volumes:
    def __init__(
        self, *, paths: Paths, store: Store, events: Events, launcher: Launcher, images: Images
    ) -> None:
        self._paths = paths
        self._store = store
        self._events = events
        self._launcher = launcher
        self._volumes: dict[str, Volume] = {}
        self._users: dict[str, set[str]] = {}  # volume -> containers
        self._filling: dict[str, asyncio.Lock] = {}
        self._images = images  # where mounts of type image come from

    async def start(self) -> None:
        root = str(self._paths.volumes)
        for _, row in self._store.list("containers/"):
            self._hold(row["id"], row.get("mount_points") or [])
        for _, row in self._store.list("volumes/"):
            volume = self._volumes[row["Name"]] = Volume.from_row(row, root)
            if volume.device:  # all there is to it is the row
                disk.create(self._paths.volumes, volume.name)
            elif not self._is_there(volume):
                log.error("%s", lost(volume))
        for name in list(disk.names(self._paths.volumes)):
            if name in self._volumes or not NAME.fullmatch(name):
                continue
            if disk.is_empty(self._paths.volumes, name):  # a crash came between the directory and its row
                trash.discard(self._paths, self._paths.volumes / name)
            else:
                log.warning("volume %s was found on disk only and is taken back", name)
                disk.create(self._paths.volumes, name)
                self._insert(name, None, {ANONYMOUS: ""} if GENERATED.fullmatch(name) else None)
        for name in disk.unfinished(self._paths.volumes):
            trash.discard(self._paths, self._paths.volumes / name)
        trash.discard(self._paths, *(disk.filling(self._paths.volumes, name) for name in self._volumes))

    async def stop(self) -> None:
        """Nothing runs between requests."""

    # -- Docker's nouns

    def create(
        self,
        name: str = "",
        driver: str = "",
        options: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
    ) -> Volume:
        """Make a volume, or return the one of that name. Raises Invalid, NotFound (driver)."""
        if not name:
            name = secrets.token_hex(32)
            labels = {**(labels or {}), ANONYMOUS: ""}
        try:
            if driver not in ("", "local"):
                raise NotFound(f'error looking up volume plugin {driver}: plugin "{driver}" not found')
            known = self._volumes.get(name)
            if known is not None:
                return known
            _check_name(name)
            _check_options(options or {})
            disk.create(self._paths.volumes, name)
        except SampanError as error:
            raise type(error)(f"create {name}: {error.message}") from None
        volume = self._insert(name, options, labels)
        self._events.emit("volume", "create", name, {"driver": "local"})
        return volume

    def _insert(self, name: str, options: dict[str, str] | None, labels: dict[str, str] | None) -> Volume:
        created = times.now().partition(".")[0].rstrip("Z") + "Z"
        row = {"Name": name, "CreatedAt": created, "Labels": labels, "Options": options}
        volume = Volume.from_row(row, str(self._paths.volumes))
        self._store.put(f"volumes/{name}", volume.row())
        self._volumes[name] = volume
        return volume

    def get(self, name: str) -> Volume:
        """Raises NotFound."""
        volume = self._volumes.get(name)
        if volume is None:
            raise NotFound(f"get {name}: no such volume")
        return volume

    def select(self, filters: dict[str, list[str]]) -> list[Volume]:
        """Raises Invalid for a filter Docker does not know."""
        check_names(filters, LIST_FILTERS)
        dangling = boolean(filters, "dangling")
        return [
            volume
            for volume in self._volumes.values()
            if (dangling is None or dangling == (not self._users.get(volume.name)))
            and ("driver" not in filters or "local" in filters["driver"])
            and text_matches(filters.get("name", ()), volume.name)
            and labels_match(filters, volume.labels or {})
        ]

    def remove(self, name: str, force: bool = False) -> None:
        """Raises NotFound (unless `force`), Conflict."""
        try:
            self.get(name)
        except NotFound:
            if force:
                return
            raise
        users = self._users.get(name)
        if users:
            raise Conflict(f"remove {name}: volume is in use - [{', '.join(sorted(users))}]")
        self._delete(name)

    def _delete(self, name: str) -> None:
        self._store.delete(f"volumes/{name}")
        del self._volumes[name]
        self._filling.pop(name, None)
        trash.discard(self._paths, self._paths.volumes / name)
        durable.sync(self._paths.volumes)  # or the directory may be back after a power failure
        self._events.emit("volume", "destroy", name, {"driver": "local"})

    async def prune(self, filters: dict[str, list[str]]) -> tuple[list[str], int]:
        """Remove unused volumes, anonymous ones only unless all=true: (names, bytes). Raises Invalid."""
        check_names(filters, PRUNE_FILTERS)
        everything = boolean(filters, "all")
        removed, reclaimed = [], 0
        for volume in list(self._volumes.values()):
            if not (everything or volume.anonymous) or not labels_match(filters, volume.labels or {}):
                continue
            if self._users.get(volume.name):
                continue
            size = await self.size(volume)
            # Measuring took time: it may be in use, or gone, by now.
            if volume.name in self._volumes and not self._users.get(volume.name):
                self._delete(volume.name)
                removed.append(volume.name)
                reclaimed += size
        self._events.emit("volume", "prune", "", {"reclaimed": str(reclaimed)})
        return removed, reclaimed

    async def size(self, volume: Volume) -> int:
        """Bytes it holds; -1 where that is not ours to measure (a device's)."""
        if volume.device:
            return -1
        return await asyncio.to_thread(disk.size, disk.data(self._paths.volumes, volume.name))

    def users(self, name: str) -> int:
        return len(self._users.get(name, ()))

    # -- for containers

    async def mounts_for(self, record: ContainerRecord, find: Find) -> list[dict[str, Any]]:
        """The mount points of a container being created; makes volumes and copies the image's content in.

        Leaves nothing behind when it raises (Invalid, NotFound, Conflict, Failed).
        """
        points = self._parse(record, find)
        made: list[str] = []
        try:
            for point in points:
                if point["Type"] == "volume":
                    self._resolve(point, made)
                elif point["Type"] == "image":
                    self._resolve_image(point)
            self._hold(record.id, points)
            await self._fill(record, points)
        except BaseException:
            self._drop(record.id)
            for name in made:
                if name in self._volumes and not self._users.get(name):
                    self._delete(name)
            raise
        return points

    def _parse(self, record: ContainerRecord, find: Find) -> list[dict[str, Any]]:
        host = record.host_config
        driver = host.get("VolumeDriver") or ""
        inherited: list[mountpoints.MountPoint] = []
        for spec in host.get("VolumesFrom") or []:
            ref, mode = mountpoints.parse_volumes_from(spec)
            inherited += [mountpoints.borrowed(point, mode) for point in find(ref).mount_points]
        asked = [mountpoints.parse_bind(raw, driver) for raw in host.get("Binds") or []]
        for mount in host.get("Mounts") or []:
            mountpoints.check_options(mount)
            point = mountpoints.parse_mount(mount)
            missing = point["Type"] == "bind" and not point["Spec"]["create_source"]
            if missing and not os.path.lexists(point["Source"]):
                raise ocimounts.no_source(point)
            asked.append(point)
        tmpfs = host.get("Tmpfs") or {}
        for target in tmpfs:
            mountpoints.check_absolute(target)
        images = [mountpoints.anonymous(target, driver) for target in record.config.get("Volumes") or {}]
        return [dict(point) for point in mountpoints.merge(inherited, asked, tmpfs, images)]

    def _resolve(self, point: dict[str, Any], made: list[str]) -> None:
        """Fill in the volume behind a mount point, making it if need be."""
        spec = point["Spec"]
        known = point["Name"] in self._volumes
        volume = self.create(
            point["Name"], point["Driver"], spec.get("driver_options") or None, spec.get("labels") or None
        )
        if not known:
            made.append(volume.name)
        self._check_there(volume)
        point["Name"], point["Source"], point["Driver"] = volume.name, volume.mountpoint, "local"

    def _is_there(self, volume: Volume) -> bool:
        return bool(volume.device) or disk.exists(self._paths.volumes, volume.name)

    def _check_there(self, volume: Volume) -> None:
        """Raises Failed for one whose directory is gone."""
        if not self._is_there(volume):
            raise lost(volume)

    def _resolve_image(self, point: dict[str, Any]) -> None:
        if point["Spec"].get("subpath"):
            raise Invalid('invalid mount config for type "image": subpaths of images are not supported')
        image = self._images.get(point["Source"])
        # The last one only holds the mount points a root needs.
        point["Spec"] |= {"image": image.id, "lower": self._images.lower_dirs(image)[:-1]}

    async def _fill(self, record: ContainerRecord, points: list[dict[str, Any]]) -> None:
        """Copy what the image has at a volume's place into it, while it is empty."""
        lower = record.lower
        wanted = [p for p in points if p["Spec"].get("copy") and image_may_have(lower, p["Destination"])]
        for point in wanted:
            lock = self._filling.setdefault(point["Name"], asyncio.Lock())
            async with lock:
                volume = self._volumes[point["Name"]]
                if not volume.device and disk.is_empty(self._paths.volumes, volume.name):
                    await self._copy_up(record, volume, point["Destination"])

    async def _copy_up(self, record: ContainerRecord, volume: Volume, path: str) -> None:
        """All or nothing, however this ends: half a copy would never be completed."""
        root = self._paths.volumes
        beside = disk.start_filling(root, volume.name)
        request = {
            "op": "copy-up",
            "rootfs": {"type": "overlay", "lower": record.lower},
            "path": path,
            "target": str(beside),
        }
        try:
            task = await self._launcher.task("archive", request, self._paths.tmp, {})
            await task.wait()
            await asyncio.to_thread(durable.sync_filesystem, beside)
            disk.finish_filling(root, volume.name, mounted=self._users[volume.name] != {record.id})
        except BaseException:
            trash.discard(self._paths, beside)
            raise

    def _hold(self, container: str, points: list[dict[str, Any]]) -> None:
        for point in points:
            if point["Type"] == "volume":
                self._users.setdefault(point["Name"], set()).add(container)

    def _drop(self, container: str) -> None:
        for name in [name for name, users in self._users.items() if container in users]:
            self._users[name].discard(container)
            if not self._users[name]:
                del self._users[name]

    async def release(self, record: ContainerRecord, *, remove_anonymous: bool) -> None:
        """A container is gone: forget its references, and its anonymous volumes if asked to."""
        self._drop(record.id)
        if not remove_anonymous:
            return
        for point in record.mount_points:
            name = point.get("Name", "")
            if point["Type"] != "volume" or point["Spec"].get("source"):
                continue
            if name in self._volumes and not self._users.get(name):
                self._delete(name)

    async def oci_mounts(self, record: ContainerRecord) -> list[dict[str, Any]]:
        """What to mount at start, parents first. Raises Docker's errors."""
        mounts = ocimounts.from_tmpfs_map(record.host_config.get("Tmpfs") or {})
        for point in record.mount_points:
            match point["Type"]:
                case "bind":
                    mounts.append(ocimounts.host_directory(point))
                case "tmpfs":
                    mounts.append(ocimounts.tmpfs(point["Destination"], _tmpfs_options(point)))
                case "image":
                    mounts.append(ocimounts.image(point, self._images.current_lowers(point["Spec"]["lower"])))
                case _:
                    volume = self.get(point["Name"])
                    self._check_there(volume)
                    mounts.append(await ocimounts.local_volume(point, volume.options or {}))
        self._tell(record, "mount")
        return ocimounts.by_depth(mounts)

    async def copy_mounts(self, record: ContainerRecord) -> list[dict[str, Any]]:
        """The binds that `docker cp` sees on the root: volumes, host directories, and the engine's own files.

        A source that is gone, and filesystems of a container's own (tmpfs, nfs), are left out.
        """
        mounts = []
        for point in record.mount_points:
            if point["Type"] == "bind" and ocimounts.exists(point["Source"]):
                mounts.append(ocimounts.bind(point, point["Source"]))
            elif point["Type"] == "volume":
                volume = self._volumes.get(point["Name"])
                if volume is not None and self._is_there(volume):
                    mounts.append(await ocimounts.local_volume(point, volume.options or {}))
        paths = self._paths.container(record.id)
        for target, source in (
            ("/etc/hostname", paths.hostname),
            ("/etc/hosts", paths.hosts),
            ("/etc/resolv.conf", paths.resolv_conf),
        ):
            if source.exists():
                mounts.append(
                    {"destination": target, "type": "bind", "source": str(source), "options": ["bind"]}
                )
        return [mount for mount in ocimounts.by_depth(mounts) if mount["type"] == "bind"]

    def rootfs_propagation(self, record: ContainerRecord) -> str:
        """ "shared", "rslave" or "" for the OCI spec's rootfsPropagation. Raises Failed."""
        if not any(p["Propagation"].endswith(("shared", "slave")) for p in record.mount_points):
            return ""
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
            return ocimounts.rootfs_propagation(record.mount_points, table.read())

    def unmounted(self, record: ContainerRecord) -> None:
        """The container has stopped."""
        self._tell(record, "unmount")

    def _tell(self, record: ContainerRecord, action: str) -> None:
        for point in record.mount_points:
            if point["Type"] != "volume":
                continue
            attributes = {"container": record.id, "driver": "local"}
            if action == "mount":
                attributes |= {
                    "destination": point["Destination"],
                    "propagation": point["Propagation"],
                    "read/write": "true" if point["RW"] else "false",
                }
            self._events.emit("volume", action, point["Name"], attributes)


def lost(volume: Volume) -> Failed:
    return Failed(
        f"volume {volume.name} has lost its directory {volume.mountpoint}, and with it its data",
        hint="put the directory back from a backup, or remove the volume and create it again",
    )


def _tmpfs_options(point: dict[str, Any]) -> list[str]:
    options: list[str] = point["Spec"]["tmpfs"]
    return options if point["RW"] else [*options, "ro"]


def image_may_have(lower: list[str], destination: str) -> bool:
    """Cheaply: false means no layer has anything there. Most volumes need no copying task thanks to it."""
    first = destination.strip("/").partition("/")[0]
    return any(has_name(layer, first) for layer in lower)


def _check_name(name: str) -> None:
    if len(name) == 1:
        raise Invalid("volume name is too short, names should be at least two alphanumeric characters")
    if not NAME.fullmatch(name):
        raise Invalid(
            f'"{name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" '
            "are allowed. If you intended to pass a host directory, use absolute path"
        )


def _check_options(options: dict[str, str]) -> None:
    """The local driver's options: either none, or a device with its type."""
    for name in options:
        if name not in OPTIONS:
            raise Invalid(f'invalid option: "{name}"')
    if options.get("size"):
        raise Invalid("quota size requested but no quota support")
    if options:
        for name in ("device", "type"):
            if not options.get(name):
                raise Invalid(f'missing required option: "{name}"')
