"""Which manifest of an index is for a platform. As containerd's platforms package orders them. Pure."""

from collections.abc import Iterable
from typing import Any

from sampan.errors import Failed
from sampan.images.archives import Platform

_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}
_ARM = ("v8", "v7", "v6", "v5")


def acceptable(wanted: Platform) -> list[tuple[str, str]]:
    """(architecture, variant) in order of preference; older variants of a machine run on it."""
    architecture = _ARCHITECTURES.get(wanted.architecture, wanted.architecture)
    if architecture == "amd64":
        level = int(wanted.variant[1:]) if wanted.variant[1:].isdigit() else 1
        return [("amd64", f"v{number}" if number > 1 else "") for number in range(level, 0, -1)]
    if architecture == "arm64":
        return [("arm64", "")]
    if architecture == "arm":
        start = _ARM.index(wanted.variant) if wanted.variant in _ARM else _ARM.index("v7")
        return [("arm", variant) for variant in _ARM[start:]]
    return [(architecture, wanted.variant)]


def normal(document: dict[str, Any]) -> tuple[str, str, str]:
    """(os, architecture, variant) with the variants that mean nothing taken away."""
    architecture = str(document.get("architecture") or "")
    architecture = _ARCHITECTURES.get(architecture, architecture)
    variant = str(document.get("variant") or "")
    if (architecture, variant) in (("arm64", "v8"), ("amd64", "v1")):
        variant = ""
    if (architecture, variant) == ("arm", ""):
        variant = "v7"
    return str(document.get("os") or ""), architecture, variant


def choose(descriptors: Iterable[dict[str, Any]], wanted: Platform) -> dict[str, Any]:
    """The best descriptor for `wanted`. Raises Failed in Docker's words when there is none."""
    found = list(descriptors)
    for architecture, variant in acceptable(wanted):
        for descriptor in found:
            if normal(descriptor.get("platform") or {}) == (wanted.os, architecture, variant):
                return descriptor
    raise Failed(f"no matching manifest for {wanted} in the manifest list entries")


def platforms(descriptors: Iterable[dict[str, Any]]) -> list[str]:
    """What an index offers, for people; attestations left out."""
    names = []
    for descriptor in descriptors:
        platform = descriptor.get("platform") or {}
        if platform.get("os") and platform.get("os") != "unknown":
            parts = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
            names.append("/".join(str(part) for part in parts if part))
    return names


def matches(config: dict[str, Any], wanted: Platform) -> bool:
    """Whether an image with this config is one for `wanted`; a config that says nothing is."""
    if not config.get("os") or not config.get("architecture"):
        return True
    os, architecture, variant = normal(config)
    return os == wanted.os and any(
        architecture == name and (not variant or not wanted.variant or variant == own)
        for name, own in acceptable(wanted)
    )
