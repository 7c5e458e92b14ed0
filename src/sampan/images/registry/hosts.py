"""Which servers answer for a registry: mirrors in their order, the registry itself last."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sampan.errors import Invalid
from sampan.http.transport import Tls
from sampan.images.registry.hostsfile import CAPABILITIES, Host, HostsFile, find
from sampan.specs.oci.reference import DEFAULT_DOMAIN

HUB = "registry-1.docker.io"
# Docker trusts the loopback without TLS, for registries under development.
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
Purpose = Literal["pull", "resolve", "push"]


@dataclass(frozen=True)
class Endpoint:
    """One server asked for one registry's content. `api` ends in /v2 unless a file said otherwise."""

    api: str
    tls: Tls = field(default_factory=Tls)
    headers: tuple[tuple[str, str], ...] = ()
    origin: bool = True
    namespace: str = ""  # the registry whose content is asked for, told to a mirror as ?ns=

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.api).netloc

    @property
    def secure(self) -> bool:
        """Whether nothing may leave TLS: redirects, tokens, upload locations."""
        return self.api.startswith("https:") and self.tls.verify


@dataclass(frozen=True)
class Hosts:
    """What daemon.json and certs.d say. Files are read at each question, so that a change counts at once."""

    mirrors: tuple[str, ...] = ()  # of Docker Hub
    insecure: tuple[str, ...] = ()  # names, name:port, CIDR
    directories: tuple[Path, ...] = ()

    async def endpoints(self, domain: str, purpose: Purpose) -> list[Endpoint]:
        """In the order they are to be tried. Raises Invalid for a broken file of mirrors."""
        file = find(self.directories, domain)
        found = [self._mirror(host, domain) for host in file.mirrors if purpose in host.capabilities]
        if domain == DEFAULT_DOMAIN and purpose != "push" and not file.mirrors:
            for url in self.mirrors:
                tls = replace(file.tls or Tls(), verify=not await self.is_insecure(urlsplit(url).netloc))
                found.append(Endpoint(f"{url.rstrip('/')}/v2", tls, (), False))
        return [*found, *await self._origin(domain, file, purpose)]

    @staticmethod
    def _mirror(host: Host, domain: str) -> Endpoint:
        return Endpoint(_api(host), host.tls, host.headers, False, domain)

    async def _origin(self, domain: str, file: HostsFile, purpose: Purpose) -> list[Endpoint]:
        if file.server is not None:
            if purpose not in file.server.capabilities:
                return []
            same = urlsplit(file.server.url).netloc in (domain, HUB if domain == DEFAULT_DOMAIN else domain)
            namespace = "" if same else domain
            return [Endpoint(_api(file.server), file.server.tls, file.server.headers, True, namespace)]
        options = file.options or Host("", CAPABILITIES)
        if purpose not in options.capabilities:
            return []
        tls = file.tls or options.tls
        host = HUB if domain == DEFAULT_DOMAIN else domain
        secure = Endpoint(f"https://{host}/v2", tls, options.headers)
        if not await self.is_insecure(domain):
            return [secure]
        # As Docker: TLS with any certificate first, then none.
        unverified = replace(secure, tls=replace(tls, verify=False))
        return [unverified, Endpoint(f"http://{host}/v2", Tls(verify=False), options.headers)]

    async def is_insecure(self, authority: str) -> bool:
        """By name, or because an address of it is in a range that is."""
        if authority == DEFAULT_DOMAIN:
            return False
        host = urlsplit(f"//{authority}").hostname or authority
        if authority in self.insecure or host in self.insecure:
            return True
        networks = [*LOOPBACK, *self._networks()]
        for address in await _addresses(host):
            if any(address in network for network in networks if network.version == address.version):
                return True
        return False

    def _networks(self) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        for text in self.insecure:
            try:
                yield ipaddress.ip_network(text, strict=False)
            except ValueError:
                continue


def _api(host: Host) -> str:
    return host.url if host.override_path or host.url.endswith("/v2") else f"{host.url}/v2"


async def _addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]


def check_authority(domain: str) -> None:
    """Raises Invalid for a registry name no URL can be made of."""
    try:
        parts = urlsplit(f"//{domain}")
        if not parts.hostname or parts.username is not None or (parts.port is not None and parts.port < 1):
            raise ValueError
    except ValueError:
        raise Invalid(f"invalid registry host: {domain}") from None
