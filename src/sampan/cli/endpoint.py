"""Which daemon a command talks to: the host or context that options, environment and config.json choose."""

from __future__ import annotations

import os

from sampan.cli.config import context_name
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


def find_endpoint(
    options: Options, environ: Mapping[str, str], directory: str, config: Mapping[str, Any]
) -> Endpoint:
    """The daemon to talk to; raises CliError where the choice does not resolve."""
    name = context_name(options, environ, config)
    try:
        if name != "default":
            return _of_context(directory, name)
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
        from sampan.cli.sockets import split_address

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


def _of_context(directory: str, name: str) -> Endpoint:
    from sampan.cli.context import store

    docker = (store.load(directory, name).get("Endpoints") or {}).get("docker")
    if docker is None:
        raise CliError(f'docker endpoint not found in context "{name}"')
    skip = bool(docker.get("SkipTLSVerify"))
    files = store.tls_paths(directory, name)
    tls = None
    if files or skip:
        from sampan.cli.tls import TlsFiles

        tls = TlsFiles(files.get("ca", ""), files.get("cert", ""), files.get("key", ""), verify=not skip)
    return Endpoint(parse_host(str(docker.get("Host") or ""), tls is not None), tls)
