"""daemon.json: its keys, what may not be said twice, what must hold of the whole, and reading it again.

A directive may stand on the command line or in the file, never in both; SIGHUP reads the file again and
takes over the options marked `reload`, as dockerd does.
"""

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import Any

from sampan.engine.buildcache import policies
from sampan.engine.daemon.config import BY_KEY, OPTIONS, OWN_RUNTIMES, DaemonConfig
from sampan.engine.daemon.options import go_text, mistyped, parse_label
from sampan.errors import Invalid
from sampan.paths import CONFIG_FILE

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")
LOG_DRIVERS = ("json-file", "local", "none")
# dockerd knows these keys; here there is nothing for them to change, which is said in the log once.
WITHOUT_EFFECT = {
    "allow-nondistributable-artifacts": "there are no nondistributable layers any more",
    "bridge-accept-fwmark": "the host's firewall decides what is reachable",
    "cdi-spec-dirs": "CDI devices are not supported",
    "containerd": "there is no containerd",
    "containerd-namespace": "there is no containerd",
    "containerd-plugin-namespace": "there is no containerd",
    "cri-containerd": "there is no containerd",
    "default-network-opts": "networks have no default options",
    "init-path": "the init process is built in",
    "ip6tables": "rules are made in one nftables table",
    "network-control-plane-mtu": "there is no swarm",
    "network-diagnostic-port": "there is no swarm",
    "node-generic-resources": "there is no swarm",
    "raw-logs": "the daemon's log has no colours",
    "rootless": "",
    "swarm-default-advertise-addr": "there is no swarm",
    "userland-proxy": "published ports need no proxy process",
    "userland-proxy-path": "published ports need no proxy process",
}
# Settings that have no flag, and are read again at SIGHUP.
FILE_ONLY = ("builder",)
# Leaving these out silently would weaken what the administrator asked for.
REFUSED = {
    "authorization-plugins": "authorization plugins are not supported",
    "api-cors-header": "CORS headers are not supported",
}


@dataclass(frozen=True)
class CommandLine:
    """What flags.py has read: settings, and what to do instead of serving (help, version, validate)."""

    values: dict[str, Any]  # field -> value
    actions: frozenset[str]
    config_file: str | None


def read_file(path: str, *, required: bool) -> dict[str, Any]:
    """daemon.json as an object. Raises Invalid when it is missing but required, or no JSON object."""
    try:
        with open(path, encoding="utf-8-sig") as stream:
            text = stream.read()
    except FileNotFoundError:
        if required:
            raise Invalid(f"open {path}: no such file or directory") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"open {path}: {error}") from None
    if not text.strip():
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"invalid JSON: {error}") from None
    if not isinstance(document, dict):
        raise Invalid("the file must hold one JSON object")
    return document


def settings(document: dict[str, Any], flags: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(field -> value, warnings) of a daemon.json.

    Raises Invalid for unknown keys, conflicts and wrong types.
    """
    flat = {k: v for k, v in document.items() if k != "proxies"}
    proxies = document.get("proxies", {})
    if not isinstance(proxies, dict):
        raise mistyped("proxies", proxies, "config.Proxies")
    flat.update(proxies)
    known = {*BY_KEY, *WITHOUT_EFFECT, *REFUSED, *FILE_ONLY}
    unknown = [key for key in flat if key not in known]
    if unknown:
        raise Invalid("the following directives don't match any configuration option: " + ", ".join(unknown))
    for key in flat:
        if key in REFUSED:
            raise Invalid(f"{key}: {REFUSED[key]}")
    # dockerd merges runtimes from both places.
    conflicts = [
        f"{key}: (from flag: {BY_KEY[key].kind.show(flags[BY_KEY[key].field])}, from file: {go_text(value)})"
        for key, value in flat.items()
        if key in BY_KEY and BY_KEY[key].field in flags and key != "runtimes"
    ]
    if conflicts:
        raise Invalid(
            "the following directives are specified both as a flag and in the configuration file: "
            + ", ".join(conflicts)
        )
    warnings = [f"{key} in the configuration file has no effect: {WITHOUT_EFFECT[key]}"
                for key in flat if WITHOUT_EFFECT.get(key)]  # fmt: skip
    values = {BY_KEY[k].field: BY_KEY[k].kind.file(k, v) for k, v in flat.items() if k in BY_KEY}
    if flat.get("builder") is not None:
        policies.check(flat["builder"])
        values["builder"] = flat["builder"]
    return values, warnings


def load(line: CommandLine) -> DaemonConfig:
    """The whole configuration. Raises Invalid with dockerd's text."""
    path = line.config_file or CONFIG_FILE
    try:
        document = read_file(path, required=line.config_file is not None)
        values, warnings = settings(document, line.values)
    except Invalid as error:
        raise Invalid(f"unable to configure the daemon with file {path}: {error.message}") from None
    runtimes = {**values.get("runtimes", {}), **line.values.get("runtimes", {})}
    merged = {**values, **line.values} | ({"runtimes": runtimes} if runtimes else {})
    config = DaemonConfig(**merged, config_file=path, flags=dict(line.values))
    config = dataclasses.replace(config, warnings=(*warnings, *without_effect(config)))
    try:
        check(config)
    except Invalid as error:
        if not document:
            raise
        raise Invalid(
            f"unable to configure the daemon with file {path}: merged configuration validation from file and "
            f"command line flags failed: {error.message}"
        ) from None
    return _with_tls_defaults(config)


def check(config: DaemonConfig) -> None:
    """What must hold of the merged settings. Raises Invalid."""
    if config.log_level and config.log_level not in LOG_LEVELS:
        raise Invalid(f"invalid logging level: {config.log_level}")
    if config.log_format not in ("", "text", "json"):
        raise Invalid(f"invalid log format: {config.log_format}")
    if config.log_driver not in LOG_DRIVERS:
        raise Invalid(f"logger: no log driver named '{config.log_driver}' is registered")
    if config.storage_driver not in ("", "overlay2", "overlayfs"):
        raise Invalid(f"driver not supported: {config.storage_driver}")
    if config.default_ipc_mode not in ("", "private", "shareable"):
        raise Invalid(
            f'default IPC mode setting ({config.default_ipc_mode}) is invalid; use "shareable" or "private"'
        )
    if config.default_cgroupns_mode not in ("", "private", "host"):
        raise Invalid(
            f"default cgroup namespace mode ({config.default_cgroupns_mode}) is invalid; "
            'use "host" or "private"'
        )
    for name in ("max_concurrent_downloads", "max_concurrent_uploads", "max_download_attempts"):
        if getattr(config, name) < 0:
            raise Invalid(f"invalid {name.replace('_', ' ')}: {getattr(config, name)}")
    if config.userns_remap:
        raise Invalid("userns-remap is not supported: give containers --userns=auto instead")
    if not -1000 <= config.oom_score_adjust <= 1000:
        raise Invalid(f"Invalid value {config.oom_score_adjust}, range for oom score adj is [-1000, 1000]")
    if config.mtu < 0:
        raise Invalid(f"invalid default MTU: {config.mtu}")
    if config.bridge and config.bip:
        raise Invalid("You specified -b & --bip, mutually exclusive options. Please specify only one")
    _check_runtimes(config)
    _check_labels(config.labels)
    for opt in config.exec_opts:
        _check_exec_opt(opt)
    layer_form(config.storage_opts)


def without_effect(config: DaemonConfig) -> list[str]:
    """Settings that are accepted, since they promise nothing about safety, and change nothing."""
    found = []
    if config.selinux_enabled:
        found.append("selinux-enabled has no effect: SELinux labels are accepted and ignored")
    if config.metrics_addr:
        found.append("metrics-addr has no effect: there are no metrics yet")
    if config.cpu_rt_period or config.cpu_rt_runtime:
        found.append("cpu-rt-period and cpu-rt-runtime have no effect on the parent cgroup")
    if any(opt.endswith("=systemd") for opt in config.exec_opts):
        found.append("native.cgroupdriver=systemd has no effect: cgroups are made without systemd's help")
    if any(opt.startswith("overlay") for opt in config.storage_opts):
        found.append("storage-opts of overlay2 have no effect: it needs none")
    if not config.live_restore:
        found.append("live-restore=false has no effect: containers always outlive the daemon")
    return found


def _check_runtimes(config: DaemonConfig) -> None:
    """To take one and run containers on our own after all would break a promise of isolation."""
    if config.runtimes:
        names = ", ".join(sorted(config.runtimes))
        raise Invalid(f"OCI runtimes other than Sampan's own are not supported yet: {names}")
    if config.default_runtime not in OWN_RUNTIMES:
        raise Invalid(f"specified default runtime '{config.default_runtime}' does not exist")


def _check_labels(labels: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    for label in labels:
        parse_label(label)
        name, _, value = label.partition("=")
        if seen.setdefault(name, value) != value:
            raise Invalid(f"conflict labels for {label} and {name}={seen[name]}")


def _check_exec_opt(opt: str) -> None:
    name, eq, value = opt.partition("=")
    if not eq or name.strip().lower() != "native.cgroupdriver":
        raise Invalid(f"invalid exec-opt: {opt}")
    if value not in ("cgroupfs", "systemd"):
        raise Invalid(f"invalid native.cgroupdriver: {value}")


def layer_form(opts: tuple[str, ...]) -> str:
    """What the storage options say about the form of layers: "erofs", "directory" or "". Raises Invalid."""
    form = ""
    for opt in opts:
        name, eq, value = opt.partition("=")
        if name.strip().lower() == "sampan.layers" and value in ("erofs", "directory"):
            form = value
        elif name.strip().lower() == "overlay2.size":
            raise Invalid(
                "Storage Option overlay2.size not supported. Filesystem does not support Project Quota"
            )
        elif not eq or not name.startswith(("overlay.", "overlay2.")):
            raise Invalid(f"invalid storage-opt: {opt}")
    return form


def _with_tls_defaults(config: DaemonConfig) -> DaemonConfig:
    """Certificates default to DOCKER_CERT_PATH or ~/.docker, as dockerd's do."""
    if not config.use_tls:
        return config
    directory = os.environ.get("DOCKER_CERT_PATH") or os.path.join(os.path.expanduser("~"), ".docker")
    return dataclasses.replace(
        config,
        tlscacert=config.tlscacert or (os.path.join(directory, "ca.pem") if config.tlsverify else ""),
        tlscert=config.tlscert or os.path.join(directory, "cert.pem"),
        tlskey=config.tlskey or os.path.join(directory, "key.pem"),
    )


def reload(config: DaemonConfig) -> DaemonConfig:
    """`config` with what the file now says about reloadable options (SIGHUP). Raises Invalid."""
    try:
        values, warnings = settings(
            read_file(config.config_file, required=config.config_file != CONFIG_FILE), config.flags
        )
    except Invalid as error:
        raise Invalid(
            f"unable to configure the daemon with file {config.config_file}: {error.message}"
        ) from None
    changed = {o.field: values[o.field] for o in OPTIONS if o.reload and o.field in values}
    changed["builder"] = values.get("builder", {})
    fresh = dataclasses.replace(config, **changed, warnings=tuple(warnings))
    check(fresh)
    return fresh
