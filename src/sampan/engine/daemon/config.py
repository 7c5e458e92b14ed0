"""The daemon's configuration: every setting declared once, with dockerd's names.

engine/daemon/flags.py reads them from the command line, engine/daemon/configfile.py from daemon.json.
"""

# ruff: noqa: RUF009 -- `option` makes dataclass fields; their defaults come from factories

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.daemon.options import (
    DNS_IPS,
    DOMAINS,
    FEATURES,
    INT,
    IP,
    LABELS,
    LIST,
    MIRRORS,
    PAIRS,
    POOLS,
    RUNTIMES,
    SIZE,
    SWITCH,
    TEXT,
    ULIMIT,
    Kind,
    Option,
    go_text,
    list_kind,
    option,
)
from sampan.errors import Invalid
from sampan.paths import CONFIG_FILE, DATA_ROOT, EXEC_ROOT, SOCKET, Paths

# Names of the one there is; the latter two are what Docker's clients and files call theirs.
OWN_RUNTIMES = ("sampan", "runc", "io.containerd.runc.v2")

DEFAULT_TCP_PORT = 2375
DEFAULT_TLS_PORT = 2376


def parse_host(text: str, *, tls: bool = False) -> str:
    """A listening address in full: "unix:///path", "tcp://host:port" or "fd://name".

    Raises Invalid for an unknown protocol or a malformed address.
    """
    host = text.strip()
    proto, sep, address = host.partition("://")
    if not sep:
        proto, address = ("tcp", host) if host else ("unix", "")
    if proto == "unix":
        return f"unix://{address or SOCKET}"
    if proto == "fd":
        return f"fd://{address}"
    if proto != "tcp":
        raise Invalid(f"invalid bind address ({text}): unsupported proto '{proto}'")
    return f"tcp://{_tcp_address(text, address, DEFAULT_TLS_PORT if tls else DEFAULT_TCP_PORT)}"


def _tcp_address(text: str, address: str, default_port: int) -> str:
    if "/" in address:
        raise Invalid(f"invalid bind address ({text}): should not contain a path element")
    host, colon, port = address.rpartition(":")
    if not colon or (address.startswith("[") and address.endswith("]")):
        host, port = address, ""
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise Invalid(f"invalid bind address ({text}): too many colons in address")
    number = port or str(default_port)
    if not number.isascii() or not number.isdigit() or int(number) > 65535:
        raise Invalid(f"invalid bind address ({text}): invalid port '{port}'")
    return f"{host or 'localhost'}:{number}"


def split_host(host: str) -> tuple[str, str, int]:
    """(protocol, path or host name, port) of what `parse_host` returned; port 0 unless tcp."""
    proto, _, address = host.partition("://")
    if proto != "tcp":
        return proto, address, 0
    name, _, port = address.rpartition(":")
    return proto, name.strip("[]"), int(port)


def _valid_host(text: str) -> str:
    parse_host(text)
    return text


# The file's hosts are judged when they are opened, as in dockerd.
HOSTS = Kind("list", list_kind("list", _valid_host).flag, LIST.file, go_text)


@dataclass(frozen=True)
class DaemonConfig:
    """Every setting of one daemon. Fields made by `option` are its flags and its keys in daemon.json."""

    data_root: str = option("data-root", DATA_ROOT, TEXT, "Root directory of persistent state")
    exec_root: str = option("exec-root", EXEC_ROOT, TEXT, "Root directory for execution state files")
    hosts: tuple[str, ...] = option(
        "host", (), HOSTS, "Daemon socket(s) to listen on", key="hosts", short="H", shown=f"unix://{SOCKET}"
    )
    group: str = option("group", "docker", TEXT, "Group for the unix socket", short="G")
    pidfile: str = option("pidfile", "", TEXT, "Path to use for daemon PID file", short="p")
    debug: bool = option("debug", False, SWITCH, "Enable debug mode", short="D", reload=True)
    oom_score_adjust: int = option("oom-score-adjust", -500, INT, "Set the oom_score_adj for the daemon")
    log_level: str = option(
        "log-level", "info", TEXT, 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', short="l"
    )
    log_format: str = option("log-format", "text", TEXT, 'Set the logging format ("text"|"json")')
    log_driver: str = option("log-driver", "json-file", TEXT, "Default driver for container logs")
    log_opts: dict[str, str] = option(
        "log-opt", {}, PAIRS, "Default log driver options for containers", key="log-opts"
    )
    labels: tuple[str, ...] = option(
        "label", (), LABELS, "Set key=value labels to the daemon", key="labels", reload=True
    )
    tls: bool = option("tls", False, SWITCH, "Use TLS; implied by --tlsverify")
    tlsverify: bool = option("tlsverify", False, SWITCH, "Use TLS and verify the remote")
    tlscacert: str = option(
        "tlscacert", "", TEXT, "Trust certs signed only by this CA", shown="~/.docker/ca.pem"
    )
    tlscert: str = option("tlscert", "", TEXT, "Path to TLS certificate file", shown="~/.docker/cert.pem")
    tlskey: str = option("tlskey", "", TEXT, "Path to TLS key file", shown="~/.docker/key.pem")

    bridge: str = option(
        "bridge", "", TEXT, 'Attach containers to a network bridge ("none" disables it)', short="b"
    )
    bip: str = option("bip", "", TEXT, "IPv4 address for the default bridge")
    bip6: str = option("bip6", "", TEXT, "IPv6 address for the default bridge")
    fixed_cidr: str = option("fixed-cidr", "", TEXT, "IPv4 subnet for the default bridge network")
    fixed_cidr_v6: str = option("fixed-cidr-v6", "", TEXT, "IPv6 subnet for the default bridge network")
    default_gateway: str = option(
        "default-gateway", "", IP, "Default gateway IPv4 address for the default bridge"
    )
    default_gateway_v6: str = option(
        "default-gateway-v6", "", IP, "Default gateway IPv6 address for the default bridge"
    )
    ipv6: bool = option("ipv6", False, SWITCH, "Enable IPv6 networking for the default bridge network")
    mtu: int = option(
        "mtu", 0, INT, 'Set the MTU for the default "bridge" network', shown="that of the route out"
    )
    ip: str = option("ip", "0.0.0.0", IP, "Host IP for port publishing from the default bridge network")
    icc: bool = option(
        "icc", True, SWITCH, "Enable inter-container communication for the default bridge network"
    )
    ip_forward: bool = option("ip-forward", True, SWITCH, "Enable IP forwarding in system configuration")
    ip_masq: bool = option("ip-masq", True, SWITCH, "Enable IP masquerading for the default bridge network")
    iptables: bool = option(
        "iptables", True, SWITCH, "Make the rules published ports and NAT need (in nftables)"
    )
    dns: tuple[str, ...] = option("dns", (), DNS_IPS, "DNS server to use")
    dns_opts: tuple[str, ...] = option("dns-opt", (), LIST, "DNS options to use", key="dns-opts")
    dns_search: tuple[str, ...] = option("dns-search", (), DOMAINS, "DNS search domains to use")
    host_gateway_ip: str = option(
        "host-gateway-ip",
        "",
        IP,
        "IP address that the special 'host-gateway' string in --add-host resolves to",
        shown="the address of the default bridge",
    )
    default_address_pools: tuple[tuple[str, int], ...] = option(
        "default-address-pool",
        (),
        POOLS,
        "Default address pools for node specific local networks",
        key="default-address-pools",
    )

    default_runtime: str = option(
        "default-runtime",
        "sampan",
        TEXT,
        "Default OCI runtime for containers (there is only Sampan's own yet)",
        reload=True,
    )
    runtimes: dict[str, dict[str, Any]] = option(
        "add-runtime",
        {},
        RUNTIMES,
        "Register an additional OCI compatible runtime (refused yet)",
        key="runtimes",
        reload=True,
    )
    cgroup_parent: str = option("cgroup-parent", "", TEXT, "Set parent cgroup for all containers")
    exec_opts: tuple[str, ...] = option("exec-opt", (), LIST, "Runtime execution options", key="exec-opts")
    default_cgroupns_mode: str = option(
        "default-cgroupns-mode",
        "",
        TEXT,
        'Default mode for containers cgroup namespace ("host" | "private")',
        shown="private on cgroup v2, else host",
    )
    default_ipc_mode: str = option(
        "default-ipc-mode",
        "private",
        TEXT,
        'Default mode for containers ipc ("shareable" | "private")',
        reload=True,
    )
    default_shm_size: int = option(
        "default-shm-size", 64 << 20, SIZE, "Default shm size for containers", reload=True, shown="64MiB"
    )
    default_ulimits: dict[str, dict[str, Any]] = option(
        "default-ulimit", {}, ULIMIT, "Default ulimits for containers", key="default-ulimits"
    )
    init: bool = option(
        "init", False, SWITCH, "Run an init in the container to forward signals and reap processes"
    )
    no_new_privileges: bool = option(
        "no-new-privileges", False, SWITCH, "Set no-new-privileges by default for new containers"
    )
    seccomp_profile: str = option(
        "seccomp-profile",
        "builtin",
        TEXT,
        'Path to seccomp profile; "unconfined" disables the default profile',
    )
    selinux_enabled: bool = option("selinux-enabled", False, SWITCH, "Enable selinux support")
    userns_remap: str = option("userns-remap", "", TEXT, "User/Group setting for user namespaces")
    cpu_rt_period: int = option(
        "cpu-rt-period", 0, INT, "Limit the CPU real-time period of the parent cgroup, in µs"
    )
    cpu_rt_runtime: int = option(
        "cpu-rt-runtime", 0, INT, "Limit the CPU real-time runtime of the parent cgroup, in µs"
    )

    storage_driver: str = option(
        "storage-driver", "", TEXT, 'Storage driver to use (only "overlay2")', short="s"
    )
    storage_opts: tuple[str, ...] = option(
        "storage-opt",
        (),
        LIST,
        'Storage driver options: sampan.layers is "erofs" or "directory", by default what the kernel can do',
        key="storage-opts",
    )
    registry_mirrors: tuple[str, ...] = option(
        "registry-mirror", (), MIRRORS, "Preferred registry mirror", key="registry-mirrors", reload=True
    )
    insecure_registries: tuple[str, ...] = option(
        "insecure-registry",
        (),
        LIST,
        "Enable insecure registry communication",
        key="insecure-registries",
        reload=True,
    )
    http_proxy: str = option("http-proxy", "", TEXT, "HTTP proxy URL to use for outgoing traffic")
    https_proxy: str = option("https-proxy", "", TEXT, "HTTPS proxy URL to use for outgoing traffic")
    no_proxy: str = option(
        "no-proxy", "", TEXT, "Comma-separated list of hosts for which the proxy is skipped"
    )
    max_concurrent_downloads: int = option(
        "max-concurrent-downloads", 3, INT, "Set the max concurrent downloads", reload=True
    )
    max_concurrent_uploads: int = option(
        "max-concurrent-uploads", 5, INT, "Set the max concurrent uploads", reload=True
    )
    max_download_attempts: int = option(
        "max-download-attempts", 5, INT, "Set the max download attempts for each pull", reload=True
    )
    shutdown_timeout: int = option(
        "shutdown-timeout", 15, INT, "Set the default shutdown timeout", reload=True
    )
    live_restore: bool = option(
        "live-restore", True, SWITCH, "Accepted: containers always outlive the daemon", reload=True
    )
    experimental: bool = option("experimental", False, SWITCH, "Enable experimental features")
    features: dict[str, bool] = option(
        "feature", {}, FEATURES, "Enable feature in the daemon", key="features", reload=True
    )
    metrics_addr: str = option(
        "metrics-addr", "", TEXT, "Set default address and port to serve the metrics api on"
    )

    # Only in daemon.json: `gc`, see engine/buildcache/policies.py.
    builder: dict[str, Any] = field(default_factory=dict)

    config_file: str = CONFIG_FILE
    flags: dict[str, Any] = field(default_factory=dict)  # field -> value of what the command line set
    warnings: tuple[str, ...] = ()

    @property
    def paths(self) -> Paths:
        from pathlib import Path

        return Paths(Path(self.data_root), Path(self.exec_root))

    @property
    def listen(self) -> tuple[str, ...]:
        """The addresses to serve, in full. Raises Invalid for a malformed one from the file."""
        return tuple(parse_host(host, tls=self.use_tls) for host in self.hosts) or (parse_host(""),)

    @property
    def use_tls(self) -> bool:
        return self.tls or self.tlsverify


OPTIONS: tuple[Option, ...] = tuple(
    Option(f.name, flag, key, kind, help, short, reload, shown)
    for f in dataclasses.fields(DaemonConfig)
    if "option" in f.metadata
    for flag, key, kind, help, short, reload, shown in [f.metadata["option"]]
)
BY_KEY = {o.key: o for o in OPTIONS if o.key}
