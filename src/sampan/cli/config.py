"""Docker's client configuration, and which context is in use.

<config dir>/config.json                              currentContext, detachKeys, psFormat, proxies ...
<config dir>/contexts/meta/<sha256 of name>/meta.json
<config dir>/contexts/tls/<sha256 of name>/docker/    ca.pem cert.pem key.pem
"""

from __future__ import annotations

import os

from sampan.cli import gojson
from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sampan.cli.flags import Options


def config_dir(options: Options, environ: Mapping[str, str]) -> str:
    if options["config"]:
        return str(options["config"])
    return environ.get("DOCKER_CONFIG") or os.path.join(
        environ.get("HOME") or os.path.expanduser("~"), ".docker"
    )


def read_config(directory: str) -> dict[str, Any]:
    """config.json, or nothing where there is none; a broken one is reported and ignored, as Docker does."""
    path = os.path.join(directory, "config.json")
    try:
        with open(path, "rb") as file:
            value = gojson.loads(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        from sampan.cli.output import warn

        reason = error.strerror if isinstance(error, OSError) else str(error)
        warn(f"WARNING: Error loading config file: {path}: {reason}")
        return {}
    return value if isinstance(value, dict) else {}


def write_config(directory: str, config: Mapping[str, Any]) -> None:
    """Replace config.json whole; where it is a link, what that leads to. Its mode stays."""
    os.makedirs(directory, 0o700, exist_ok=True)
    path = os.path.realpath(os.path.join(directory, "config.json"))
    try:
        mode = os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        mode = 0o600
    replace_file(path, gojson.indent(gojson.dumps(config), "", "\t"), mode)


def replace_file(path: str, text: str, mode: int = 0o600) -> None:
    beside = f"{path}.{os.getpid()}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, path)


def context_name(options: Options, environ: Mapping[str, str], config: Mapping[str, Any]) -> str:
    """The context in use; an explicit host means "default", as in Docker."""
    if options["context"]:
        if options["host"]:
            raise CliError("conflicting options: cannot specify both --host and --context")
        return str(options["context"])
    if options["host"] or environ.get("SAMPAN_HOST") or environ.get("DOCKER_HOST"):
        return "default"
    return environ.get("DOCKER_CONTEXT") or str(config.get("currentContext") or "default")
