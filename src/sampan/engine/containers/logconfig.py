"""`HostConfig.LogConfig` -> what the shim needs to write the log. Bounded unless told otherwise.

Docker's json-file grows without end by default; here the default is five files of 10 MB, compressed.
"""

import re
from typing import Any

from sampan.errors import Invalid
from sampan.paths import ContainerPaths
from sampan.runtime.protocol import LogConfig
from sampan.specs.golang.numbers import parse_bool
from sampan.specs.golang.units import from_human_size

DRIVERS = ("json-file", "local", "none")
COMMON = frozenset({"max-size", "max-file", "compress", "mode", "max-buffer-size"})
OPTIONS = {
    "json-file": COMMON | {"labels", "labels-regex", "env", "env-regex", "tag"},
    "local": COMMON | {"labels", "labels-regex", "env", "env-regex", "tag"},
    "none": frozenset(),
}  # fmt: skip
DEFAULT_SIZE = 10_000_000
DEFAULT_FILES = 5


def merge_log_config(given: dict[str, Any] | None, driver: str, options: dict[str, str]) -> dict[str, Any]:
    """The daemon's defaults apply to containers that do not choose a driver of their own."""
    given = given or {}
    kind = given.get("Type") or driver
    own = given.get("Config") or {}
    if not isinstance(kind, str) or not isinstance(own, dict):
        raise Invalid("invalid JSON: LogConfig must have a Type and a Config")
    return {"Type": kind, "Config": {**(options if kind == driver else {}), **own}}


def check_log_config(config: dict[str, Any]) -> None:
    """Raises Invalid in Docker's words."""
    driver = config["Type"]
    if driver not in DRIVERS:
        raise Invalid(f'error looking up logging plugin {driver}: plugin "{driver}" not found')
    options = config["Config"]
    for name, value in options.items():
        if name not in OPTIONS[driver]:
            raise Invalid(f"unknown log opt '{name}' for {driver} log driver")
        if not isinstance(value, str):
            raise Invalid(f"invalid value for log opt '{name}'")
    size(options.get("max-size", ""))
    count = files(options.get("max-file", ""))
    if driver == "json-file" and count > 1 and options.get("max-size") == "-1" and "max-file" in options:
        raise Invalid("max-file cannot be used without max-size")
    compressed(options)
    if options.get("mode", "") not in ("", "blocking", "non-blocking"):
        raise Invalid(f"logger: logging mode not supported: {options['mode']}")


def size(text: str) -> int:
    """Bytes; 0 for "-1", Docker's word for unlimited. Raises Invalid."""
    if text == "":
        return DEFAULT_SIZE
    if text == "-1":
        return 0
    try:
        found = from_human_size(text)
    except Invalid as error:
        raise Invalid(f"invalid value for max-size: {text}: {error.message}") from None
    if found == 0:
        raise Invalid("max-size must be a positive number")
    return found


def compressed(options: dict[str, str]) -> bool:
    """Raises Invalid."""
    try:
        return parse_bool(options.get("compress", "true"))
    except Invalid as error:
        raise Invalid(f"error reading compress log option: {error.message}") from None


def files(text: str) -> int:
    if text == "":
        return DEFAULT_FILES
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Invalid("max-file cannot be less than 1")
    return int(text)


def log_request(config: dict[str, Any], paths: ContainerPaths, attrs: dict[str, str]) -> LogConfig:
    driver, options = config["Type"], config["Config"]
    request: LogConfig = {
        "driver": driver,
        "path": str(paths.local_log if driver == "local" else paths.log) if driver != "none" else "",
        "max_size": size(options.get("max-size", "")),
        "max_file": files(options.get("max-file", "")),
        "compress": compressed(options),
    }
    if attrs:
        request["attrs"] = attrs
    return request


def extra_attrs(config: dict[str, Any], options: dict[str, str]) -> dict[str, str]:
    """Labels and variables the options name, for every line of a json-file. Raises Invalid (bad pattern)."""
    labels: dict[str, str] = config.get("Labels") or {}
    env = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    found: dict[str, str] = {}
    for values, exact, regex in ((labels, "labels", "labels-regex"), (env, "env", "env-regex")):
        for name in filter(None, options.get(exact, "").split(",")):
            if name in values:
                found[name] = values[name]
        if options.get(regex):
            try:
                pattern = re.compile(options[regex])
            except re.error as error:
                raise Invalid(f"invalid value for {regex}: {error}") from None
            found.update({name: value for name, value in values.items() if pattern.search(name)})
    return found
