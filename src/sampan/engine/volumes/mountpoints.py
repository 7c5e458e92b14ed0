"""What a container's create request says about mounts, as mount points: `-v`, `--mount`, VOLUME. Pure.

A mount point is an entry of Docker's "Mounts" (inspect) plus "Spec", what only the engine needs at start;
`shown` takes it off again. Sentences are moby's (volume/mounts/linux_parser.go), which scripts match.
"""

from collections.abc import Iterable
from typing import Any, NotRequired, TypedDict

from sampan.errors import Invalid
from sampan.specs.golang.json import mistyped
from sampan.specs.golang.path import clean

PROPAGATION = frozenset({"private", "rprivate", "slave", "rslave", "shared", "rshared"})
# Of each of these at most one may stand in a mode.
MODE_FAMILIES = (
    frozenset({"ro", "rw"}),
    PROPAGATION,
    frozenset({"z", "Z"}),
    frozenset({"consistent", "cached", "delegated"}),
    frozenset({"nocopy"}),
)
OPTIONS_OF = {
    "BindOptions": "bind",
    "VolumeOptions": "volume",
    "TmpfsOptions": "tmpfs",
    "ImageOptions": "image",
    "ClusterOptions": "cluster",
}


class Spec(TypedDict):
    """The part of a mount point that inspect does not show."""

    source: NotRequired[str]  # a named volume, as asked for; empty: anonymous
    copy: NotRequired[bool]  # content of the image goes into the volume if that is empty
    create_source: NotRequired[bool]  # -v makes a missing host directory, --mount does not
    non_recursive: NotRequired[bool]
    read_only_non_recursive: NotRequired[bool]
    read_only_force_recursive: NotRequired[bool]
    subpath: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    driver_options: NotRequired[dict[str, str]]
    tmpfs: NotRequired[list[str]]  # mount options
    image: NotRequired[str]  # an image's ID
    lower: NotRequired[list[str]]  # its layers, top-most first


class MountPoint(TypedDict):
    Type: str
    Name: NotRequired[str]
    Source: str
    Destination: str
    Driver: NotRequired[str]
    Mode: str
    RW: bool
    Propagation: str
    Spec: Spec


def shown(points: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """`Mounts` as the API shows them."""
    return [{key: value for key, value in point.items() if key != "Spec"} for point in points]


def parse_bind(raw: str, driver: str = "") -> MountPoint:
    """One entry of HostConfig.Binds: [source:]target[:mode]. Raises Invalid."""
    parts = raw.split(":")
    if len(parts) > 3 or not parts[0]:
        raise Invalid(f"invalid volume specification: '{raw}'")
    source, target, mode = "", parts[0], ""
    if len(parts) > 1:
        source, target = parts[:2]
        if len(parts) == 2 and target and valid_mode(target):
            raise Invalid(f"invalid volume specification: '{raw}'")
        mode = parts[2] if len(parts) == 3 else ""
    if not valid_mode(mode):
        raise Invalid(f"invalid mode: {mode}")
    words = set(mode.split(","))
    mount: dict[str, Any] = {
        "Type": "bind" if source.startswith("/") else "volume",
        "Source": source,
        "Target": target,
        "ReadOnly": "ro" in words,
    }
    if driver and mount["Type"] == "volume":
        mount["VolumeOptions"] = {"DriverConfig": {"Name": driver}}
    if "nocopy" in words:
        mount.setdefault("VolumeOptions", {})["NoCopy"] = True
    if words & PROPAGATION:
        mount["BindOptions"] = {"Propagation": next(iter(words & PROPAGATION))}
    try:
        point = parse_mount(mount)
    except Invalid as error:
        raise Invalid(f"invalid volume specification: '{raw}': {error.message}") from None
    point["Mode"] = mode or point["Mode"]
    if point["Type"] == "bind":
        point["Spec"]["create_source"] = True
    return point


def valid_mode(mode: str) -> bool:
    if not mode:
        return True
    words = mode.split(",")
    return all(any(w in family for family in MODE_FAMILIES) for w in words) and all(
        sum(w in family for w in words) <= 1 for family in MODE_FAMILIES
    )


def parse_mount(mount: dict[str, Any]) -> MountPoint:
    """One entry of HostConfig.Mounts. Raises Invalid.

    Whether a bind's source exists is for the caller to look at (`Spec.create_source` is false then).
    """
    kind = _text(mount, "Type")
    try:
        _check_target(_text(mount, "Target"))
        match kind:
            case "bind":
                return _bind(mount)
            case "volume":
                return _volume(mount)
            case "tmpfs":
                return _tmpfs(mount)
            case "image":
                return _image(mount)
            case _:
                raise Invalid("mount type unknown")
    except Invalid as error:
        raise Invalid(f'invalid mount config for type "{kind}": {error.message}') from None


def check_options(mount: dict[str, Any]) -> None:
    """Options of another type than the mount's own. Raises Invalid."""
    kind = mount.get("Type", "")
    for name, owner in OPTIONS_OF.items():
        if mount.get(name) is not None and kind != owner and kind in OPTIONS_OF.values():
            raise Invalid(f'{name} must not be specified on mount type "{kind}"')


def _text(mount: dict[str, Any], name: str) -> str:
    value = mount.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise mistyped(value, "string", f"Mount.HostConfig.Mounts.{name}", what="invalid JSON")
    return value


def _object(mount: dict[str, Any], name: str) -> dict[str, Any]:
    value = mount.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"field {name} must be an object")
    return value


def _pairs(options: dict[str, Any], name: str) -> dict[str, str]:
    value = _object(options, name)
    if not all(isinstance(item, str) for item in value.values()):
        raise Invalid(f"values of {name} must be strings")
    return dict(value)


def _check_target(target: str) -> None:
    if not target:
        raise Invalid("field Target must not be empty")
    if "\0" in target:
        raise Invalid("field Target must not hold a null character")
    if clean(target) == "/":
        raise Invalid("invalid specification: destination can't be '/'")
    check_absolute(target)


def check_absolute(path: str) -> None:
    if not path.startswith("/"):
        raise Invalid(f"invalid mount path: '{path}' mount path must be absolute")


def _point(mount: dict[str, Any], **more: Any) -> MountPoint:
    point: MountPoint = {
        "Type": mount["Type"],
        "Source": "",
        "Destination": clean(mount["Target"]),
        "Mode": "",
        "RW": not mount.get("ReadOnly"),
        "Propagation": "",
        "Spec": {},
    }
    point.update(more)  # type: ignore[typeddict-item]
    return point


def _bind(mount: dict[str, Any]) -> MountPoint:
    source = _text(mount, "Source")
    if not source:
        raise Invalid("field Source must not be empty")
    options = _object(mount, "BindOptions")
    propagation = options.get("Propagation") or ""
    if propagation and propagation not in PROPAGATION:
        raise Invalid(f"invalid propagation mode: {propagation}")
    if mount.get("VolumeOptions") is not None:
        raise Invalid("field VolumeOptions must not be specified")
    check_absolute(source)
    if "\0" in source:
        raise Invalid("field Source must not hold a null character")
    spec: Spec = {
        "create_source": bool(options.get("CreateMountpoint")),
        "non_recursive": bool(options.get("NonRecursive")),
        "read_only_non_recursive": bool(options.get("ReadOnlyNonRecursive")),
        "read_only_force_recursive": bool(options.get("ReadOnlyForceRecursive")),
    }
    return _point(mount, Source=clean(source), Propagation=propagation or "rprivate", Spec=spec)


def _volume(mount: dict[str, Any]) -> MountPoint:
    if mount.get("BindOptions") is not None:
        raise Invalid("field BindOptions must not be specified")
    source, options = _text(mount, "Source"), _object(mount, "VolumeOptions")
    subpath = options.get("Subpath") or ""
    if not source and mount.get("ReadOnly"):
        raise Invalid("must not set ReadOnly mode when using anonymous volumes")
    if subpath and not source:
        raise Invalid("must not set Subpath when using anonymous volumes")
    if not isinstance(subpath, str) or "\0" in subpath or (subpath and not is_local(subpath)):
        raise Invalid("subpath must be a relative path within the volume")
    driver = _object(options, "DriverConfig")
    spec: Spec = {
        "source": source,
        "copy": not options.get("NoCopy") and not subpath,
        "labels": _pairs(options, "Labels"),
        "driver_options": _pairs(driver, "Options"),
        "subpath": subpath,
    }
    return _point(mount, Name=source, Driver=driver.get("Name") or "local", Mode="z", Spec=spec)


def is_local(path: str) -> bool:
    """Go's filepath.IsLocal: relative, and never above where it starts."""
    return not path.startswith("/") and path != "" and clean(path).split("/")[0] != ".."


def _tmpfs(mount: dict[str, Any]) -> MountPoint:
    if mount.get("BindOptions") is not None:
        raise Invalid("field BindOptions must not be specified")
    if mount.get("Source"):
        raise Invalid("field Source must not be specified")
    options = _object(mount, "TmpfsOptions")
    size, mode = options.get("SizeBytes") or 0, options.get("Mode") or 0
    if not isinstance(size, int) or not isinstance(mode, int):
        raise Invalid("SizeBytes and Mode must be numbers")
    words = [f"mode={mode:o}"] if mode else []
    words += [f"size={size}"] if size else []
    for pair in options.get("Options") or []:
        if not isinstance(pair, list) or not 1 <= len(pair) <= 2 or not all(isinstance(x, str) for x in pair):
            raise Invalid("invalid option array length")
        words.append("=".join(pair))
    return _point(mount, Spec={"tmpfs": merge_tmpfs(words)})


def _image(mount: dict[str, Any]) -> MountPoint:
    source, options = _text(mount, "Source"), _object(mount, "ImageOptions")
    if not source:
        raise Invalid("field Source must not be empty")
    subpath = options.get("Subpath") or ""
    if not isinstance(subpath, str) or "\0" in subpath or (subpath and not is_local(subpath)):
        raise Invalid("subpath must be a relative path within the image")
    return _point(mount, Source=source, RW=False, Spec={"subpath": subpath})


TMPFS_FLAGS = {
    "noexec": "exec", "exec": "noexec", "nosuid": "suid", "suid": "nosuid", "nodev": "dev", "dev": "nodev",
    "ro": "rw", "rw": "ro", "noatime": "atime", "atime": "noatime", "nodiratime": "diratime",
    "diratime": "nodiratime", "relatime": "norelatime", "norelatime": "relatime",
    "strictatime": "nostrictatime", "nostrictatime": "strictatime", "sync": "async", "async": "sync",
    "private": "", "rprivate": "", "slave": "", "rslave": "", "shared": "", "rshared": "",
    "unbindable": "", "runbindable": "", "defaults": "",
}  # fmt: skip
TMPFS_VALUES = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol", "huge"})


def merge_tmpfs(words: Iterable[str]) -> list[str]:
    """A tmpfs' mount options over the defaults noexec, nosuid, nodev; the last of two opposites wins.

    Raises Invalid for one that is not known to be harmless.
    """
    merged: dict[str, str] = {}
    for word in ["noexec", "nosuid", "nodev", *words]:
        name, eq, _ = word.partition("=")
        if eq and name in TMPFS_VALUES:
            merged[name] = word
        elif not eq and word in TMPFS_FLAGS:
            merged.pop(TMPFS_FLAGS[word], None)
            merged[word] = word
        elif word:
            raise Invalid(f'invalid tmpfs option "{name}"' if not eq else f'invalid tmpfs option ["{name}"]')
    merged.pop("defaults", None)
    return list(merged.values())


def anonymous(destination: str, driver: str = "") -> MountPoint:
    """A VOLUME of the image, or an entry of Config.Volumes."""
    path = clean(destination)
    if path == "/" or "\0" in path:
        raise Invalid(
            f"invalid volume specification: '{destination}': invalid specification: destination can't be '/'"
        )
    spec: Spec = {"source": "", "copy": True}
    return {
        "Type": "volume",
        "Name": "",
        "Source": "",
        "Destination": path if path.startswith("/") else "/" + path,
        "Driver": driver or "local",
        "Mode": "",
        "RW": True,
        "Propagation": "",
        "Spec": spec,
    }


def parse_volumes_from(spec: str) -> tuple[str, str]:
    """(container, mode) of one --volumes-from. Raises Invalid."""
    if not spec:
        raise Invalid("volumes-from specification cannot be an empty string")
    ref, colon, mode = spec.partition(":")
    if colon and not valid_mode(mode):
        raise Invalid(f"invalid mode: {mode}")
    # Docker: what it shares with the other container follows from that container's own mounts.
    words = set(mode.split(","))
    if words & (PROPAGATION | {"nocopy"}):
        raise Invalid(f"invalid mode: {mode}")
    return ref, mode or "rw"


def borrowed(point: dict[str, Any], mode: str) -> MountPoint:
    """Another container's mount point, taken over by --volumes-from."""
    spec: Spec = {**point.get("Spec", {}), "copy": False}  # type: ignore[typeddict-item]
    fresh = {**point, "Mode": "", "RW": point["RW"] and "ro" not in mode.split(","), "Spec": spec}
    return fresh  # type: ignore[return-value]


def merge(
    inherited: Iterable[MountPoint],
    binds: Iterable[MountPoint],
    tmpfs: Iterable[str],
    images: Iterable[MountPoint],
) -> list[MountPoint]:
    """All mount points of a container, in Docker's order of precedence. Raises Invalid for a clash.

    `inherited` are volumes-from, `binds` what the request asks for, `tmpfs` the targets of HostConfig.Tmpfs,
    `images` the anonymous volumes, which give way to everything else.
    """
    points = {point["Destination"]: point for point in inherited}
    taken = {clean(target) for target in tmpfs}
    claimed = set(taken)
    for point in binds:
        if point["Destination"] in claimed:
            raise Invalid(f"Duplicate mount point: {point['Destination']}")
        claimed.add(point["Destination"])
        points[point["Destination"]] = point
    for point in images:
        if point["Destination"] not in taken:
            points.setdefault(point["Destination"], point)
    return list(points.values())
