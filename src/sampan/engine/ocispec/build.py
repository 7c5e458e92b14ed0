"""A container's Config and HostConfig, and where its pieces are, to spec, seccomp filter and cgroup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.ocispec import defaults, devices, mounts, namespaces, process, resources, security, sysctls
from sampan.engine.ocispec.host import Host
from sampan.engine.ocispec.userns import IdRange
from sampan.linux import capabilities
from sampan.specs.golang.path import clean
from sampan.specs.oci.runtime import Linux, Mount, Process, Resources, Spec

OCI_VERSION = "1.2.0"


@dataclass(frozen=True)
class Defaults:
    """What the daemon's configuration says about containers that do not say it themselves."""

    init: bool = False
    no_new_privileges: bool = False
    seccomp_profile: str = security.BUILTIN  # or "unconfined", or a profile's JSON
    ulimits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cgroup_parent: str = "/sampan"


@dataclass(frozen=True)
class SpecInputs:
    """All that `build` looks at, for a container or a RUN step; `path` is the program, which `args` does not
    repeat.
    """

    id: str
    path: str
    args: Sequence[str]
    config: Mapping[str, Any]  # Docker's, complete: merged with the image's and normalised
    host_config: Mapping[str, Any]
    host: Host
    defaults: Defaults = field(default_factory=Defaults)
    mounts: Sequence[Mount] = ()  # of volumes, binds and tmpfs
    etc: Mapping[str, str] = field(
        default_factory=dict
    )  # destination -> source: hosts, hostname, resolv.conf
    joined: Mapping[str, str] = field(default_factory=dict)  # OCI type -> path, for "container:" modes
    shm_namespace: str | None = None  # mount namespace of the container whose IPC is joined
    users: IdRange | None = None  # --userns=auto
    rootfs_propagation: str = ""
    links: Sequence[str] = ()  # environment of legacy links


@dataclass(frozen=True)
class Built:
    """The parts of a `StartRequest` that follow from Docker's settings; `seccomp` is a struct sock_filter[],
    None for unconfined.
    """

    spec: Spec
    seccomp: bytes | None
    cgroup: dict[str, Any]  # what runtime.cgroups.create() takes
    init: bool  # PID 1 is to be our reaper


def build(inputs: SpecInputs) -> Built:
    """Raises Invalid, Failed, worded as Docker and runc word them."""
    config, host_config, host = inputs.config, inputs.host_config, inputs.host
    privileged = bool(host_config.get("Privileged"))
    options = security.parse_options(host_config.get("SecurityOpt"), inputs.defaults.no_new_privileges)
    granted = granted_capabilities(host_config, host)
    own_users = inputs.users is not None or "user" in inputs.joined
    spaces = namespaces.namespaces(host_config, inputs.joined, inputs.users is not None)
    nodes, rules = devices.devices(host_config, host)
    limits = resources.resources(host_config, host)
    limits["devices"] = rules
    path = cgroup_path(inputs.id, host_config, inputs.defaults)
    linux: Linux = {
        "namespaces": spaces,
        "cgroupsPath": path,
        "resources": limits,
        "sysctl": _sysctls(inputs),
        "maskedPaths": security.paths(host_config, "MaskedPaths", defaults.masked_paths()),
        "readonlyPaths": security.paths(host_config, "ReadonlyPaths", defaults.READONLY_PATHS),
    }
    if nodes:
        linux["devices"] = nodes
    if inputs.rootfs_propagation:
        linux["rootfsPropagation"] = inputs.rootfs_propagation
    if inputs.users is not None:
        linux["uidMappings"] = inputs.users.mappings()
        linux["gidMappings"] = inputs.users.mappings()
    hostname = "" if host_config.get("UTSMode") == "host" else config.get("Hostname") or ""
    sysctls.check_sysctls(
        host_config.get("Sysctls") or {}, spaces, host_config.get("NetworkMode") == "host", bool(hostname)
    )
    spec: Spec = {
        "ociVersion": OCI_VERSION,
        "process": _process(inputs, options, granted),
        "root": {"path": "rootfs", "readonly": bool(host_config.get("ReadonlyRootfs"))},
        "mounts": mounts.mounts(host_config, inputs.mounts, inputs.etc, inputs.shm_namespace, own_users),
        "linux": linux,
    }
    if hostname:
        spec["hostname"] = hostname
    if config.get("Domainname") and host_config.get("UTSMode") != "host":
        spec["domainname"] = config["Domainname"]
    if annotations := host_config.get("Annotations"):
        spec["annotations"] = dict(annotations)
    program = security.seccomp_program(options, privileged, granted, host, inputs.defaults.seccomp_profile)
    return Built(spec, program, _cgroup(path, limits, host), has_init(host_config, inputs.defaults))


def granted_capabilities(host_config: Mapping[str, Any], host: Host) -> list[str]:
    """Raises Invalid for a capability that does not exist or that this machine lacks."""
    return capabilities.tweak(
        host_config.get("CapAdd") or (),
        host_config.get("CapDrop") or (),
        bool(host_config.get("Privileged")),
        host.capabilities,
    )


def has_init(host_config: Mapping[str, Any], defaults: Defaults) -> bool:
    """A reaper makes no sense as other than PID 1."""
    if host_config.get("PidMode") not in (None, "", "private"):
        return False
    wanted = host_config.get("Init")
    return defaults.init if wanted is None else bool(wanted)


def cgroup_path(id: str, host_config: Mapping[str, Any], defaults: Defaults) -> str:
    """Below every hierarchy's mount point, whatever "../" a request holds."""
    parent = host_config.get("CgroupParent") or defaults.cgroup_parent
    return clean(f"/{parent}/{id}")


def _cgroup(path: str, limits: Resources, host: Host) -> dict[str, Any]:
    return {"path": path, "layout": host.layout.to_dict(), "resources": limits}


def _process(inputs: SpecInputs, options: security.SecurityOptions, granted: list[str]) -> Process:
    config, host_config = inputs.config, inputs.host_config
    tty = bool(config.get("Tty"))
    return process.process(
        args=[inputs.path, *inputs.args],
        env=process.environment(config.get("Hostname") or "", tty, config.get("Env"), inputs.links),
        cwd=config.get("WorkingDir") or "/",
        who=process.user(config.get("User") or "", host_config.get("GroupAdd")),
        capabilities=granted,
        terminal=tty,
        no_new_privileges=options.no_new_privileges,
        limits=process.rlimits(host_config.get("Ulimits"), inputs.defaults.ulimits),
        apparmor=security.apparmor_profile(options, bool(host_config.get("Privileged")), inputs.host),
        oom_score_adj=host_config.get("OomScoreAdj") or 0,
    )


def _sysctls(inputs: SpecInputs) -> dict[str, str]:
    """Docker's two defaults for a network namespace of one's own, then the request's."""
    found: dict[str, str] = {}
    if namespaces.is_private_network(inputs.host_config.get("NetworkMode") or ""):
        # Ping without CAP_NET_RAW.
        if inputs.host.sysctl_exists("net.ipv4.ping_group_range"):
            found["net.ipv4.ping_group_range"] = "0 2147483647"
        if inputs.host.sysctl_exists("net.ipv4.ip_unprivileged_port_start"):
            found["net.ipv4.ip_unprivileged_port_start"] = "0"
    found.update(inputs.host_config.get("Sysctls") or {})
    return found
