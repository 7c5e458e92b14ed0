"""POST /containers/create: from a body and an image to a record, a directory and a row, or to nothing."""

import os
import random
import secrets
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, cast

from sampan.engine import trash
from sampan.engine.containers import checks, names
from sampan.engine.containers.container import Container
from sampan.engine.containers.documents import CONFIG, HOST_CONFIG, normalise
from sampan.engine.containers.events import ContainerEvents
from sampan.engine.containers.logconfig import check_log_config, merge_log_config
from sampan.engine.containers.merge import command_of, merge
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.records import Records
from sampan.engine.containers.settings import Settings
from sampan.engine.images import Images
from sampan.engine.networks.manager import Networks
from sampan.engine.ocispec.build import cgroup_path
from sampan.engine.ocispec.defaults import READONLY_PATHS, masked_paths
from sampan.engine.ocispec.validate import validate
from sampan.engine.volumes.volumes import Volumes
from sampan.errors import Invalid, NotFound
from sampan.linux import durable
from sampan.paths import ContainerPaths, Paths
from sampan.specs.docker.ports import parse_port
from sampan.specs.golang import time as times
from sampan.specs.oci import platform as platforms


@dataclass(frozen=True)
class CreateRequest:
    """The body of POST /containers/create, taken apart and made complete."""

    name: str
    config: dict[str, Any]
    host_config: dict[str, Any]
    endpoints: dict[str, Any]
    platform: str = ""


@dataclass(frozen=True)
class Root:
    """What a container stands on: an image, or the layers that a step of a build has left."""

    image: str  # the name it goes by
    image_id: str  # "": no image
    config: Mapping[str, Any]
    lower: list[str]


@dataclass(frozen=True)
class Created:
    id: str
    warnings: list[str]


def parse_body(body: dict[str, Any], name: str, platform: str, version: tuple[int, int]) -> CreateRequest:
    """Raises Invalid."""
    body = dict(body)
    host = body.pop("HostConfig", None) or {}
    networking = body.pop("NetworkingConfig", None) or {}
    if not body:
        raise Invalid("config cannot be empty in order to create a container")
    if not isinstance(host, dict) or not isinstance(networking, dict):
        raise Invalid("invalid JSON: HostConfig and NetworkingConfig must be objects")
    config = normalise(body, CONFIG, "CreateRequest.Config")
    host_config = normalise(host, HOST_CONFIG, "CreateRequest.HostConfig")
    endpoints = networking.get("EndpointsConfig") or {}
    if not isinstance(endpoints, dict):
        raise Invalid("invalid JSON: EndpointsConfig must be an object")
    if any(not isinstance(settings, dict | None) for settings in endpoints.values()):
        raise Invalid("invalid JSON: EndpointsConfig must hold objects")
    if version < (1, 40) and not host_config["IpcMode"]:
        host_config["IpcMode"] = "shareable"
    if version < (1, 41) and not host_config["CgroupnsMode"]:
        host_config["CgroupnsMode"] = "host"
    return CreateRequest(name, config, host_config, dict(endpoints), platform)


@dataclass(frozen=True)
class Creator:
    paths: Paths
    settings: Settings
    records: Records
    events: ContainerEvents
    images: Images
    volumes: Volumes
    networks: Networks

    async def create(self, request: CreateRequest) -> Created:
        """Raises Invalid, NotFound (image), AlreadyExists (name)."""
        config, host = request.config, request.host_config
        checks.check_config(config)
        checks.check_host_config(host, config)
        warnings = validate(host, config, self.settings.host)
        if not config["Image"]:
            raise Invalid("no image given: Config.Image must not be empty")
        image = self.images.get(config["Image"])
        warnings += check_platform(config["Image"], request.platform, image.config)
        own = image.config.get("config") or {}
        root = Root(config["Image"], image.id, cast(Mapping[str, Any], own), self.images.lower_dirs(image))
        self.images.store.use(image)
        return await self.create_on(request, root, warnings)

    async def create_on(self, request: CreateRequest, root: Root, warnings: list[str]) -> Created:
        """Of a request that has been checked. Raises Invalid, AlreadyExists (name)."""
        config, host = request.config, request.host_config
        merge(config, root.config)
        path, args = command_of(config)
        self._adapt(config, host)
        check_log_config(host["LogConfig"])
        self._check_links(host)
        endpoints = self.networks.check_endpoints(request.endpoints)
        id = new_id()
        name = names.check(request.name) if request.name else ""
        with ExitStack() as undo:
            if not name:
                name = names.generate(self.records.index.taken, random.Random())
            self.records.index.reserve(name, id)
            undo.callback(self.records.index.release, name)
            if not config["Hostname"]:
                config["Hostname"] = socket.gethostname() if host["NetworkMode"] == "host" else id[:12]
            record = ContainerRecord(
                id=id,
                name=name,
                created=times.now(),
                image=root.image,
                image_id=root.image_id,
                path=path,
                args=args,
                config=config,
                host_config=host,
                networking=endpoints_of(host["NetworkMode"], endpoints),
                lower=root.lower,
                cgroup=cgroup_path(id, host, self.settings.defaults),
            )
            container = Container(record)
            paths = self.paths.container(id)
            undo.callback(trash.discard, self.paths, paths.data)
            make_directories(paths)
            record.mount_points = await self.volumes.mounts_for(record, self._donor)
            try:
                if not host["AutoRemove"]:  # whose row does not last either: see Records.save
                    # Now, as a volume's sync may have put all of it on the disk already.
                    durable.sync(paths.data, paths.data.parent)
                self.records.save(record)
            except BaseException:
                await self.volumes.release(record, remove_anonymous=True)
                raise
            self.records.index.add(container)
            undo.pop_all()
        self.events.emit(record, "create")
        return Created(id, warnings)

    def _adapt(self, config: dict[str, Any], host: dict[str, Any]) -> None:
        """Fill in what depends on other settings and on the daemon's (moby: adaptContainerSettings)."""
        defaults = self.settings.config
        if host["Memory"] > 0 and host["MemorySwap"] == 0:
            host["MemorySwap"] = host["Memory"] * 2
        host["ShmSize"] = host["ShmSize"] or defaults.default_shm_size
        host["IpcMode"] = host["IpcMode"] or defaults.default_ipc_mode or "private"
        host["CgroupnsMode"] = host["CgroupnsMode"] or self._cgroupns_mode(host)
        host["Runtime"] = host.get("Runtime") or defaults.default_runtime
        host["NetworkMode"] = "bridge" if host["NetworkMode"] in ("", "default") else host["NetworkMode"]
        host["PortBindings"] = host["PortBindings"] or {}
        host["RestartPolicy"] = host["RestartPolicy"] or {"Name": "no", "MaximumRetryCount": 0}
        host["RestartPolicy"].setdefault("Name", "no")
        host["RestartPolicy"].setdefault("MaximumRetryCount", 0)
        if host["OomKillDisable"] is None:
            host["OomKillDisable"] = False
        if host["PidsLimit"] is not None and host["PidsLimit"] <= 0:
            host["PidsLimit"] = None
        if not host["Privileged"]:
            host["MaskedPaths"] = list(masked_paths()) if host["MaskedPaths"] is None else host["MaskedPaths"]
            host["ReadonlyPaths"] = (
                list(READONLY_PATHS) if host["ReadonlyPaths"] is None else host["ReadonlyPaths"]
            )
        elif "label=disable" not in (host["SecurityOpt"] or ()):
            host["SecurityOpt"] = [*(host["SecurityOpt"] or ()), "label=disable"]
        for mode in ("NetworkMode", "IpcMode", "PidMode"):
            host[mode] = self._resolve_container(host[mode], network=mode == "NetworkMode")
        host["LogConfig"] = merge_log_config(host["LogConfig"], defaults.log_driver, defaults.log_opts)
        expose_published(config, host)

    def _cgroupns_mode(self, host: dict[str, Any]) -> str:
        # On v2 even a privileged container gets its own namespace; on v1 it would lose sight of its limits.
        v2 = self.settings.host.cgroup_version == 2
        if host["Privileged"] and not v2:
            return "host"
        return self.settings.config.default_cgroupns_mode or ("private" if v2 else "host")

    def _resolve_container(self, mode: str, *, network: bool) -> str:
        """`container:web` -> `container:<id>`, so that a rename changes nothing."""
        kind, colon, ref = mode.partition(":")
        if kind != "container" or not colon:
            return mode
        try:
            return f"container:{self.records.index.find(ref).id}"
        except NotFound as error:
            if network:
                return mode  # found missing at the start, as in Docker
            # Not 404, which at create means the image and makes clients pull it.
            raise Invalid(error.message) from None

    def _check_links(self, host: dict[str, Any]) -> None:
        for link in host["Links"] or ():
            name = link.partition(":")[0]
            try:
                self.records.index.find(name)
            except NotFound as error:
                raise Invalid(f"could not get container for {name}: {error.message}") from None

    def _donor(self, ref: str) -> ContainerRecord:
        """The container that --volumes-from names: not 404, which there means the image."""
        try:
            return self.records.get(ref)
        except NotFound as error:
            raise Invalid(error.message) from None


def new_id() -> str:
    """64 hex digits; never twelve decimal ones in front, which tools take for a number."""
    while (id := secrets.token_hex(32))[:12].isdecimal():
        pass
    return id


def make_directories(paths: ContainerPaths) -> None:
    """Those that are missing."""
    # The upper directory is the container's root directory: it shows its mode.
    for path, mode in ((paths.data, 0o710), (paths.upper, 0o755), (paths.work, 0o700)):
        with suppress(FileExistsError):
            os.mkdir(path, mode)


def endpoints_of(mode: str, endpoints: dict[str, Any]) -> dict[str, Any]:
    """The networks asked for, the mode's own first. `container:` and `host` have no choice of networks."""
    if mode.startswith("container:"):
        return {}
    wanted = {name: dict(settings or {}) for name, settings in endpoints.items()}
    if "default" in wanted:
        wanted["bridge"] = wanted.pop("default")
    return {mode: wanted.pop(mode, {}), **wanted}


def expose_published(config: dict[str, Any], host: dict[str, Any]) -> None:
    """A published port is an exposed one."""
    for port in host["PortBindings"]:
        number, proto = parse_port(port)
        config.setdefault("ExposedPorts", {}).setdefault(f"{number}/{proto}", {})


def check_platform(ref: str, wanted: str, image: Mapping[str, Any]) -> list[str]:
    """A warning when the image is for another machine, NotFound when that one was asked for."""
    own = f"{image.get('os') or 'linux'}/{image.get('architecture') or ''}"
    host = f"linux/{platforms.machine()[0]}"
    if not image.get("architecture"):
        return []
    if not wanted:
        if own == host:
            return []
        return [
            f"The requested image's platform ({own}) does not match the detected host platform ({host}) "
            "and no specific platform was requested"
        ]
    asked = str(platforms.parse(wanted))
    if "/".join(asked.split("/")[:2]) != own:
        # 404, so that clients pull the right one.
        raise NotFound(
            f"image with reference {ref} was found but does not match the specified platform: "
            f"wanted {asked}, actual: {own}"
        )
    return []
