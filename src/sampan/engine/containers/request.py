"""From a record to the shim's start request: joins what networks, volumes and engine/ocispec/ say."""

import base64
from dataclasses import dataclass
from typing import Any, cast

from sampan.engine.containers.container import Container
from sampan.engine.containers.index import Index
from sampan.engine.containers.logconfig import extra_attrs, log_request
from sampan.engine.containers.record import ContainerRecord
from sampan.engine.containers.settings import Settings
from sampan.engine.networks.manager import Networks
from sampan.engine.ocispec import userns
from sampan.engine.ocispec.build import Built, SpecInputs, build
from sampan.engine.ocispec.exec import exec_process
from sampan.engine.volumes.volumes import Volumes
from sampan.errors import Conflict, Invalid
from sampan.paths import Paths
from sampan.runtime.protocol import Healthcheck, StartRequest
from sampan.specs.oci.runtime import Mount

SECOND = 1_000_000_000
INTERVAL, TIMEOUT, START_INTERVAL, RETRIES = 30 * SECOND, 30 * SECOND, 5 * SECOND, 3
# What "container:" joins: HostConfig's key, the OCI type, the file below /proc/<pid>/ns.
JOINED = (("NetworkMode", "network", "net"), ("PidMode", "pid", "pid"), ("IpcMode", "ipc", "ipc"))


@dataclass(frozen=True)
class StartRequests:
    paths: Paths
    index: Index
    settings: Settings
    volumes: Volumes
    networks: Networks

    async def make(self, container: Container) -> StartRequest:
        """Raises Conflict, Invalid, NotFound, Failed. Sets what the record learns at a start."""
        record = container.record
        host = record.host_config
        paths = self.paths.container(record.id)
        mounts = await self.volumes.oci_mounts(record)
        donors = {kind: self._donor(host[key], kind) for key, kind, _ in JOINED if is_container(host[key])}
        if "network" in donors:
            # One network, one name in it.
            for name in ("Hostname", "Domainname"):
                record.config[name] = donors["network"].config[name]
        built = build(
            SpecInputs(
                id=record.id,
                path=record.path,
                args=record.args,
                config=record.config,
                host_config=host,
                host=self.settings.host,
                defaults=self.settings.defaults,
                mounts=cast(list[Mount], mounts),
                etc=self._etc_files(donors.get("network", record)),
                joined={
                    kind: f"/proc/{donors[kind].state.pid}/ns/{file}"
                    for _, kind, file in JOINED
                    if kind in donors
                },
                shm_namespace=f"/proc/{donors['ipc'].state.pid}/ns/mnt" if "ipc" in donors else None,
                users=self.users(record),
                rootfs_propagation=self.volumes.rootfs_propagation(record),
                links=self.networks.link_environment(record),
            )
        )
        remember(record, built, paths.log)
        return {
            "id": record.id,
            "spec": cast(dict[str, Any], built.spec),
            "rootfs": {
                "type": "overlay",
                "lower": record.lower,
                "upper": str(paths.upper),
                "work": str(paths.work),
            },
            "open_stdin": record.config["OpenStdin"],
            "stdin_once": record.config["StdinOnce"],
            "init": built.init,
            "console_size": console_size(host),
            "log": log_request(host["LogConfig"], paths, attributes(record)),
            "seccomp": encoded(built.seccomp),
            "cgroup": built.cgroup,
            "healthcheck": self._healthcheck(record),
            "attach": [],
        }

    def _donor(self, mode: str, kind: str) -> ContainerRecord:
        """The running container whose namespace is joined. Raises NotFound, Conflict, Invalid."""
        found = self.index.find(mode.partition(":")[2]).record
        state = found.state
        failed = f"failed to join {kind.upper()} namespace: " if kind != "network" else ""
        if state.restarting:
            raise Conflict(f"{failed}Container {found.id} is restarting, wait until the container is running")
        if not state.running or not state.pid:
            if kind == "network":
                raise Conflict(f"cannot join network of a non running container: {found.id}")
            raise Conflict(f"{failed}container {found.id} is not running")
        if kind == "ipc" and found.host_config["IpcMode"] not in ("shareable", "host"):
            raise Invalid(
                f"{failed}container {found.id}: "
                "non-shareable IPC (hint: use IpcMode:shareable for the donor container)"
            )
        return found

    def _etc_files(self, owner: ContainerRecord) -> dict[str, str]:
        """The files the network part wrote; a container in another's network sees that one's."""
        paths = self.paths.container(owner.id)
        files = {
            "/etc/resolv.conf": paths.resolv_conf,
            "/etc/hostname": paths.hostname,
            "/etc/hosts": paths.hosts,
        }
        return {name: str(path) for name, path in files.items() if path.exists()}

    def users(self, record: ContainerRecord) -> userns.IdRange | None:
        """--userns=auto: a range of IDs no other container has; the container keeps it for its life."""
        if record.host_config["UsernsMode"] != "auto":
            return None
        if record.first_id == 0:
            used = [other.record.first_id for other in self.index if other.record.first_id]
            record.first_id = userns.choose(used, userns.read_delegated()).first
        return userns.IdRange(record.first_id)

    def _healthcheck(self, record: ContainerRecord) -> Healthcheck | None:
        check = record.config.get("Healthcheck") or {}
        command = probe(check.get("Test") or [], record.config.get("Shell"))
        if command is None:
            return None
        process, _ = exec_process(
            record.config, record.host_config, {"Cmd": command}, self.settings.host, self.settings.defaults
        )
        return {
            "args": command,
            "interval": check.get("Interval") or INTERVAL,
            "timeout": check.get("Timeout") or TIMEOUT,
            "start_period": check.get("StartPeriod") or 0,
            "start_interval": check.get("StartInterval") or START_INTERVAL,
            "retries": check.get("Retries") or RETRIES,
            "process": cast(dict[str, Any], process),
        }


def remember(record: ContainerRecord, built: Built, log: object) -> None:
    record.cgroup = built.cgroup["path"]
    record.apparmor_profile = built.spec["process"].get("apparmorProfile", "")
    record.log_path = str(log) if record.host_config["LogConfig"]["Type"] == "json-file" else ""


def is_container(mode: str) -> bool:
    return mode.startswith("container:")


def console_size(host: dict[str, Any]) -> tuple[int, int] | None:
    height, width = host["ConsoleSize"]
    return (height, width) if height or width else None


def attributes(record: ContainerRecord) -> dict[str, str]:
    log = record.host_config["LogConfig"]
    return extra_attrs(record.config, log["Config"]) if log["Type"] != "none" else {}


def encoded(program: bytes | None) -> str | None:
    return base64.b64encode(program).decode() if program is not None else None


def probe(test: list[str], shell: list[str] | None) -> list[str] | None:
    """The command of a health check. Raises Invalid for a kind Docker does not know."""
    if not test or test[0] == "NONE":
        return None
    if test[0] == "CMD":
        return test[1:]
    if test[0] == "CMD-SHELL":
        return [*(shell or ["/bin/sh", "-c"]), *test[1:]]
    raise Invalid(f"Unknown healthcheck type {test[0]} (expected 'CMD', 'CMD-SHELL' or 'NONE')")
