"""No option of a create is accepted and ignored: every field of Docker's structs is in a table here.

IN_REQUEST   changes what the shim is asked to do (the OCI spec, or what stands beside it); looked at here
REFUSED      fails the create; looked at here
DISCARDED    goes with a warning; looked at here
SHOWN        has its effect elsewhere in the engine: the test that shows it
MEANINGLESS  means nothing on Linux, or to an engine, and docs/api.md says so
"""

import json
from pathlib import Path
from typing import Any

import pytest

from sampan.engine.containers.create import parse_body
from sampan.engine.containers.documents import CONFIG, HOST_CONFIG
from sampan.engine.networks import settings
from sampan.engine.volumes import mountpoints
from sampan.errors import SampanError
from tests.engine.containers.fakes import World, world
from tests.engine.ocispec.machines import machine

ROOT = Path(__file__).parents[3]
MB = 1 << 20
DISK = {"Path": "/dev/vda", "Rate": 1000}

IN_REQUEST: dict[str, Any] = {
    # Config
    "Hostname": "box",
    "Domainname": "example.org",
    "User": "1000",
    "Tty": True,
    "OpenStdin": True,
    "StdinOnce": True,
    "Env": ["A=1"],
    "Cmd": ["other"],
    "Healthcheck": {"Test": ["CMD", "x"]},
    "WorkingDir": "/w",
    "Entrypoint": ["x"],
    # HostConfig
    "LogConfig": {"Type": "local", "Config": {}},
    "ConsoleSize": [24, 80],
    "Annotations": {"a": "b"},
    "CapAdd": ["NET_ADMIN"],
    "CapDrop": ["ALL"],
    "CgroupnsMode": "private",  # on v1 the host's is the default
    "GroupAdd": ["5"],
    "IpcMode": "host",
    "OomScoreAdj": 5,
    "PidMode": "host",
    "Privileged": True,
    "ReadonlyRootfs": True,
    "SecurityOpt": ["no-new-privileges"],
    "UTSMode": "host",
    "ShmSize": 2 * MB,
    "Sysctls": {"kernel.msgmax": "1"},
    "MaskedPaths": ["/proc/x"],
    "ReadonlyPaths": ["/proc/x"],
    "Init": True,
    # Resources
    "CpuShares": 5,
    "Memory": 10 * MB,
    "NanoCpus": 10**9,
    "CgroupParent": "/other",
    "BlkioWeight": 10,
    "BlkioWeightDevice": [{"Path": "/dev/vda", "Weight": 10}],
    "BlkioDeviceReadBps": [DISK],
    "BlkioDeviceWriteBps": [DISK],
    "BlkioDeviceReadIOps": [DISK],
    "BlkioDeviceWriteIOps": [DISK],
    "CpuPeriod": 5000,
    "CpuQuota": 5000,
    "CpuRealtimePeriod": 5000,
    "CpuRealtimeRuntime": 500,
    "CpusetCpus": "0",
    "CpusetMems": "0",
    "Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "r"}],
    "DeviceCgroupRules": ["c 1:3 r"],
    "KernelMemoryTCP": 10 * MB,
    "MemoryReservation": 10 * MB,
    "MemorySwap": -1,  # with Memory
    "MemorySwappiness": 5,
    "OomKillDisable": True,
    "PidsLimit": 5,
    "Ulimits": [{"Name": "nofile", "Soft": 5, "Hard": 5}],
    # Members of these
    "Healthcheck.Interval": 10**9,
    "Healthcheck.Timeout": 10**9,
    "Healthcheck.StartPeriod": 10**9,
    "Healthcheck.StartInterval": 10**9,
    "Healthcheck.Retries": 7,
    "LogConfig.Config": {"max-size": "1m"},
}
WITH: dict[str, dict[str, Any]] = {
    "Shell": {"Healthcheck": {"Test": ["CMD-SHELL", "x"]}},
    "MemorySwap": {"Memory": 10 * MB},
    "OomKillDisable": {"Memory": 10 * MB},
}
IN_REQUEST["Shell"] = ["/bin/other"]

REFUSED: dict[str, Any] = {
    "StorageOpt": {"size": "10G"},
    "Isolation": "hyperv",
    "Runtime": "kata",
    "Cgroup": "container:x",
    "DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}],
    "IOMaximumIOps": 5,
    "IOMaximumBandwidth": 5,
}
DISCARDED: dict[str, Any] = {"CpuPercent": 5, "KernelMemory": 10 * MB}

SHOWN: dict[str, tuple[str, str]] = {
    "Image": ("engine/containers/test_lifecycle.py", "test_a_created_container_is_durable_and_complete"),
    "Labels": ("conformance/test_lifecycle.py", "test_ps_filters"),
    "StopSignal": ("conformance/test_lifecycle.py", "test_stop_takes_the_containers_own_signal_and_timeout"),
    "StopTimeout": ("conformance/test_lifecycle.py", "test_stop_takes_the_containers_own_signal_and_timeout"),
    "Volumes": ("conformance/test_storage.py", "test_an_images_volumes_are_made"),
    "ExposedPorts": ("conformance/test_network.py", "test_exposed_ports_are_published_with_capital_p"),
    "NetworkDisabled": ("conformance/test_options.py", "test_a_disabled_network_is_none"),
    "MacAddress": ("conformance/test_network.py", "test_network"),
    "OnBuild": ("conformance/test_options.py", "test_triggers_are_for_the_image_that_is_committed"),
    "AttachStdin": ("conformance/test_options.py", "test_what_was_to_be_attached_is_told"),
    "AttachStdout": ("conformance/test_options.py", "test_what_was_to_be_attached_is_told"),
    "AttachStderr": ("conformance/test_options.py", "test_what_was_to_be_attached_is_told"),
    "Binds": ("conformance/test_storage.py", "test_mounts"),
    "Mounts": ("conformance/test_storage.py", "test_mounts"),
    "Tmpfs": ("conformance/test_storage.py", "test_mounts"),
    "VolumesFrom": ("conformance/test_storage.py", "test_volumes_from_another_container"),
    "VolumeDriver": ("conformance/test_options.py", "test_a_volume_driver_that_is_not_there_is_refused"),
    "NetworkMode": ("conformance/test_network.py", "test_network"),
    "PortBindings": ("conformance/test_network.py", "test_a_port_is_reachable_from_everywhere"),
    "PublishAllPorts": ("conformance/test_network.py", "test_exposed_ports_are_published_with_capital_p"),
    "Dns": ("conformance/test_network.py", "test_network"),
    "DnsOptions": ("conformance/test_network.py", "test_network"),
    "DnsSearch": ("conformance/test_network.py", "test_network"),
    "ExtraHosts": ("conformance/test_network.py", "test_network"),
    "Links": ("conformance/test_network.py", "test_links_between_containers"),
    "RestartPolicy": ("engine/containers/test_lifecycle.py", "test_a_policy_restarts_and_counts"),
    "AutoRemove": (
        "engine/containers/test_lifecycle.py",
        "test_auto_remove_takes_the_container_and_its_volumes",
    ),
    "UsernsMode": ("conformance/test_isolation.py", "test_each_user_namespace_has_ids_of_its_own"),
}
MEANINGLESS = {"ArgsEscaped", "CpuCount", "ContainerIDFile", "Mount.Consistency"}


@pytest.fixture
def here(tmp_path: Path) -> Any:
    made = world(tmp_path)
    made.containers.settings.host = machine(
        limits=machine().limits | {"BlkioWeight", "BlkioWeightDevice", "CPURealtime", "KernelMemoryTCP"}
    )
    yield made
    made.store.close()


async def outcome(here: World, **fields: Any) -> tuple[str, list[str]]:
    """What the shim is asked to do for a container with these fields, and the warnings of its create."""
    body: dict[str, Any] = {"Image": "busybox", "Cmd": ["true"], "Hostname": "plain"}
    body |= {name: value for name, value in fields.items() if name in CONFIG}
    body["HostConfig"] = {name: value for name, value in fields.items() if name in HOST_CONFIG}
    made = await here.containers.create(parse_body(body, "", "", (1, 51)))
    await here.containers.supervisor.start(here.containers.find(made.id))
    request = json.dumps(here.launcher.requests[-1], sort_keys=True, default=repr)
    return request.replace(made.id, "ID"), made.warnings


def fields_of(name: str, value: Any) -> dict[str, Any]:
    """`Healthcheck.Retries`: the struct with that member set."""
    struct, dot, member = name.partition(".")
    return {struct: {**IN_REQUEST[struct], member: value}} if dot else {struct: value}


@pytest.mark.parametrize("name", IN_REQUEST)
async def test_it_reaches_the_shim(here: World, name: str) -> None:
    with_it = WITH.get(name, {})
    if "." in name:
        with_it = {name.partition(".")[0]: IN_REQUEST[name.partition(".")[0]]}
    plain, _ = await outcome(here, **with_it)
    changed, warnings = await outcome(here, **{**with_it, **fields_of(name, IN_REQUEST[name])})
    assert changed != plain
    assert not [text for text in warnings if "discarded" in text]


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused(here: World, name: str) -> None:
    with pytest.raises(SampanError):
        await outcome(here, **{name: REFUSED[name]})


@pytest.mark.parametrize("name", DISCARDED)
async def test_it_is_discarded_with_a_warning(here: World, name: str) -> None:
    _, warnings = await outcome(here, **{name: DISCARDED[name]})
    assert any("discarded" in text.lower() for text in warnings), warnings


V1_ONLY = ("CpuRealtimePeriod", "CpuRealtimeRuntime", "KernelMemoryTCP", "MemorySwappiness", "OomKillDisable")


@pytest.mark.parametrize("name", V1_ONLY)
async def test_what_this_machine_cannot_do_is_told(here: World, name: str) -> None:
    here.containers.settings.host = machine(limits=frozenset())
    try:
        _, warnings = await outcome(here, **{name: IN_REQUEST[name]})
    except SampanError:
        return
    assert warnings


def test_every_field_has_its_place() -> None:
    tables = [IN_REQUEST.keys(), REFUSED.keys(), DISCARDED.keys(), SHOWN.keys(), MEANINGLESS]
    placed = [name for table in tables for name in table if "." not in name]
    assert sorted(placed) == sorted({*CONFIG, *HOST_CONFIG})


@pytest.mark.parametrize("name", SHOWN)
def test_what_has_its_effect_elsewhere_is_shown_there(name: str) -> None:
    path, test = SHOWN[name]
    assert f"def {test}(" in (ROOT / "tests" / path).read_text()


def test_what_means_nothing_is_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    assert [name for name in MEANINGLESS if f"`{name}`" not in text] == []


# Mounts: moby's api/types/mount

MOUNTS: dict[str, tuple[dict[str, Any], Any]] = {
    "Source": ({"Type": "bind", "Source": "/a"}, "/b"),
    "ReadOnly": ({"Type": "bind", "Source": "/a"}, True),
    "BindOptions.Propagation": ({"Type": "bind", "Source": "/a"}, "rshared"),
    "BindOptions.NonRecursive": ({"Type": "bind", "Source": "/a"}, True),
    "BindOptions.CreateMountpoint": ({"Type": "bind", "Source": "/a"}, True),
    "BindOptions.ReadOnlyNonRecursive": ({"Type": "bind", "Source": "/a"}, True),
    "BindOptions.ReadOnlyForceRecursive": ({"Type": "bind", "Source": "/a"}, True),
    "VolumeOptions.NoCopy": ({"Type": "volume", "Source": "v"}, True),
    "VolumeOptions.Labels": ({"Type": "volume", "Source": "v"}, {"a": "b"}),
    "VolumeOptions.Subpath": ({"Type": "volume", "Source": "v"}, "x"),
    "VolumeOptions.DriverConfig": ({"Type": "volume", "Source": "v"}, {"Options": {"type": "tmpfs"}}),
    "TmpfsOptions.SizeBytes": ({"Type": "tmpfs"}, 4096),
    "TmpfsOptions.Mode": ({"Type": "tmpfs"}, 0o700),
    "TmpfsOptions.Options": ({"Type": "tmpfs"}, [["noatime"]]),
    "ImageOptions.Subpath": ({"Type": "image", "Source": "i"}, "x"),
}


@pytest.mark.parametrize("name", MOUNTS)
def test_an_option_of_a_mount_is_in_its_mount_point(name: str) -> None:
    mount, value = MOUNTS[name]
    mount = {**mount, "Target": "/t"}
    struct, dot, member = name.partition(".")
    changed = {**mount, struct: {member: value} if dot else value}
    assert mountpoints.parse_mount(mount) != mountpoints.parse_mount(changed)


@pytest.mark.parametrize("kind", ["npipe", "cluster"])
def test_a_mount_of_another_type_is_refused(kind: str) -> None:
    with pytest.raises(SampanError):
        mountpoints.parse_mount({"Type": kind, "Source": "x", "Target": "/t"})


# Endpoints: moby's api/types/network. What says how an endpoint is, is not for clients to set.

TAKEN: dict[str, Any] = {
    "Links": ["a:b"],
    "Aliases": ["x"],
    "MacAddress": "02:42:ac:11:00:99",
    "GwPriority": 1,
    "IPAMConfig": {"IPv4Address": "10.0.0.1", "IPv6Address": "fd00::1"},
}


def test_what_may_be_set_of_an_endpoint_is_taken() -> None:
    assert settings.normalise(TAKEN) == TAKEN


@pytest.mark.parametrize(
    "asked",
    [
        {"IPAMConfig": {"LinkLocalIPs": ["169.254.1.1"]}},
        {"DriverOpts": {"com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1"}},
        {"DriverOpts": {"com.docker.network.endpoint.ifname": "uplink"}},
    ],
)
def test_what_would_not_be_done_for_an_endpoint_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(SampanError):
        settings.normalise(asked)
