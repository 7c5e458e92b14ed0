"""OCI runtime-spec 1.2 config.json, as far as this engine writes it: config.md, config-linux.md."""

from typing import Any, Literal, NotRequired, TypedDict


class User(TypedDict, total=False):
    """`username` and `additionalGroups` hold names that only the container's own files can resolve."""

    uid: int
    gid: int
    umask: int
    additionalGids: list[int]
    username: str
    additionalGroups: list[str]


class Rlimit(TypedDict):
    """An entry of `process.rlimits`: `type` as in getrlimit(2), RLIMIT_NOFILE, and 2^64-1 for no limit."""

    type: str
    soft: int
    hard: int


class Capabilities(TypedDict, total=False):
    bounding: list[str]
    effective: list[str]
    permitted: list[str]
    inheritable: list[str]
    ambient: list[str]


class Process(TypedDict, total=False):
    """`process` of config.md; an exec and a health check's command have one each as well."""

    terminal: bool
    user: User
    args: list[str]
    env: list[str]
    cwd: str
    capabilities: Capabilities
    rlimits: list[Rlimit]
    noNewPrivileges: bool
    apparmorProfile: str
    selinuxLabel: str
    oomScoreAdj: int


class Mount(TypedDict):
    """`namespace` is ours: a mount namespace (/proc/<pid>/ns/mnt) in which to look up `source`.

    So is `rootfs`, a protocol.Rootfs to be mounted there, or its part `subpath`.
    """

    destination: str
    type: NotRequired[str]
    source: NotRequired[str]
    options: NotRequired[list[str]]
    subpath: NotRequired[str]
    namespace: NotRequired[str]
    rootfs: NotRequired[dict[str, Any]]


NamespaceType = Literal["mount", "network", "uts", "pid", "ipc", "cgroup", "user"]


class Namespace(TypedDict):
    """With `path` an existing one is joined, else a new one is made."""

    type: NamespaceType
    path: NotRequired[str]


class Device(TypedDict):
    """An entry of `linux.devices`: a node to make, `type` "b", "c" or "p" and `fileMode` its permissions."""

    path: str
    type: str
    major: int
    minor: int
    fileMode: int
    uid: int
    gid: int


class DeviceRule(TypedDict, total=False):
    """Without `type` a rule is for all devices, without `major` or `minor` for all numbers."""

    allow: bool
    type: str
    major: int
    minor: int
    access: str


class IdMapping(TypedDict):
    """An entry of `linux.uidMappings` or `gidMappings`: a line of /proc/<pid>/uid_map, user_namespaces(7)."""

    containerID: int
    hostID: int
    size: int


class Memory(TypedDict, total=False):
    """`linux.resources.memory`: bytes, -1 for no limit; `swap` is memory and swap together, `swappiness` 0 to
    100.
    """

    limit: int
    reservation: int
    swap: int
    swappiness: int
    disableOOMKiller: bool
    kernelTCP: int


class Cpu(TypedDict, total=False):
    """`linux.resources.cpu`: quotas, periods and runtime in microseconds; `cpus` and `mems` are lists such as
    "0-3,7".
    """

    shares: int
    quota: int
    period: int
    realtimePeriod: int
    realtimeRuntime: int
    cpus: str
    mems: str


class Pids(TypedDict):
    limit: int


class WeightDevice(TypedDict):
    """An entry of `linux.resources.blockIO.weightDevice`; weights go from 10 to 1000."""

    major: int
    minor: int
    weight: int


class ThrottleDevice(TypedDict):
    """An entry of `linux.resources.blockIO.throttle*Device`: bytes a second, or operations a second in those
    named IOPS.
    """

    major: int
    minor: int
    rate: int


class BlockIO(TypedDict, total=False):
    """`linux.resources.blockIO`; `weight`, from 10 to 1000, is for devices without one of their own."""

    weight: int
    weightDevice: list[WeightDevice]
    throttleReadBpsDevice: list[ThrottleDevice]
    throttleWriteBpsDevice: list[ThrottleDevice]
    throttleReadIOPSDevice: list[ThrottleDevice]
    throttleWriteIOPSDevice: list[ThrottleDevice]


class Resources(TypedDict, total=False):
    """`linux.resources`: what is absent stays as the kernel has it; `devices` apply in their order."""

    devices: list[DeviceRule]
    memory: Memory
    cpu: Cpu
    pids: Pids
    blockIO: BlockIO


class Linux(TypedDict, total=False):
    """`linux` of config-linux.md; `cgroupsPath` is below the mount point of every hierarchy."""

    namespaces: list[Namespace]
    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]
    devices: list[Device]
    cgroupsPath: str
    resources: Resources
    sysctl: dict[str, str]
    rootfsPropagation: str
    maskedPaths: list[str]
    readonlyPaths: list[str]
    mountLabel: str


class Root(TypedDict):
    path: str
    readonly: bool


class Spec(TypedDict, total=False):
    """The whole config.json; what `root.path` names is not used: the start request has the layers."""

    ociVersion: str
    process: Process
    root: Root
    hostname: str
    domainname: str
    mounts: list[Mount]
    annotations: dict[str, str]
    linux: Linux
