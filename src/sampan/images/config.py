"""The image config document: reading one from elsewhere, writing new ones as Docker does. Pure."""

from typing import Any, cast

import orjson

from sampan.errors import Invalid
from sampan.specs.oci.digest import is_digest
from sampan.specs.oci.image import ContainerConfig, History, ImageConfig
from sampan.specs.oci.platform import machine

# The digest of a tar without any entry: two zero blocks. History marks such a layer as empty.
EMPTY_DIFF_ID = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


def empty_container_config() -> ContainerConfig:
    """Go's zero value of container.Config as it is written to JSON."""
    return {
        "Hostname": "",
        "Domainname": "",
        "User": "",
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": False,
        "OpenStdin": False,
        "StdinOnce": False,
        "Env": None,
        "Cmd": None,
        "Image": "",
        "Volumes": None,
        "WorkingDir": "",
        "Entrypoint": None,
        "OnBuild": None,
        "Labels": None,
    }


def dump(config: ImageConfig) -> bytes:
    """Canonical bytes of a config we make: sorted keys, so that equal configs have equal IDs."""
    return orjson.dumps(config, option=orjson.OPT_SORT_KEYS)


def parse(data: bytes) -> ImageConfig:
    """A config document from outside, checked where we rely on it. Raises Invalid."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"invalid image config: {error}") from None
    if not isinstance(document, dict):
        raise Invalid("invalid image config: not an object")
    rootfs = document.get("rootfs")
    if not isinstance(rootfs, dict):
        raise Invalid("invalid image JSON, no RootFS key")
    diff_ids = rootfs.get("diff_ids") or []
    if not isinstance(diff_ids, list) or not all(
        isinstance(item, str) and is_digest(item) for item in diff_ids
    ):
        raise Invalid("invalid image config: bad diff_ids")
    _check(
        document,
        {"architecture": str, "os": str, "created": str, "author": str, "comment": str, "config": dict},
    )
    _check(document, {"history": list, "variant": str, "docker_version": str})
    if not all(isinstance(entry, dict) for entry in document.get("history") or []):
        raise Invalid("invalid image config: bad history")
    for entry in document.get("history") or []:
        _check(entry, {"created": str, "created_by": str, "author": str, "comment": str, "empty_layer": bool})
    _check_container_config(document.get("config") or {})
    return cast(ImageConfig, document)


def _check_container_config(config: dict[str, Any]) -> None:
    _check(config, {"User": str, "WorkingDir": str, "StopSignal": str, "Hostname": str, "Domainname": str})
    _check(config, {"Env": list, "Cmd": list, "Entrypoint": list, "OnBuild": list, "Shell": list})
    _check(config, {"Volumes": dict, "Labels": dict, "ExposedPorts": dict, "Healthcheck": dict, "Tty": bool})
    for name in ("Env", "Cmd", "Entrypoint", "OnBuild", "Shell"):
        if not all(isinstance(item, str) for item in config.get(name) or []):
            raise Invalid(f"invalid image config: {name} is not a list of strings")
    if not all(isinstance(value, str) for value in (config.get("Labels") or {}).values()):
        raise Invalid("invalid image config: Labels is not a map of strings")


def _check(document: dict[str, Any], types: dict[str, type]) -> None:
    for name, kind in types.items():
        value = document.get(name)
        if value is not None and not isinstance(value, kind):
            raise Invalid(f"invalid image config: {name} is not a {kind.__name__}")


def imported(
    config: ContainerConfig,
    diff_id: str,
    *,
    created: str,
    message: str,
    version: str,
    platform: tuple[str, str, str],
) -> ImageConfig:
    """What `docker import` makes: one layer, one line of history."""
    os_name, architecture, variant = platform
    document: ImageConfig = {
        "architecture": architecture,
        "comment": message,
        "config": config,
        "created": created,
        "docker_version": version,
        "history": [{"created": created, "comment": message}],
        "os": os_name,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    if variant:
        document["variant"] = variant  # type: ignore[typeddict-unknown-key]
    if not message:
        del document["comment"], document["history"][0]["comment"]
    if not version:
        del document["docker_version"]
    return document


def committed(
    parent: ImageConfig | None,
    config: ContainerConfig,
    diff_id: str,
    *,
    created: str,
    created_by: str,
    author: str,
    comment: str,
    version: str,
    container: str = "",
    container_config: ContainerConfig | None = None,
) -> ImageConfig:
    """The child of `parent` with one more layer, or only a line of history when that layer is empty."""
    architecture, variant = machine()
    base: dict[str, Any] = dict(parent or {"architecture": architecture, "variant": variant, "os": "linux"})
    empty = diff_id == EMPTY_DIFF_ID
    entry: History = {"created": created}
    if author:
        entry["author"] = author
    if created_by:
        entry["created_by"] = created_by
    if comment:
        entry["comment"] = comment
    if empty:
        entry["empty_layer"] = True
    diff_ids = list((base.get("rootfs") or {}).get("diff_ids") or [])
    document: dict[str, Any] = {
        "architecture": base.get("architecture") or architecture,
        "author": author,
        "config": config,
        "container": container,
        "container_config": container_config,
        "created": created,
        "docker_version": version,
        "history": [*(base.get("history") or []), entry],
        "os": base.get("os") or "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids if empty else [*diff_ids, diff_id]},
    }
    for name in ("variant", "os.version", "os.features"):
        document[name] = base.get(name)
    for name in ("author", "container", "container_config", "variant", "os.version", "os.features"):
        if not document[name]:
            del document[name]
    return cast(ImageConfig, document)
