"""An image's config under a container's: who wins, field by field (moby: daemon/commit.go merge)."""

from collections.abc import Mapping
from typing import Any

from sampan.errors import Invalid


def merge(config: dict[str, Any], image: Mapping[str, Any]) -> None:
    """Fill `config` (normalised) with what `image` (the "config" of an OCI image) says."""
    for name in ("User", "WorkingDir", "StopSignal"):
        if not config.get(name) and image.get(name):
            config[name] = image[name]
    for name in ("ExposedPorts", "Volumes"):
        if image.get(name):
            config[name] = {**{key: {} for key in image[name]}, **(config.get(name) or {})}
    config["Volumes"] = config.get("Volumes") or None  # Go's nil map, which inspect shows as null
    config["Env"] = merge_env(config.get("Env"), image.get("Env"))
    config["Labels"] = {**(image.get("Labels") or {}), **(config.get("Labels") or {})}
    merge_command(config, image)
    merge_healthcheck(config, image.get("Healthcheck"))
    if not config.get("Shell") and image.get("Shell"):
        config["Shell"] = list(image["Shell"])


def merge_env(own: list[str] | None, image: list[str] | None) -> list[str] | None:
    """The container's variables first, then those of the image it does not set itself."""
    if not own:
        return list(image) if image else own
    names = {entry.partition("=")[0] for entry in own}
    return own + [entry for entry in image or () if entry.partition("=")[0] not in names]


def merge_command(config: dict[str, Any], image: Mapping[str, Any]) -> None:
    # An entrypoint of one's own drops the image's command; an empty list differs from null: it clears.
    if config["Entrypoint"]:
        return
    if not config["Cmd"]:
        config["Cmd"] = list(image["Cmd"]) if image.get("Cmd") else config["Cmd"]
        if image.get("ArgsEscaped"):
            config["ArgsEscaped"] = True
    if config["Entrypoint"] is None and image.get("Entrypoint"):
        config["Entrypoint"] = list(image["Entrypoint"])


def merge_healthcheck(config: dict[str, Any], image: Mapping[str, Any] | None) -> None:
    if not image:
        return
    own = config.get("Healthcheck")
    if own is None:
        config["Healthcheck"] = dict(image)
        return
    for name in ("Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"):
        if not own.get(name) and image.get(name):
            own[name] = image[name]


def command_of(config: dict[str, Any]) -> tuple[str, list[str]]:
    """Docker's Path and Args. Raises Invalid when there is nothing to run."""
    if config["Entrypoint"] == [""]:
        config["Entrypoint"] = None
    words = [*(config["Entrypoint"] or ()), *(config["Cmd"] or ())]
    if not words:
        raise Invalid("no command specified")
    return words[0], words[1:]
