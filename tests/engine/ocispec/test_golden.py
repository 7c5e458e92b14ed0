"""Our spec of a container is the one Docker 26 makes of the same container, field by field.

golden/*.json hold what `docker inspect` said and what dockerd gave to runc. Where we differ on purpose, the
table below says so.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sampan.engine.ocispec.build import SpecInputs, build
from tests.engine.ocispec.machines import machine

GOLDEN = Path(__file__).parent / "golden"
ETC = {f"/etc/{name}": f"/data/{name}" for name in ("resolv.conf", "hostname", "hosts")}
# Sorted or left out before comparing: order without meaning, and what Docker writes for "not set".
DIFFERENCES = {
    # --init: our own reaper is PID 1, nothing is mounted for it.
    "init": ("mounts/sbin/docker-init", "process/args"),
    # A shareable /dev/shm is the container's own tmpfs: nothing is mounted on the host.
    "ipcshare": ("mounts/dev/shm",),
    "ipccont": ("mounts/dev/shm/namespace", "mounts/dev/shm/source"),
}


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_spec_equals_dockers(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    theirs = dict(flat(normalised(golden["spec"])))
    ours = dict(flat(normalised(json.loads(json.dumps(build(inputs(golden)).spec)))))
    allowed = DIFFERENCES.get(name, ())
    found = {
        key: (theirs.get(key), ours.get(key))
        for key in theirs.keys() | ours.keys()
        if theirs.get(key) != ours.get(key) and not any(part in key for part in allowed)
    }
    assert not found


def inputs(golden: dict[str, Any]) -> SpecInputs:
    inspect, spec = golden["inspect"], golden["spec"]
    host_config = inspect["HostConfig"]
    asked = {bind.split(":")[1] for bind in host_config.get("Binds") or ()} | set(
        host_config.get("Tmpfs") or ()
    )
    destinations = {mount["destination"] for mount in spec["mounts"]}
    return SpecInputs(
        id=inspect["Id"],
        path=inspect["Path"],
        args=inspect["Args"],
        config=inspect["Config"],
        host_config=host_config,
        host=machine(),
        mounts=[mount for mount in spec["mounts"] if mount["destination"] in asked],
        etc={name: source for name, source in ETC.items() if name in destinations},
        joined={entry["type"]: entry["path"] for entry in spec["linux"]["namespaces"] if "path" in entry},
        shm_namespace="/proc/7/ns/mnt" if host_config["IpcMode"].startswith("container:") else None,
    )


def normalised(spec: dict[str, Any]) -> dict[str, Any]:
    linux, process = spec["linux"], spec["process"]
    for name in ("cgroupsPath", "seccomp"):
        linux.pop(name, None)
    spec.pop("ociVersion", None)
    spec["root"] = {"readonly": bool(spec["root"].get("readonly"))}
    process.pop("user", None)
    process["env"].sort()
    for name in ("terminal", "noNewPrivileges"):
        process.setdefault(name, False)
    for name in ("maskedPaths", "readonlyPaths", "devices"):
        linux[name] = linux.get(name) or []
    for device in linux["devices"]:
        device.pop("fileMode", None)
    linux["devices"].sort(key=lambda device: device["path"])
    linux["resources"] = resources(linux.get("resources") or {})
    for mount in spec["mounts"]:
        mount["options"] = sorted(mount.get("options") or [])
    return spec


def resources(found: dict[str, Any]) -> dict[str, Any]:
    found.pop("devices", None)
    if (found.get("memory") or {}).get("disableOOMKiller") is False:
        del found["memory"]["disableOOMKiller"]
    if (found.get("cpu") or {}).get("shares") == 0:
        del found["cpu"]["shares"]
    return {name: value for name, value in found.items() if value}


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Leaves by path; members of a list by what names them, so that one more does not shift all others."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item, f"{path}/{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            name = item.get("destination") or item.get("path") or item.get("type") or str(index)
            yield from flat(item, f"{path}/{name.lstrip('/')}")
    else:
        yield path, json.dumps(value)
