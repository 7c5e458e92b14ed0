"""Image configs: what a stage takes over from its base, and what the result's document says. Pure."""

import copy
from collections.abc import Mapping
from typing import Any

from sampan.errors import Invalid
from sampan.specs.golang.time import SECOND, parse
from sampan.specs.oci.platform import Platform, normalize

# The fields of docker-image-spec's config; BuildKit drops any other of the base's.
_CONFIG = (
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
    "Healthcheck",
    "OnBuild",
    "StopTimeout",
    "Shell",
)
_DOCUMENT = ("author", "architecture", "os", "variant", "os.version", "os.features")


def inherited_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stage's own copy, without triggers: those were run, or are another stage's."""
    own = {name: copy.deepcopy(config[name]) for name in _CONFIG if config.get(name) and name != "OnBuild"}
    own["Env"] = own.get("Env") or []
    return own


def inherited_document(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: copy.deepcopy(document[name]) for name in _DOCUMENT if document.get(name)}


def final_config(config: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """What is empty is not said, as in the documents that BuildKit writes."""
    final = {name: value for name in _CONFIG if (value := config.get(name))}
    if labels:
        final["Labels"] = {**(final.get("Labels") or {}), **labels}
    return final


def final_document(document: Mapping[str, Any], platform: Platform, explicit: bool) -> dict[str, Any]:
    """`explicit`: the platform was asked for, so the image says that, whatever its base says."""
    final = dict(document)
    if explicit:
        same = (final.get("os"), final.get("architecture")) == (platform.os, platform.architecture)
        final["os"], final["architecture"] = platform.os, platform.architecture
        if platform.variant or not same:
            final["variant"] = platform.variant
        if platform.os_version or not same:
            final["os.version"] = platform.os_version
    shown = normalize(
        Platform(str(final.get("os", "")), str(final.get("architecture", "")), str(final.get("variant", "")))
    )
    final |= {"os": shown.os, "architecture": shown.architecture, "variant": shown.variant}
    return {name: value for name, value in final.items() if value}


def created_seconds(document: Mapping[str, Any]) -> int:
    """When an image was made, in seconds since 1970; 0 when it does not say, or says something earlier."""
    try:
        return max(0, parse(str(document.get("created") or "")) // SECOND)
    except Invalid:
        return 0
