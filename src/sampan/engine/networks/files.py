"""The files of /etc that networks decide: hostname, hosts, resolv.conf.

They are written in place, as containers have them bind mounted.
"""

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sampan.network import hosts, resolv
from sampan.network.resolv import Note, Overrides, Resolv
from sampan.paths import ContainerPaths

HOST_RESOLV_CONF = "/etc/resolv.conf"
# systemd-resolved's own list, for when /etc/resolv.conf only names its stub, as moby does.
SYSTEMD_RESOLV_CONF = "/run/systemd/resolve/resolv.conf"
HOST_HOSTS = "/etc/hosts"


def write_in_place(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def read(path: Path | str) -> str:
    """Empty when there is none."""
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


@dataclass
class HostResolv:
    """The host's resolv.conf, read again when it changed."""

    _seen: tuple[int, int] | None = None
    _parsed: Resolv = field(default_factory=Resolv)

    def get(self) -> Resolv:
        try:
            status = os.stat(HOST_RESOLV_CONF)
        except OSError:
            return Resolv()
        mark = (status.st_mtime_ns, status.st_ino)
        if mark != self._seen:
            self._seen = mark
            self._parsed = resolv.parse(read(HOST_RESOLV_CONF))
            if self._parsed.nameservers == (resolv.SYSTEMD_STUB,):
                direct = resolv.parse(read(SYSTEMD_RESOLV_CONF))
                self._parsed = direct if direct.nameservers else self._parsed
        return self._parsed


def overrides_of(host_config: Mapping[str, Any], daemon: Overrides) -> Overrides:
    """The container's own settings win over the daemon's, one by one."""
    return Overrides(
        tuple(host_config.get("Dns") or ()) or daemon.nameservers,
        tuple(host_config.get("DnsSearch") or ()) or daemon.search,
        tuple(host_config.get("DnsOptions") or ()) or daemon.options,
    )


def _digest(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def write_hostname(paths: ContainerPaths, config: Mapping[str, Any]) -> None:
    write_in_place(paths.hostname, (config.get("Hostname") or "") + "\n")


def write_hosts(
    paths: ContainerPaths, config: Mapping[str, Any], extra: Iterable[tuple[str, str]], own: Sequence[str]
) -> None:
    names = hosts.own_names(config.get("Hostname") or "", config.get("Domainname") or "")
    write_in_place(paths.hosts, hosts.hosts_file(extra, own, names))


def copy_host_hosts(paths: ContainerPaths, extra: Sequence[tuple[str, str]]) -> None:
    """With the host's network a container has the host's names."""
    text = read(HOST_HOSTS) or hosts.hosts_file((), (), "")
    write_in_place(paths.hosts, hosts.with_added(text, extra))


def change_hosts(
    paths: ContainerPaths, config: Mapping[str, Any], gone: Sequence[str], added: Sequence[str]
) -> None:
    """Take out and add lines of own addresses, leaving what else is in the file."""
    names = hosts.own_names(config.get("Hostname") or "", config.get("Domainname") or "")
    text = hosts.without(read(paths.hosts), gone, names)
    write_in_place(paths.hosts, hosts.with_added(text, [(address, names) for address in added]))


@dataclass(frozen=True)
class ResolvWish:
    """Which resolv.conf a container gets: "embedded", "direct" or, with the host's network, "host"."""

    kind: str
    host: Resolv
    overrides: Overrides
    ipv6: bool = False


def resolv_conf(wish: ResolvWish) -> str:
    given = wish.overrides
    names = (("nameservers", given.nameservers), ("search", given.search), ("options", given.options))
    changed = tuple(name for name, values in names if values)
    own = any(option.startswith("ndots:") for option in given.options)
    ndots = "# Option ndots from: override" if own else ""
    if wish.kind == "embedded":
        external = resolv.upstreams(wish.host, given)
        note = Note(" (internal resolver)", external, changed, ndots or "# Option ndots from: internal")
        return resolv.render(resolv.embedded(wish.host, given), note)
    if wish.kind == "host":
        return resolv.render(resolv.overridden(wish.host, given), Note("", (), changed, ndots))
    note = Note(" (legacy)", (), changed, ndots)
    return resolv.render(resolv.direct(wish.host, given, ipv6=wish.ipv6), note)


def write_resolv_conf(paths: ContainerPaths, wish: ResolvWish, written: str) -> str:
    """Unless the user has edited it since: `written` is what an earlier call returned, "" at first."""
    found = read(paths.resolv_conf)
    # An empty one is no edit: a power failure keeps names of files and forgets what was in them.
    if written and found and _digest(found) != written:
        return written
    text = resolv_conf(wish)
    write_in_place(paths.resolv_conf, text)
    return _digest(text)


def share(own: ContainerPaths, other: ContainerPaths) -> None:
    """Another container's namespace comes with its files: the very same ones, by hard links."""
    for mine, theirs in (
        (own.hostname, other.hostname),
        (own.hosts, other.hosts),
        (own.resolv_conf, other.resolv_conf),
    ):
        mine.unlink(missing_ok=True)
        if theirs.exists():
            os.link(theirs, mine)
        else:
            write_in_place(mine, "")
