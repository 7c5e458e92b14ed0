"""The value of --mount: comma-separated key=value fields, as a Mount of the API."""

from __future__ import annotations

import os

from sampan.cli.opts import csv
from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_bool
from sampan.specs.golang.units import ram_in_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_mount(text: str) -> dict[str, Any]:
    """Raises ValueError as Docker words it."""
    mount: dict[str, Any] = {"Type": "volume", "Source": "", "Target": ""}
    for field in csv.fields(text):
        key, equals, value = field.partition("=")
        key = key.lower()
        if equals:
            _set(mount, key, value, field)
        elif key in ("readonly", "ro"):
            mount["ReadOnly"] = True
        elif key == "volume-nocopy":
            _volume(mount)["NoCopy"] = True
        elif key == "bind-nonrecursive":
            _options(mount, "BindOptions")["NonRecursive"] = True
        else:
            raise ValueError(f"invalid field '{field}' must be a key=value pair")
    _check(mount)
    if not mount["Source"]:
        del mount["Source"]
    return mount


def _options(mount: dict[str, Any], name: str) -> dict[str, Any]:
    options: dict[str, Any] = mount.setdefault(name, {})
    return options


def _volume(mount: dict[str, Any]) -> dict[str, Any]:
    options = _options(mount, "VolumeOptions")
    options.setdefault("DriverConfig", {})
    return options


def _set(mount: dict[str, Any], key: str, value: str, field: str) -> None:
    if key == "type":
        mount["Type"] = value.lower()
    elif key in ("source", "src"):
        mount["Source"] = os.path.abspath(value) if value == "." or value.startswith("./") else value
    elif key in ("target", "dst", "destination"):
        mount["Target"] = value
    elif key in ("readonly", "ro"):
        if _bool(key, value):
            mount["ReadOnly"] = True
    elif key == "consistency":
        mount["Consistency"] = value.lower()
    elif key.startswith("bind-"):
        _set_bind(mount, key, value, field)
    elif key.startswith("volume-"):
        _set_volume(mount, key, value, field)
    elif key == "image-subpath":
        _options(mount, "ImageOptions")["Subpath"] = value
    elif key in ("tmpfs-size", "tmpfs-mode"):
        _set_tmpfs(_options(mount, "TmpfsOptions"), key, value)
    else:
        raise ValueError(f"unexpected key '{key}' in '{field}'")


def _bool(key: str, value: str) -> bool:
    try:
        return parse_bool(value)
    except Invalid:
        raise ValueError(f"invalid value for {key}: {value}") from None


_RECURSIVE = {
    "enabled": "",
    "disabled": "NonRecursive",
    "writable": "ReadOnlyNonRecursive",
    "readonly": "ReadOnlyForceRecursive",
}


def _set_bind(mount: dict[str, Any], key: str, value: str, field: str) -> None:
    if key == "bind-propagation":
        _options(mount, "BindOptions")["Propagation"] = value.lower()
    elif key == "bind-nonrecursive":
        bind = _options(mount, "BindOptions")
        if _bool(key, value):
            bind["NonRecursive"] = True
    elif key == "bind-recursive":
        if value not in _RECURSIVE:
            raise ValueError(
                f'invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")'
            )
        if _RECURSIVE[value]:
            _options(mount, "BindOptions")[_RECURSIVE[value]] = True
    else:
        raise ValueError(f"unexpected key '{key}' in '{field}'")


def _set_volume(mount: dict[str, Any], key: str, value: str, field: str) -> None:
    if key == "volume-nocopy":
        if _bool(key, value):
            _volume(mount)["NoCopy"] = True
        else:
            _volume(mount)
    elif key == "volume-subpath":
        _volume(mount)["Subpath"] = value
    elif key == "volume-driver":
        _volume(mount)["DriverConfig"]["Name"] = value
    elif key == "volume-label":
        name, _, text = value.partition("=")
        _volume(mount).setdefault("Labels", {})[name] = text
    elif key == "volume-opt":
        name, _, text = value.partition("=")
        _volume(mount)["DriverConfig"].setdefault("Options", {})[name] = text
    else:
        raise ValueError(f"unexpected key '{key}' in '{field}'")


def _set_tmpfs(tmpfs: dict[str, Any], key: str, value: str) -> None:
    try:
        if key == "tmpfs-size":
            tmpfs["SizeBytes"] = ram_in_bytes(value)
        elif value.isascii() and value.isdigit():
            tmpfs["Mode"] = int(value, 8)
        else:
            raise ValueError
    except (ValueError, Invalid):
        raise ValueError(f"invalid value for {key}: {value}") from None


def _check(mount: dict[str, Any]) -> None:
    kind = mount["Type"]
    if not kind:
        raise ValueError("type is required")
    if not mount["Target"]:
        raise ValueError("target is required")
    for name, owner in (
        ("VolumeOptions", "volume"),
        ("ImageOptions", "image"),
        ("BindOptions", "bind"),
        ("TmpfsOptions", "tmpfs"),
    ):
        if name in mount and kind != owner:
            raise ValueError(f"cannot mix '{owner}-*' options with mount type '{kind}'")
    bind = mount.get("BindOptions", {})
    if bind.get("ReadOnlyForceRecursive"):
        text = "option 'bind-recursive=readonly' requires '{}' to be specified in conjunction"
        if not mount.get("ReadOnly"):
            raise ValueError(text.format("readonly"))
        if bind.get("Propagation", "") != "rprivate":
            raise ValueError(text.format("bind-propagation=rprivate"))
