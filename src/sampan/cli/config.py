"""Docker's client configuration and contexts, and which daemon they lead to.

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
    from sampan.cli.tls import TlsFiles

DEFAULT_HOST = "unix:///run/sampan.sock"  # sampan.paths.SOCKET, which costs pathlib and dataclasses to import


class Endpoint:
    """Where the daemon is and how to reach it. `default` is true when nobody chose it."""

    def __init__(self, address: str, tls: TlsFiles | None = None, default: bool = False) -> None:
        self.address = address
        self.tls = tls
        self.default = default


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


def find_endpoint(
    options: Options, environ: Mapping[str, str], directory: str, config: Mapping[str, Any]
) -> Endpoint:
    """The daemon to talk to; raises CliError where the choice does not resolve."""
    name = context_name(options, environ, config)
    try:
        if name != "default":
            from sampan.cli.context.store import endpoint

            return endpoint(directory, name)
        hosts = options["host"]
        if len(hosts) > 1:
            raise CliError("specify only one -H")
        chosen = (hosts[0] if hosts else "") or environ.get("SAMPAN_HOST") or environ.get("DOCKER_HOST") or ""
        tls = _tls_files(options, environ, directory)
        return Endpoint(parse_host(chosen, tls is not None), tls, default=not chosen)
    except CliError as error:
        raise CliError(f"Failed to initialize: unable to resolve docker endpoint: {error.message}") from None


def parse_host(host: str, tls: bool = False) -> str:
    """Normalise a -H value; raises CliError for a form it does not know."""
    host = host.strip()
    if not host:
        return DEFAULT_HOST
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = "tcp", host
    if scheme == "unix":
        return f"unix://{rest or DEFAULT_HOST[7:]}"
    if scheme in ("tcp", "http", "https"):
        from sampan.cli.http import split_address

        address, port = split_address(rest)
        named_port = rest.rsplit("]", 1)[-1].split("/", 1)[0].partition(":")[2]
        if named_port and not named_port.isdigit():
            raise CliError(f"invalid bind address format: {host}")
        port = port if named_port else (2376 if tls else 2375)
        shown = f"[{address}]" if ":" in address else address
        return f"tcp://{shown}:{port}"
    raise CliError(f"invalid bind address format: {host}")


def _tls_files(options: Options, environ: Mapping[str, str], directory: str) -> TlsFiles | None:
    verify = (
        bool(options["tlsverify"])
        if "tlsverify" in options.changed
        else bool(environ.get("DOCKER_TLS_VERIFY"))
    )
    if not (options["tls"] or verify):
        return None
    from sampan.cli.tls import TlsFiles

    base = environ.get("DOCKER_CERT_PATH") or directory

    def path(flag: str, name: str, needed: bool) -> str:
        chosen = str(options[flag]).strip("\"'") or os.path.join(base, name)
        if needed or os.path.exists(chosen) or flag in options.changed:
            if not os.path.exists(chosen):
                raise CliError(f"open {chosen}: no such file or directory")
            return chosen
        return ""

    return TlsFiles(
        path("tlscacert", "ca.pem", verify),
        path("tlscert", "cert.pem", False),
        path("tlskey", "key.pem", False),
        verify,
    )
