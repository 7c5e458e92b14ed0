"""Where a container has its volumes: mounts and block devices."""

from sampan.kube.kinds.core.podspec.paths import descending_path_errors, has_backsteps
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)

_PROPAGATION = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def mounts_errors(container: Object, volumes: dict[str, Object], path: str) -> list[FieldError]:
    """`volumes`: the pod's valid ones by name."""
    mounts = container.get("volumeMounts") or []
    devices = container.get("volumeDevices") or []
    found: list[FieldError] = []
    if mounts:
        paths = {one.get("name", ""): one.get("devicePath", "") for one in devices}
        found += _mount_list_errors(mounts, paths, volumes, container, f"{path}.volumeMounts")
    if devices:
        paths = {one.get("name", ""): one.get("mountPath", "") for one in mounts}
        found += _device_list_errors(devices, paths, volumes, f"{path}.volumeDevices")
    return found


def _mount_list_errors(
    mounts: list[Object], devices: dict[str, str], volumes: dict[str, Object], container: Object, path: str
) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for at, mount in enumerate(mounts):
        name, where = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            found.append(required(f"{path}[{at}].name"))
        if name not in volumes:
            found.append(not_found(f"{path}[{at}].name", name))
        if not where:
            found.append(required(f"{path}[{at}].mountPath"))
        if where in seen:
            found.append(invalid(f"{path}[{at}].mountPath", where, "must be unique"))
        seen.add(where)
        if name in devices:
            found.append(invalid(f"{path}[{at}].name", name, "must not already exist in volumeDevices"))
        if where in devices.values():
            detail = "must not already exist as a path in volumeDevices"
            found.append(invalid(f"{path}[{at}].mountPath", where, detail))
        found += _mount_errors(mount, container, path, f"{path}[{at}]")
    return found


def _mount_errors(mount: Object, container: Object, path: str, own_path: str) -> list[FieldError]:
    found: list[FieldError] = []
    # Upstream leaves out the index of these.
    if sub_path := mount.get("subPath"):
        found += descending_path_errors(sub_path, f"{path}.subPath")
    if expression := mount.get("subPathExpr"):
        if sub_path:
            detail = "subPathExpr and subPath are mutually exclusive"
            found.append(invalid(f"{own_path}.subPathExpr", expression, detail))
        found += descending_path_errors(expression, f"{path}.subPathExpr")
    if (propagation := mount.get("mountPropagation")) is not None:
        found += _propagation_errors(propagation, container, f"{path}.mountPropagation")
    if (recursive := mount.get("recursiveReadOnly")) is not None:
        found += _recursive_errors(recursive, mount, f"{path}.recursiveReadOnly")
    return found


def _propagation_errors(propagation: str, container: Object, path: str) -> list[FieldError]:
    if propagation not in _PROPAGATION:
        return [not_supported(path, propagation, _PROPAGATION)]
    if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        detail = "Bidirectional mount propagation is available only to privileged containers"
        return [forbidden(path, detail)]
    return []


def _recursive_errors(recursive: str, mount: Object, path: str) -> list[FieldError]:
    if recursive not in _RECURSIVE:
        return [not_supported(path, recursive, _RECURSIVE)]
    found: list[FieldError] = []
    if recursive == "Disabled":
        return found
    if not mount.get("readOnly"):
        found.append(forbidden(path, "may only be specified when readOnly is true"))
    if mount.get("mountPropagation") not in (None, "None"):
        detail = "may only be specified when mountPropagation is None or not specified"
        found.append(forbidden(path, detail))
    return found


def _device_list_errors(
    devices: list[Object], mounts: dict[str, str], volumes: dict[str, Object], path: str
) -> list[FieldError]:
    found: list[FieldError] = []
    seen_names: set[str] = set()
    seen_paths: set[str] = set()
    for at, device in enumerate(devices):
        name, where = device.get("name", ""), device.get("devicePath", "")
        found += _device_name_errors(name, seen_names, volumes, f"{path}[{at}].name")
        if not where:
            found.append(required(f"{path}[{at}].devicePath"))
        if where in seen_paths:
            found.append(invalid(f"{path}[{at}].devicePath", where, "must be unique"))
        if has_backsteps(where):
            found.append(invalid(f"{path}[{at}].devicePath", where, "can not contain backsteps ('..')"))
        else:
            seen_paths.add(where)
        if name in mounts:
            found.append(invalid(f"{path}[{at}].name", name, "must not already exist in volumeMounts"))
        if where in mounts.values():
            detail = "must not already exist as a path in volumeMounts"
            found.append(invalid(f"{path}[{at}].devicePath", where, detail))
        if name:
            seen_names.add(name)
    return found


def _device_name_errors(name: str, seen: set[str], volumes: dict[str, Object], path: str) -> list[FieldError]:
    found = [] if name else [required(path)]
    if name in seen:
        found.append(invalid(path, name, "must be unique"))
    volume = volumes.get(name)
    if volume is None:
        found.append(not_found(path, name))
    elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
        detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        found.append(invalid(path, name, detail))
    return found
