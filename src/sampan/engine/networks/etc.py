"""What each kind of sandbox writes into its container's /etc: decides, and has files.py write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sampan.engine.containers.record import ContainerRecord
from sampan.engine.networks import files, settings
from sampan.engine.networks.links import Link
from sampan.engine.networks.sandbox import Sandbox
from sampan.linux.rtnetlink import Interface
from sampan.network import resolv
from sampan.network.resolv import Overrides
from sampan.paths import Paths


@dataclass(frozen=True)
class StepFiles:
    hosts: str
    resolv_conf: str


@dataclass
class EtcFiles:
    """`dns` are the daemon's own settings, `host_gateways` what --add-host name:host-gateway stands for."""

    paths: Paths
    dns: Overrides
    host_gateways: Callable[[], Sequence[str]]
    host_resolv: files.HostResolv = field(default_factory=files.HostResolv)

    def write(self, record: ContainerRecord, sandbox: Sandbox, links: Sequence[Link]) -> None:
        """Raises Invalid for a bad --add-host."""
        paths = self.paths.container(record.id)
        extra = settings.extra_hosts(record.host_config, self.host_gateways())
        extra += [(link.address, link.hosts_names) for link in links]
        addresses = [address for endpoint in sandbox.endpoints.values() for address in endpoint.addresses]
        files.write_hostname(paths, record.config)
        files.write_hosts(paths, record.config, extra, _texts(addresses))
        self.write_resolv_conf(record, sandbox, "embedded" if sandbox.resolver else "direct")

    def write_for_host(self, record: ContainerRecord, sandbox: Sandbox) -> None:
        """With the host's network come the host's names. Raises Invalid for a bad --add-host."""
        paths = self.paths.container(record.id)
        files.write_hostname(paths, record.config)
        files.copy_host_hosts(paths, settings.extra_hosts(record.host_config, self.host_gateways()))
        self.write_resolv_conf(record, sandbox, "host")

    def share(self, record: ContainerRecord, other: ContainerRecord) -> None:
        files.share(self.paths.container(record.id), self.paths.container(other.id))

    def write_resolv_conf(self, record: ContainerRecord, sandbox: Sandbox, kind: str) -> None:
        wish = files.ResolvWish(
            kind,
            self.host_resolv.get(),
            files.overrides_of(record.host_config, self.dns),
            ipv6=any(endpoint.ipv6 for endpoint in sandbox.endpoints.values()),
        )
        written = record.resolv_conf
        record.resolv_conf = files.write_resolv_conf(self.paths.container(record.id), wish, written)

    def step_files(
        self, kind: str, extra: Sequence[tuple[str, str]], hostname: str, *, ipv6: bool = False
    ) -> StepFiles:
        """For a step of a build; its hosts file names no address of its own, as BuildKit's."""
        host = self.host_resolv.get()
        if kind == "embedded":
            names = resolv.embedded(host, self.dns)
        elif kind == "host":
            names = resolv.overridden(host, self.dns)
        else:
            names = resolv.direct(host, self.dns, ipv6=ipv6)
        hosts = [f"127.0.0.1\tlocalhost {hostname}", "::1\tlocalhost ip6-localhost ip6-loopback"]
        hosts += [f"{address}\t{name}" for address, name in extra]
        return StepFiles("\n".join(hosts) + "\n", "\n".join(resolv.plain(names)) + "\n")

    def upstreams(self, record: ContainerRecord | None) -> Sequence[str]:
        """Whom the embedded resolver asks for a container, or for a step of a build."""
        given = files.overrides_of(record.host_config if record else {}, self.dns)
        return resolv.upstreams(self.host_resolv.get(), given)

    def change_hosts(
        self, record: ContainerRecord, gone: Sequence[Interface], added: Sequence[Interface]
    ) -> None:
        """A connect or disconnect: only the lines of those addresses."""
        files.change_hosts(self.paths.container(record.id), record.config, _texts(gone), _texts(added))

    def relink(self, container: str, names: str, address: str) -> None:
        """A linked container has a new address."""
        path = self.paths.container(container).hosts
        kept = [line for line in files.read(path).splitlines() if not line.endswith("\t" + names)]
        files.write_in_place(path, "\n".join([*kept, f"{address}\t{names}"]) + "\n")


def _texts(addresses: Sequence[Interface]) -> list[str]:
    return [str(address.ip) for address in addresses]
