"""What create and update refuse or drop, in the words of Docker 26 on the same requests."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.engine.ocispec import cpuset, resources
from sampan.engine.ocispec.build import SpecInputs, build
from sampan.engine.ocispec.validate import validate
from sampan.errors import Conflict, Invalid, SampanError
from tests.engine.ocispec.machines import machine

MB = 1 << 20
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"Memory": 1000}, "Minimum memory limit allowed is 6MB"),
    (
        {"Memory": 10 * MB, "MemorySwap": 9 * MB},
        "Minimum memoryswap limit should be larger than memory limit, see usage",
    ),
    ({"MemorySwap": 9 * MB}, "You should always set the Memory limit when using Memoryswap limit, see usage"),
    ({"MemorySwappiness": 101}, "Invalid value: 101, valid memory swappiness range is 0-100"),
    ({"MemoryReservation": 100}, "Minimum memory reservation allowed is 6MB"),
    (
        {"Memory": 10 * MB, "MemoryReservation": 20 * MB},
        "Minimum memory limit can not be less than memory reservation limit, see usage",
    ),
    ({"NanoCpus": 3 * 10**9}, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
    ({"NanoCpus": -1}, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
    (
        {"NanoCpus": 10**9, "CpuPeriod": 1000},
        "Conflicting options: Nano CPUs and CPU Period cannot both be set",
    ),
    (
        {"NanoCpus": 10**9, "CpuQuota": 1000},
        "Conflicting options: Nano CPUs and CPU Quota cannot both be set",
    ),
    (
        {"CpuPeriod": 10},
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    ),
    ({"CpuQuota": 10}, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
    ({"CpusetCpus": "0-9"}, "Requested CPUs are not available - requested 0-9, available: 0-1"),
    ({"CpusetCpus": "x"}, "Invalid value x for cpuset cpus: invalid format: x"),
    ({"CpusetMems": "5"}, "Requested memory nodes are not available - requested 5, available: 0"),
    ({"CpusetMems": "x-"}, "Invalid value x- for cpuset mems: invalid format: x-"),
    ({"IOMaximumIOps": 5}, "Invalid QoS settings: linux does not support configuration of maximum IOPs"),
    ({"IpcMode": "foo"}, "invalid IPC mode: foo"),
    ({"IpcMode": "container:"}, "invalid IPC mode: container:"),
    ({"PidMode": "foo"}, "invalid PID mode: foo"),
    ({"UTSMode": "foo"}, "invalid UTS mode: foo"),
    ({"CgroupnsMode": "foo"}, "invalid cgroup namespace mode: foo"),
    ({"ShmSize": -1}, "SHM size can not be less than 0"),
    ({"OomScoreAdj": 2000}, "Invalid value 2000, range for oom score adj is [-1000, 1000]"),
    ({"Tmpfs": {"relative": ""}}, "invalid mount path: 'relative' mount path must be absolute"),
    ({"Tmpfs": {"/": ""}}, "invalid specification: destination can't be '/'"),
    (
        {"Annotations": {"": "x"}},
        "invalid Annotations: the empty string is not permitted as an annotation key",
    ),
    ({"CapAdd": ["foo"]}, 'invalid CapAdd: unknown capability: "CAP_FOO"'),
    ({"SecurityOpt": ["foo"]}, 'invalid --security-opt 1: "foo"'),
    (
        {"UsernsMode": "auto", "NetworkMode": "host"},
        "cannot share the host's network namespace when user namespaces are enabled",
    ),
    (
        {"UsernsMode": "auto", "PidMode": "host"},
        "cannot share the host PID namespace when user namespaces are enabled",
    ),
]


@pytest.mark.parametrize(("host_config", "message"), REFUSED)
def test_impossible_requests_are_refused(host_config: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        validate(host_config, {}, machine())
    assert caught.value.message == message


LACKING = "Your kernel does not support"
WARNED: list[tuple[dict[str, Any], list[str], dict[str, Any]]] = [
    ({}, [], {}),
    ({"MemorySwappiness": -1}, [], {"MemorySwappiness": None}),
    (
        {"OomKillDisable": True},
        [
            "OOM killer is disabled for the container, but no memory limit is set, "
            "this can result in the system running out of resources."
        ],
        {"OomKillDisable": True},
    ),
    ({"CpuPercent": 10}, ["linux does not support CPU percent. Percent discarded."], {"CpuPercent": 0}),
    (
        {"BlkioWeight": 5},
        [f"{LACKING} Block I/O weight or the cgroup is not mounted. Weight discarded."],
        {"BlkioWeight": 0},
    ),
    (
        {"BlkioWeightDevice": [{"Path": "/dev/vda", "Weight": 5}]},
        [f"{LACKING} Block I/O weight_device or the cgroup is not mounted. Weight-device discarded."],
        {"BlkioWeightDevice": []},
    ),
    (
        {"NetworkMode": "host", "PortBindings": {"80/tcp": []}},
        ["Published ports are discarded when using host network mode"],
        {"NetworkMode": "host", "PortBindings": {"80/tcp": []}},
    ),
]


@pytest.mark.parametrize(("host_config", "warnings", "after"), WARNED)
def test_what_the_kernel_lacks_is_dropped_with_a_warning(
    host_config: dict[str, Any], warnings: list[str], after: dict[str, Any]
) -> None:
    assert validate(host_config, {}, machine()) == warnings
    assert host_config == after


def test_without_controllers_limits_go_and_nobody_is_refused() -> None:
    host_config = {"Memory": 64 * MB, "PidsLimit": 5, "CpuShares": 5, "CpuQuota": 5000, "CpusetCpus": "0"}
    warnings = validate(host_config, {}, machine(limits=frozenset()))
    assert len(warnings) == 5
    assert host_config["Memory"] == 0 and host_config["PidsLimit"] is None and host_config["CpusetCpus"] == ""


def test_update_may_set_swap_alone() -> None:
    assert validate({"MemorySwap": 64 * MB}, {}, machine(), update=True) == []


UPDATES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # present, change, HostConfig afterwards, resources to write
    ({}, {}, {}, {}),
    (
        {},
        {"Memory": 100, "MemorySwap": 300},
        {"Memory": 100, "MemorySwap": 300},
        {"memory": {"limit": 100, "swap": 300}},
    ),
    (
        {"Memory": 100, "MemorySwap": 300},
        {"Memory": 200},
        {"Memory": 200, "MemorySwap": 300},
        {"memory": {"limit": 200, "swap": 300}},
    ),
    (
        {"Memory": 100, "MemorySwap": 300},
        {"MemorySwap": -1},
        {"Memory": 100, "MemorySwap": -1},
        {"memory": {"limit": 100, "swap": -1}},
    ),
    ({}, {"NanoCpus": 5 * 10**8}, {"NanoCpus": 5 * 10**8}, {"cpu": {"quota": 50000, "period": 100000}}),
    (
        {"CpuPeriod": 50000},
        {"CpuQuota": 1000},
        {"CpuPeriod": 50000, "CpuQuota": 1000},
        {"cpu": {"quota": 1000, "period": 50000}},
    ),
    ({}, {"PidsLimit": 20}, {"PidsLimit": 20}, {"pids": {"limit": 20}}),
    ({"PidsLimit": 20}, {"PidsLimit": -1}, {"PidsLimit": 0}, {"pids": {"limit": -1}}),
    ({"CpuShares": 5}, {"CpuShares": 0}, {"CpuShares": 5}, {}),
    (
        {},
        {"RestartPolicy": {"Name": "always"}},
        {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}},
        {},
    ),
]


@pytest.mark.parametrize(("present", "change", "after", "written"), UPDATES)
def test_updates_change_what_is_asked(
    present: dict[str, Any], change: dict[str, Any], after: dict[str, Any], written: dict[str, Any]
) -> None:
    result = resources.updated(present, change)
    assert result == after
    assert resources.update_resources(result, change, machine()) == written


CONFLICTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"Memory": 100}, "Memory limit should be smaller than already set memoryswap limit"),
    ({"CpuPeriod": 1000}, {"NanoCpus": 1}, "Nano CPUs cannot be updated as CPU Period has already been set"),
    ({"CpuQuota": 1000}, {"NanoCpus": 1}, "Nano CPUs cannot be updated as CPU Quota has already been set"),
    ({"NanoCpus": 1}, {"CpuPeriod": 1000}, "CPU Period cannot be updated as NanoCPUs has already been set"),
    ({"NanoCpus": 1}, {"CpuQuota": 1000}, "CPU Quota cannot be updated as NanoCPUs has already been set"),
    (
        {"AutoRemove": True},
        {"RestartPolicy": {"Name": "always"}},
        "Restart policy cannot be updated because Auto",
    ),
]


@pytest.mark.parametrize(("present", "change", "message"), CONFLICTS)
def test_updates_in_conflict_with_the_present_are_refused(
    present: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(Conflict, match=message):
        resources.updated(present, change)


@settings(deadline=None)
@given(st.frozensets(st.integers(0, 40), min_size=1))
def test_cpu_lists_are_read(numbers: frozenset[int]) -> None:
    assert cpuset.parse(",".join(map(str, numbers))) == numbers
    assert cpuset.parse(f"{min(numbers)}-{max(numbers)}") >= numbers


@pytest.mark.parametrize("text", ["3-1", "a", "1-", "-1", "1,,2", "0-9999999999", "\u0661"])
def test_malformed_cpu_lists_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid format|out range"):
        cpuset.parse(text)


RESOURCES = "HostConfig.Resources."
GO = "invalid JSON: json: cannot unmarshal "
SHAPES: list[tuple[dict[str, Any], str]] = [
    (
        {"Ulimits": [{"Name": 5}]},
        "number into Go struct field Ulimit.HostConfig.Resources.Ulimits.Name of type string",
    ),
    (
        {"Ulimits": [{"Name": "nofile", "Soft": "x"}]},
        "string into Go struct field Ulimit.HostConfig.Resources.Ulimits.Soft of type int64",
    ),
    (
        {"BlkioDeviceReadBps": [{"Path": "/dev/vda", "Rate": -5}]},
        "number -5 into Go struct field ThrottleDevice."
        + RESOURCES
        + "BlkioDeviceReadBps.Rate of type uint64",
    ),
    (
        {"DeviceRequests": [{"Capabilities": "x"}]},
        "string into Go struct field DeviceRequest."
        + RESOURCES
        + "DeviceRequests.Capabilities of type [][]string",
    ),
    (
        {"BlkioWeight": 70000},
        "number 70000 into Go struct field HostConfig.HostConfig.Resources.BlkioWeight of type uint16",
    ),
]


@pytest.mark.parametrize(("host_config", "message"), SHAPES)
def test_members_of_the_wrong_type_are_refused_in_gos_words(
    host_config: dict[str, Any], message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        validate(host_config, {}, machine())
    assert caught.value.message == GO + message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
MEMBER = st.dictionaries(
    st.sampled_from(
        ["Name", "Soft", "Hard", "Path", "Rate", "Weight", "PathOnHost", "PathInContainer", "Count"]
    ),
    JSON,
)
LISTS = st.dictionaries(
    st.sampled_from(["Ulimits", "Devices", "BlkioWeightDevice", "BlkioDeviceReadBps", "DeviceRequests"]),
    st.lists(MEMBER, max_size=3),
)


@settings(deadline=None)
@given(LISTS)
def test_hostile_lists_are_refused_or_built(host_config: dict[str, Any]) -> None:
    try:
        validate(host_config, {}, machine())
        build(SpecInputs("0" * 64, "sh", [], {}, host_config, machine()))
    except SampanError:
        return
