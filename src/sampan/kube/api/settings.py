"""The API server's options: an option is declared once, as kube-apiserver names it where it has it."""

import argparse
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from sampan.errors import Invalid
from sampan.kube.api import accessoptions, controloptions
from sampan.kube.api.accessoptions import AccessOptions
from sampan.kube.api.runtimeconfig import pairs
from sampan.kube.kinds.core.serviceports import PortRange, parse_range
from sampan.paths import KubePaths
from sampan.specs.golang.duration import SECOND, parse_duration

DESCRIPTION = "The API server of a cluster. `sampan kube up` starts it in the background."


@dataclass(frozen=True)
class Settings:
    paths: KubePaths
    bind_address: str
    port: int
    advertise_address: str
    service_cidrs: tuple[str, ...]
    names: tuple[str, ...]
    store: str
    store_files: tuple[str, str, str]  # authorities, certificate and key, for an etcd by TLS
    modes: tuple[str, ...]
    anonymous: bool
    token_file: str
    fake_nodes: int
    controllers: bool
    scheduler: bool  # in the controllers' process
    scheduler_config: Path | None
    ready: int | None
    issuer: str
    domain: str
    reading: int
    mutating: int
    access: AccessOptions
    manifests: Path | None
    node_ports: PortRange
    runtime_config: dict[str, str]
    shutdown_delay: float  # seconds
    control: tuple[str, ...]  # words of the controllers' command line

    @property
    def url(self) -> str:
        return f"https://{_bracketed(self.reachable)}:{self.port}"

    @property
    def reachable(self) -> str:
        """An address by which this machine reaches the server."""
        address = ipaddress.ip_address(self.bind_address)
        if not address.is_unspecified:
            return self.bind_address
        return "127.0.0.1" if address.version == 4 else "::1"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def parse(argv: list[str]) -> Settings:
    """Ends the process with a message for options that are wrong."""
    parser = _parser()
    options = parser.parse_args(argv)
    return Settings(
        KubePaths(Path(options.data_root), Path(options.exec_root)),
        options.bind_address,
        options.secure_port,
        options.advertise_address or _advertised(options.bind_address),
        tuple(options.service_cluster_ip_range.split(",")),
        tuple(options.tls_san),
        options.store,
        (options.etcd_cafile, options.etcd_certfile, options.etcd_keyfile),
        tuple(options.authorization_mode.split(",")),
        options.anonymous_auth == "true",
        options.token_auth_file,
        options.fake_nodes,
        options.controllers == "true",
        options.scheduler == "true",
        options.scheduler_config,
        options.ready_fd,
        options.service_account_issuer,
        options.cluster_domain,
        options.max_requests_inflight,
        options.max_mutating_requests_inflight,
        accessoptions.read(options),
        options.manifests,
        options.service_node_port_range,
        {key: value for part in options.runtime_config for key, value in part.items()},
        options.shutdown_delay_duration,
        controloptions.read(options),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kube-api", description=DESCRIPTION, allow_abbrev=False)
    add = parser.add_argument
    add("--data-root", default=str(KubePaths().data), help="directory of what survives a reboot")
    add("--exec-root", default=str(KubePaths().exec), help="directory of what does not")
    add("--bind-address", default="0.0.0.0", type=_address, help="address to listen on")
    add("--secure-port", default=6443, type=int, help="port to listen on, with TLS")
    add("--advertise-address", default="", type=_address_or_none, help="address that others are told")
    add("--service-cluster-ip-range", default="10.96.0.0/12", type=_ranges, help="addresses of services")
    add("--service-node-port-range", default="30000-32767", type=_ports, help="ports of Services on nodes")
    text = "group/version=true or false, with commas: what is served; also api/all, api/ga and one resource"
    add("--runtime-config", action="append", default=[], type=pairs, metavar="KEY=VALUE", help=text)
    add("--tls-san", action="append", default=[], help="name or address to be in the certificate")
    add("--store", default="", help="etcd://host:port[,host:port]; without it, a file in the data root")
    add("--etcd-cafile", default="", help="authorities that sign for etcd's members, for TLS")
    add("--etcd-certfile", default="", help="certificate to show to etcd")
    add("--etcd-keyfile", default="", help="its key")
    add("--authorization-mode", default="Node,RBAC", help="authorizers, in their order")
    add("--anonymous-auth", default="true", choices=("true", "false"), help="serve who shows nothing")
    add("--token-auth-file", default="", help="tokens in lines of token,user,uid,groups")
    add("--service-account-issuer", default="https://kubernetes.default.svc.cluster.local")
    add("--cluster-domain", default="cluster.local", help="domain of the names of services")
    add("--max-requests-inflight", default=400, type=int, help="reading requests at once")
    add("--max-mutating-requests-inflight", default=200, type=int, help="writing requests at once")
    text = "for how long requests are served after SIGTERM, while /readyz says no"
    add("--shutdown-delay-duration", default="0s", type=_seconds, help=text)
    accessoptions.declare(add)
    controloptions.declare(add)
    add("--manifests", default=None, type=_directory, help="directory of manifests to apply at start")
    add("--fake-nodes", default=0, type=int, help="number of Ready nodes with nothing behind them")
    add("--controllers", default="true", choices=("true", "false"), help="run the controllers as well")
    add("--scheduler", default="true", choices=("true", "false"), help="run the scheduler with them")
    add("--scheduler-config", default=None, type=_file, help="file with a KubeSchedulerConfiguration")
    add("--ready-fd", default=None, type=int, help=argparse.SUPPRESS)
    return parser


def _ports(text: str) -> PortRange:
    try:
        return parse_range(text.strip())
    except Invalid as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) / SECOND
    except Invalid as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _directory(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a directory")
    return path


def _file(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is no file")
    return path


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IP address") from None


def _address_or_none(text: str) -> str:
    return _address(text) if text else ""


def _ranges(text: str) -> str:
    try:
        found = [ipaddress.ip_network(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if len(found) > 2 or len({one.version for one in found}) != len(found):
        raise argparse.ArgumentTypeError("at most one range of each family is wanted")
    return text


def _advertised(bound: str) -> str:
    """The address of the way out, if the server listens on all."""
    import socket

    if not ipaddress.ip_address(bound).is_unspecified:
        return bound
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # no packet is sent by this
        except OSError:
            return "127.0.0.1"
        return str(sock.getsockname()[0])
