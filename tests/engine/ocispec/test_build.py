"""What the goldens do not show: user namespaces, cgroup paths, filters, refusals, exec."""

from typing import Any

import pytest

from sampan.engine.ocispec import build as b
from sampan.engine.ocispec import exec, userns
from sampan.errors import Failed, Invalid, SampanError, Unavailable, Unsupported
from sampan.runtime.cgroups import Layout
from tests.engine.ocispec.machines import machine

ID = "f" * 64


def built(
    host_config: dict[str, Any] | None = None, config: dict[str, Any] | None = None, **more: Any
) -> b.Built:
    more.setdefault("host", machine())
    return b.build(b.SpecInputs(ID, "sh", ["-c", "x"], config or {}, host_config or {}, **more))


def test_the_plainest_container_is_confined() -> None:
    found = built()
    linux = found.spec["linux"]
    assert found.seccomp
    assert found.spec["process"]["args"] == ["sh", "-c", "x"]
    assert [entry["type"] for entry in linux["namespaces"]] == ["mount", "network", "uts", "pid", "ipc"]
    assert linux["resources"]["devices"][0] == {"allow": False, "access": "rwm"}
    assert found.cgroup["path"] == f"/sampan/{ID}"
    assert not found.init


def test_a_user_namespace_is_mapped_and_may_write_its_cgroups() -> None:
    found = built({"UsernsMode": "auto"}, users=userns.IdRange(1 << 20))
    linux = found.spec["linux"]
    assert {"type": "user"} in linux["namespaces"]
    assert (
        linux["uidMappings"] == linux["gidMappings"] == [{"containerID": 0, "hostID": 1 << 20, "size": 65536}]
    )
    cgroup = next(m for m in found.spec["mounts"] if m["destination"] == "/sys/fs/cgroup")
    assert "ro" not in cgroup["options"]


def test_a_user_namespace_sees_binds_with_their_owners_on_disk() -> None:
    bind = {"destination": "/v", "type": "bind", "source": "/data", "options": ["bind", "ro"]}
    found = built({}, users=userns.IdRange(1 << 20), mounts=[bind], etc={"/etc/hosts": "/h"})
    options = {mount["destination"]: mount["options"] for mount in found.spec["mounts"]}
    assert options["/v"] == ["bind", "ro", "idmap"] and options["/etc/hosts"][-1] == "ridmap"
    assert bind["options"] == ["bind", "ro"]


def test_joined_ipc_brings_its_shared_memory() -> None:
    found = built(
        {"IpcMode": "container:x"}, joined={"ipc": "/proc/7/ns/ipc"}, shm_namespace="/proc/7/ns/mnt"
    )
    assert {"type": "ipc", "path": "/proc/7/ns/ipc"} in found.spec["linux"]["namespaces"]
    shm = [mount for mount in found.spec["mounts"] if mount["destination"] == "/dev/shm"]
    assert [(mount["type"], mount["source"], mount["namespace"]) for mount in shm] == [
        ("bind", "/dev/shm", "/proc/7/ns/mnt")
    ]


@pytest.mark.parametrize(
    ("parent", "path"),
    [
        ("", f"/sampan/{ID}"),
        ("/a/b", f"/a/b/{ID}"),
        ("a", f"/a/{ID}"),
        ("../../x", f"/x/{ID}"),
        ("/..", f"/{ID}"),
        ("//a//", f"/a/{ID}"),
    ],
)
def test_cgroup_paths_stay_below_the_mount_point(parent: str, path: str) -> None:
    assert built({"CgroupParent": parent}).cgroup["path"] == path


@pytest.mark.parametrize(
    ("host_config", "confined"),
    [
        ({}, True),
        ({"SecurityOpt": ["seccomp=unconfined"]}, False),
        ({"SecurityOpt": ["seccomp:unconfined"]}, False),
        ({"SecurityOpt": ["seccomp=builtin"]}, True),
        ({"Privileged": True}, False),
        ({"Privileged": True, "SecurityOpt": ["seccomp=builtin"]}, True),
        ({"SecurityOpt": ['seccomp={"defaultAction": "SCMP_ACT_ALLOW"}']}, True),
        ({"SecurityOpt": ["seccomp={}"]}, False),
    ],
)
def test_seccomp_applies_unless_told_otherwise(host_config: dict[str, Any], confined: bool) -> None:
    assert (built(host_config).seccomp is not None) is confined


def test_the_daemons_defaults_count_where_the_container_is_silent() -> None:
    defaults = b.Defaults(
        init=True,
        no_new_privileges=True,
        seccomp_profile="unconfined",
        ulimits={
            "nofile": {"Name": "nofile", "Soft": 1, "Hard": 2},
            "core": {"Name": "core", "Soft": -1, "Hard": -1},
        },
        cgroup_parent="/p",
    )
    found = built({"Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}]}, defaults=defaults)
    assert found.init and found.seccomp is None and found.cgroup["path"] == f"/p/{ID}"
    process = found.spec["process"]
    assert process["noNewPrivileges"]
    assert process["rlimits"] == [
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
        {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2},
    ]
    own = {"Init": False, "SecurityOpt": ["no-new-privileges=false", "seccomp=builtin"]}
    found = built(own, defaults=defaults)
    assert not found.init and found.seccomp and not found.spec["process"]["noNewPrivileges"]


def test_a_reaper_is_no_use_in_a_pid_namespace_of_others() -> None:
    assert not built({"Init": True, "PidMode": "host"}).init


def test_apparmor_profiles_are_used_where_there_is_apparmor() -> None:
    with_it = machine(apparmor=frozenset({"docker-default"}))
    chosen = {"SecurityOpt": ["apparmor=mine"]}
    assert "apparmorProfile" not in built(chosen).spec["process"]
    assert built(chosen, host=with_it).spec["process"]["apparmorProfile"] == "mine"
    assert built(host=with_it).spec["process"]["apparmorProfile"] == "docker-default"
    assert built({"Privileged": True}, host=with_it).spec["process"]["apparmorProfile"] == "unconfined"


def test_a_directory_given_as_device_gives_every_node_below() -> None:
    mapping = {"PathOnHost": "/dev/net", "PathInContainer": "/dev/n", "CgroupPermissions": "rw"}
    linux = built({"Devices": [mapping]}).spec["linux"]
    assert [device["path"] for device in linux["devices"]] == ["/dev/n/tun"]
    assert linux["resources"]["devices"][-1] == {
        "allow": True, "type": "c", "major": 10, "minor": 200, "access": "rw"
    }  # fmt: skip


OCI = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create "
)
REFUSED: list[tuple[dict[str, Any], type[SampanError], str]] = [
    ({"SecurityOpt": ["foo"]}, Invalid, 'invalid --security-opt 1: "foo"'),
    ({"SecurityOpt": ["foo=bar"]}, Invalid, 'invalid --security-opt 2: "foo=bar"'),
    ({"SecurityOpt": ["no-new-privileges=x"]}, Invalid, 'invalid --security-opt 2: "no-new-privileges=x"'),
    (
        {"SecurityOpt": ["seccomp=/nope"]},
        Failed,
        "Decoding seccomp profile failed: invalid character '/' looking for beginning of value",
    ),
    ({"SecurityOpt": ["seccomp=[]"]}, Failed, "Decoding seccomp profile failed: not an object"),
    (
        {"SecurityOpt": ['seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": 5}']},
        Failed,
        "Decoding seccomp",
    ),
    (
        {"SecurityOpt": ['seccomp={"defaultAction": "SCMP_ACT_FOO"}']},
        Failed,
        OCI + "failed: string SCMP_ACT_FOO is not a valid action for seccomp: unknown",
    ),
    (
        {"Sysctls": {"foo": "bar"}},
        Failed,
        OCI + 'failed: sysctl "foo" is not in a separate kernel namespace: unknown',
    ),
    (
        {"Sysctls": {"net.core.somaxconn": "1"}, "NetworkMode": "host"},
        Failed,
        OCI + 'failed: sysctl "net.core.somaxconn" not allowed in host network namespace: unknown',
    ),
    (
        {"Sysctls": {"kernel.msgmax": "1"}, "IpcMode": "host"},
        Failed,
        OCI + 'failed: sysctl "kernel.msgmax" is not allowed in the hosts ipc namespace: unknown',
    ),
    (
        {"Sysctls": {"kernel/hostname": "x"}},
        Failed,
        'sysctl "kernel/hostname" is not allowed as it conflicts',
    ),
    ({"CpuShares": -1}, Failed, "shares: invalid argument"),
    ({"Ulimits": [{"Name": "foo"}]}, Failed, OCI + "failed: wrong rlimit value: RLIMIT_FOO: unknown"),
    ({"DeviceCgroupRules": ["x"]}, Failed, "invalid device cgroup rule format: 'x'"),
    (
        {"Devices": [{"PathOnHost": "/nope", "PathInContainer": "/x", "CgroupPermissions": "rwm"}]},
        Failed,
        'error gathering device information while adding custom device "/nope": no such file or directory',
    ),
    ({"BlkioDeviceReadBps": [{"Path": "/nope", "Rate": 5}]}, Failed, "stat /nope: no such file or directory"),
    (
        {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]},
        Unsupported,
        'could not select device driver "" with capabilities: [[gpu]]',
    ),
    ({"CapAdd": ["nope"]}, Invalid, 'invalid CapAdd: unknown capability: "CAP_NOPE"'),
    ({"NetworkMode": "container:x"}, Invalid, "cannot join the network namespace of container:x"),
]


@pytest.mark.parametrize(("host_config", "kind", "message"), REFUSED)
def test_bad_requests_are_refused_in_dockers_words(
    host_config: dict[str, Any], kind: type[SampanError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        built(host_config, {"Hostname": "h"})
    assert message in caught.value.message


def test_exec_inherits_and_overrides() -> None:
    config = {"Hostname": "h", "Env": ["A=1", "B=2"], "User": "app", "WorkingDir": "/w"}
    host_config = {"GroupAdd": ["audio"], "CapDrop": ["ALL"], "OomScoreAdj": 7}
    plain, program = exec.exec_process(config, host_config, {"Cmd": ["id"]}, machine())
    assert plain["user"] == {"username": "app", "additionalGroups": ["audio"]}
    assert (plain["cwd"], plain["oomScoreAdj"], plain["capabilities"]["bounding"]) == ("/w", 7, [])
    assert program
    request = {
        "Cmd": ["id"], "Env": ["B=3", "A"], "User": "1:2", "WorkingDir": "/", "Privileged": True, "Tty": True
    }  # fmt: skip
    own, _ = exec.exec_process(config, host_config, request, machine())
    assert own["user"]["username"] == "1:2" and own["cwd"] == "/" and own["terminal"]
    assert "CAP_SYS_ADMIN" in own["capabilities"]["effective"]
    assert "B=3" in own["env"] and "TERM=xterm" in own["env"] and "A=1" not in own["env"]


def test_ranges_of_ids_are_free_ones_and_run_out() -> None:
    assert userns.choose([]).first == userns.FIRST
    assert userns.choose([userns.FIRST, userns.FIRST + 65536]).first == userns.FIRST + 2 * 65536
    given = userns.delegated(
        "joe:1:2\nsampan:200000:131072\nsampan:x:y\n", "sampan:200000:131072\nsampan:5:6\n"
    )
    assert given == [(200000, 131072)]
    assert userns.choose([200000], given).first == 265536
    with pytest.raises(Unavailable):
        userns.choose([200000, 265536], given)


def test_v2_machines_get_their_layout_along() -> None:
    found = built(host=machine(layout=Layout("/sys/fs/cgroup", {})))
    assert found.cgroup["layout"] == {"unified": "/sys/fs/cgroup", "v1": {}}
