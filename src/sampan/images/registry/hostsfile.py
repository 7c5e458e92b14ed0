"""Certificates and mirrors in files: containerd's hosts.toml and Docker's certs.d. Blocks, briefly.

    certs.d/<host[:port]>/hosts.toml      containerd docs/hosts.md: server, [host."URL"] and their options
    certs.d/<host>_<port>_/hosts.toml     the same, for file systems without colons
    certs.d/_default/hosts.toml           for every registry without a directory of its own
    certs.d/<host[:port]>/*.crt           Docker's: authorities; *.cert with *.key: the client's own
    certs.d/hosts.toml                    ours: [registry."*.example.com"] tables, each as a hosts.toml

In the last, the first pattern that matches counts; a registry's own directory goes before it.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sampan.errors import Invalid
from sampan.http.transport import Tls

CAPABILITIES = frozenset({"pull", "resolve", "push"})


@dataclass(frozen=True)
class Host:
    """One server to ask. `url` is without the final slash and without `/v2` unless `override_path`."""

    url: str
    capabilities: frozenset[str] = CAPABILITIES
    tls: Tls = Tls()
    headers: tuple[tuple[str, str], ...] = ()
    override_path: bool = False


@dataclass(frozen=True)
class HostsFile:
    """Mirrors in order, then the server. `server` is None when the file does not name one."""

    mirrors: tuple[Host, ...] = ()
    server: Host | None = None
    options: Host | None = None  # the options beside `server`, for the registry itself when not named
    tls: Tls | None = None  # of Docker's certs.d


def find(directories: Iterable[Path], domain: str) -> HostsFile:
    """What the files say of a registry; nothing when there is none. Raises Invalid for a broken file."""
    directories = tuple(directories)
    for directory in directories:
        for name in _names(domain):
            if (found := directory / name).is_dir():
                return _of_directory(found)
    for directory in directories:
        if (file := directory / "hosts.toml").is_file():
            for pattern, table in (_load(file).get("registry") or {}).items():
                if fnmatchcase(domain, pattern):
                    return _read(table, file)
    for directory in directories:
        if (found := directory / "_default").is_dir():
            return _of_directory(found)
    return HostsFile()


def _names(domain: str) -> list[str]:
    host, colon, port = domain.rpartition(":")
    return [domain, f"{host}_{port}_"] if colon and port.isdigit() else [domain]


def _of_directory(directory: Path) -> HostsFile:
    file = directory / "hosts.toml"
    if file.is_file():
        return _read(_load(file), file)
    authorities = tuple(str(path) for path in sorted(directory.glob("*.crt")))
    client: list[tuple[str, str]] = []
    for certificate in sorted(directory.glob("*.cert")):
        key = certificate.with_suffix(".key")
        if not key.is_file():
            raise Invalid(
                f"missing key {key.name} for client certificate {certificate.name}. "
                "CA certificates must use the extension .crt"
            )
        client.append((str(certificate), str(key)))
    return HostsFile(tls=Tls(authorities=authorities, client=tuple(client)))


def _load(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file}: {error}") from None


def _read(table: Any, file: Path) -> HostsFile:
    try:
        mirrors = tuple(_host(url, options, file) for url, options in (table.get("host") or {}).items())
        own = {key: value for key, value in table.items() if key != "host"}
        server = own.pop("server", None)
        options = _host("https://server.invalid", own, file) if own else None
        return HostsFile(mirrors, _host(server, own, file) if server else None, options)
    except (AttributeError, TypeError, ValueError) as error:
        raise Invalid(f"{file}: {error}") from None


def _host(url: str, options: dict[str, Any], file: Path) -> Host:
    capabilities = frozenset(options.get("capabilities") or CAPABILITIES)
    if unknown := capabilities - CAPABILITIES:
        raise ValueError(f"unknown capability {sorted(unknown)[0]!r}")
    tls = Tls(
        not options.get("skip_verify", False),
        tuple(_path(item, file) for item in _listed(options.get("ca"))),
        tuple(_pair(item, file) for item in _listed(options.get("client"))),
    )
    headers = tuple(
        (name, value) for name, values in (options.get("header") or {}).items() for value in _listed(values)
    )
    return Host(_base(url), capabilities, tls, headers, bool(options.get("override_path", False)))


def _base(url: str) -> str:
    whole = url if "://" in url else f"https://{url}"
    parts = urlsplit(whole)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"invalid host URL {url!r}")
    return whole.rstrip("/")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _path(value: Any, file: Path) -> str:
    if not isinstance(value, str):
        raise ValueError(f"invalid path {value!r}")
    return str(file.parent / value)


def _pair(value: Any, file: Path) -> tuple[str, str]:
    pair = _listed(value)
    if not 1 <= len(pair) <= 2:
        raise ValueError("a client certificate is a path, or a pair of paths: certificate and key")
    return _path(pair[0], file), _path(pair[1], file) if len(pair) == 2 else ""
