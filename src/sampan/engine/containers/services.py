"""What every operation on containers works with."""

import asyncio
import logging
import posixpath
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampan.db.sqlite import Put, Store
from sampan.engine.containers.container import Container
from sampan.engine.containers.index import Index
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.events import Events
from sampan.engine.ocispec.build import Defaults
from sampan.engine.ocispec.host import Host, detect
from sampan.errors import Failed, Invalid, NotFound, SampanError
from sampan.paths import ContainerPaths, Paths
from sampan.runtime.cgroups import Cgroup, leave, open_cgroup, settle

if TYPE_CHECKING:
    from sampan.engine.daemon.config import DaemonConfig
    from sampan.engine.images import Image, Images
    from sampan.engine.networks import Networks
    from sampan.engine.volumes.volumes import Volumes
    from sampan.runtime.client import Launcher

log = logging.getLogger("sampan.containers")


@dataclass
class Services:
    config: "DaemonConfig"
    paths: Paths
    store: Store
    events: Events
    launcher: "Launcher"
    images: "Images"
    volumes: "Volumes"
    networks: "Networks"
    index: Index = field(default_factory=Index)
    host: Host = field(default_factory=detect)
    defaults: Defaults = field(init=False)
    unsaved: list[Container] = field(default_factory=list)
    ending: bool = False  # the daemon stops the containers on its way out: no policy restarts them
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.reconfigure(self.config)

    def reconfigure(self, config: "DaemonConfig") -> None:
        """Raises Failed when the seccomp profile cannot be read."""
        self.config = config
        self.defaults = Defaults(
            init=config.init,
            no_new_privileges=config.no_new_privileges,
            seccomp_profile=seccomp_profile(config.seccomp_profile),
            ulimits=config.default_ulimits,
            cgroup_parent=posixpath.join("/", config.cgroup_parent or settle(self.host.layout)),
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` on its own; what it raises is logged, as nobody awaits it."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a background task failed", exc_info=error)

    def record(self, ref: str) -> ContainerRecord:
        """Raises NotFound, Invalid (ambiguous)."""
        return self.index.find(ref).record

    def paths_of(self, container: Container) -> ContainerPaths:
        return container.paths(self.paths)

    def save(self, container: Container, *, lasting: bool = True) -> None:
        """Durable once this returns. Raises Failed.

        After a power failure a container that removes itself is gone, whatever its row says: no disk write.
        None either for one that is being removed, whose row goes next, or where only the next daemon is to
        know, and nothing of it outlasts the machine (`lasting` false).
        """
        late = [other.record for other in self.unsaved if self.index.by_id(other.id) is other]
        rows = [*(record for record in late if record is not container.record), container.record]
        durable = lasting and any(
            not row.host_config["AutoRemove"] and not row.state.removing for row in rows
        )
        self.store.apply([Put(record.key, record) for record in rows], durable=durable)
        self.unsaved.clear()

    def note(self, container: Container) -> None:
        """Save what has happened already, whether or not it can be written: if not, with the next one."""
        try:
            self.save(container)
        except Failed as error:
            log.error("container %s: %s", container.id, error.message)
            if container not in self.unsaved:
                self.unsaved.append(container)

    def emit(self, container: Container, action: str, **more: str) -> None:
        """A container event with the attributes Docker gives every one: labels, image, name."""
        record = container.record
        attributes = dict(record.config.get("Labels") or {})
        attributes |= {"image": record.config.get("Image") or "", "name": record.name}
        self.events.emit("container", action, record.id, attributes | more)

    def donor(self, ref: str) -> ContainerRecord:
        """For a create request that names another container: not 404, which there means the image."""
        try:
            return self.record(ref)
        except NotFound as error:
            raise Invalid(error.message) from None

    def image(self, ref: str) -> "Image | None":
        try:
            return self.images.get(ref)
        except SampanError:
            return None

    def leave_cgroups(self) -> None:
        """On the way out: without containers, nothing of ours is left in the tree."""
        if self.defaults.cgroup_parent != "/":
            leave(self.defaults.cgroup_parent, self.host.layout)

    def leave_parent(self, container: Container) -> None:
        """A container's end may leave the parent it asked for empty; the default one stays for the next."""
        parent = posixpath.dirname(container.record.cgroup)
        if parent not in ("/", self.defaults.cgroup_parent):
            leave(parent, self.host.layout)

    def cgroup(self, container: Container) -> Cgroup:
        return open_cgroup(container.record.cgroup, self.host.layout)

    def kill_leftovers(self, container: Container) -> None:
        """Whatever still runs in the container's cgroup after its shim died."""
        cgroup = self.cgroup(container)
        if cgroup.exists():
            cgroup.kill()
            cgroup.remove()
        self.leave_parent(container)


def seccomp_profile(setting: str) -> str:
    """ "builtin" and "unconfined" as they are, else the profile in the file of that name. Raises Failed."""
    if setting in ("", "builtin", "unconfined"):
        return setting or "builtin"
    try:
        return Path(setting).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read the seccomp profile {setting}: {error}") from error
