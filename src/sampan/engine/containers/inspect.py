"""GET /containers/<id>/json."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sampan.engine.containers.container import Container
from sampan.engine.containers.index import Index
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.sizes import Sizes
from sampan.engine.networks import links
from sampan.engine.networks.manager import Networks
from sampan.engine.volumes import mountpoints
from sampan.errors import Invalid, NotFound
from sampan.linux import erofs
from sampan.paths import Paths


@dataclass(frozen=True)
class Inspection:
    paths: Paths
    index: Index
    networks: Networks
    sizes: Sizes

    async def document(self, container: Container, *, size: bool = False) -> dict[str, Any]:
        record = container.record
        paths = self.paths.container(container.id)
        begun = record.started_before
        found: dict[str, Any] = {
            "Id": record.id,
            "Created": record.created,
            "Path": record.path,
            "Args": record.args,
            "State": record.state.document(),
            "Image": record.image_id,
            "ResolvConfPath": str(paths.resolv_conf) if begun else "",
            "HostnamePath": str(paths.hostname) if begun else "",
            "HostsPath": str(paths.hosts) if begun else "",
            "LogPath": record.log_path,
            "Name": f"/{record.name}",
            "RestartCount": record.restart_count,
            "Driver": "overlay2",
            "Platform": record.platform,
            "MountLabel": "",
            "ProcessLabel": "",
            "AppArmorProfile": record.apparmor_profile,
            "ExecIDs": [exec.id for exec in container.execs.values() if exec.exit_code is None] or None,
            "HostConfig": {**record.host_config, "Links": self._shown_links(record) or None},
            "GraphDriver": self._graph_driver(container),
        }
        if size:
            counted = await self.sizes.of(record)
            found |= {"SizeRw": counted.rw, "SizeRootFs": counted.root}
        return found | {
            "Mounts": mountpoints.shown(record.mount_points),
            "Config": record.config,
            "NetworkSettings": self.networks.settings(record.id),
        }

    def _shown_links(self, record: ContainerRecord) -> list[str]:
        """Those of the default bridge, by the names their containers have now."""
        if record.host_config["NetworkMode"] not in ("", "default", "bridge"):
            return []
        found = []
        for text in record.host_config["Links"] or ():
            child, alias = links.parse(text)
            with suppress(NotFound, Invalid):
                found.append(f"/{self.index.find(child).record.name}:/{record.name}/{alias}")
        return found

    def _graph_driver(self, container: Container) -> dict[str, Any]:
        """Where the layers are. Nothing is mounted on the host: the root is seen through /proc/<pid>/root."""
        paths = self.paths.container(container.id)
        pid = container.record.state.pid
        return {
            "Data": {
                "ID": container.id,
                "LowerDir": ":".join(erofs.directory(lower) for lower in container.record.lower),
                "MergedDir": f"/proc/{pid}/root" if pid else "",
                "UpperDir": str(paths.upper),
                "WorkDir": str(paths.work),
            },
            "Name": "overlay2",
        }
