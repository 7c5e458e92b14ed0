"""From options to the body of POST /containers/create, as Docker's client fills it in."""

from __future__ import annotations

import os

from sampan.cli.errors import CliError
from sampan.cli.opts.device import is_cdi, parse_device
from sampan.cli.opts.files import environment_lines, label_lines, security_options
from sampan.cli.opts.network import checked as checked_mac
from sampan.cli.opts.network import endpoints
from sampan.cli.opts.ports import parse_exposed, parse_ports
from sampan.cli.opts.values import key_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options


def build(options: Options, image: str, command: list[str]) -> dict[str, Any]:
    """The whole body; raises CliError for what the client can see is wrong."""
    checked_mac(options["mac-address"])
    swappiness = options["memory-swappiness"]
    if swappiness != -1 and not 0 <= swappiness <= 100:
        raise CliError(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    binds, volumes = _volumes(options["volume"])
    exposed, bindings = parse_ports(options["publish"])
    exposed.update({port: {} for port in parse_exposed(options["expose"])})
    body = _config(options, image, command, volumes, exposed)
    body["HostConfig"] = _host_config(options, binds, bindings)
    body["NetworkingConfig"] = {"EndpointsConfig": endpoints(options)}
    return body


def _config(
    options: Options, image: str, command: list[str], volumes: dict[str, Any], exposed: dict[str, Any]
) -> dict[str, Any]:
    attach = options["attach"]
    stdin = "stdin" in attach or options["interactive"]
    labels = label_lines(options["label-file"]) + options["label"]
    environment = environment_lines(options["env-file"]) + options["env"]
    config: dict[str, Any] = {
        "Hostname": options["hostname"],
        "Domainname": options["domainname"],
        "User": options["user"],
        "AttachStdin": stdin,
        "AttachStdout": "stdout" in attach or not attach,
        "AttachStderr": "stderr" in attach or not attach,
        "Tty": options["tty"],
        "OpenStdin": options["interactive"],
        "StdinOnce": bool(options["interactive"] and stdin),
        "Env": _unique(environment) or None,
        "Cmd": command or None,
        "Image": image,
        "Volumes": volumes,
        "WorkingDir": options["workdir"],
        "Entrypoint": [options["entrypoint"]] if "entrypoint" in options.changed else None,
        "OnBuild": None,
        "Labels": key_values(labels),
    }
    if exposed:
        config["ExposedPorts"] = exposed
    if health := _health(options):
        config["Healthcheck"] = health
    if options["stop-signal"]:
        config["StopSignal"] = options["stop-signal"]
    if "stop-timeout" in options.changed:
        config["StopTimeout"] = options["stop-timeout"]
    return config


def _unique(environment: list[str]) -> list[str]:
    """The last value of a name wins and stands where the name first stood."""
    return list({line.partition("=")[0]: line for line in environment}.values())


_HEALTH = (
    ("Interval", "health-interval"),
    ("Timeout", "health-timeout"),
    ("StartPeriod", "health-start-period"),
    ("StartInterval", "health-start-interval"),
    ("Retries", "health-retries"),
)


def _health(options: Options) -> dict[str, Any]:
    given = bool(options["health-cmd"]) or any(options[flag] for _, flag in _HEALTH)
    if options["no-healthcheck"]:
        if given:
            raise CliError("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    health: dict[str, Any] = {"Test": ["CMD-SHELL", options["health-cmd"]]} if options["health-cmd"] else {}
    for field, flag in _HEALTH:
        if options[flag] < 0:
            raise CliError(f"--{flag} cannot be negative")
        if options[flag]:
            health[field] = options[flag]
    return health


def _volumes(specs: list[str]) -> tuple[list[str], dict[str, Any]]:
    """(Binds, Volumes): with a source it is a bind or named volume, without one an anonymous volume."""
    binds: list[str] = []
    volumes: dict[str, Any] = {}
    for spec in specs:
        if not spec:
            raise CliError("invalid empty volume spec")
        source, colon, rest = spec.partition(":")
        if not colon:
            volumes[spec] = {}
        elif source.startswith("."):
            binds.append(f"{os.path.abspath(source)}:{rest}")
        else:
            binds.append(spec)
    return binds, volumes


def _host_config(options: Options, binds: list[str], bindings: dict[str, Any]) -> dict[str, Any]:
    networks = options["network"]
    policy = restart_policy(options["restart"])
    if options["rm"] and policy["Name"] not in ("", "no"):
        raise CliError("conflicting options: cannot specify both --restart and --rm")
    security, masked, readonly = _security(options["security-opt"])
    host: dict[str, Any] = {
        "Binds": binds or None,
        "ContainerIDFile": options["cidfile"],
        "LogConfig": _log_config(options),
        "NetworkMode": networks[0].target if networks else "default",
        "PortBindings": bindings,
        "RestartPolicy": policy,
        "AutoRemove": options["rm"],
        "VolumeDriver": options["volume-driver"],
        "VolumesFrom": options["volumes-from"] or None,
        "ConsoleSize": [0, 0],
        "CapAdd": _capabilities(options["cap-add"]),
        "CapDrop": _capabilities(options["cap-drop"]),
        "CgroupnsMode": _mode(options, "cgroupns", "CGROUP", ("private", "host")),
        "Dns": options["dns"],
        "DnsOptions": options["dns-option"],
        "DnsSearch": options["dns-search"],
        "ExtraHosts": options["add-host"] or None,
        "GroupAdd": options["group-add"] or None,
        "IpcMode": options["ipc"],
        "Cgroup": "",
        "Links": options["link"] or None,
        "OomScoreAdj": options["oom-score-adj"],
        "PidMode": _mode(options, "pid", "PID", ("host",)),
        "Privileged": options["privileged"],
        "PublishAllPorts": options["publish-all"],
        "ReadonlyRootfs": options["read-only"],
        "SecurityOpt": security,
        "UTSMode": _mode(options, "uts", "UTS", ("host",)),
        "UsernsMode": _mode(options, "userns", "USER", ("host", "auto")),
        "ShmSize": options["shm-size"],
        "Isolation": options["isolation"],
        "MaskedPaths": masked,
        "ReadonlyPaths": readonly,
    }
    host.update(_resources(options))
    host.update(_optional(options))
    return host


def _resources(options: Options) -> dict[str, Any]:
    devices = [text for text in options["device"] if not is_cdi(text)]
    cdi = [text for text in options["device"] if is_cdi(text)]
    requests = list(options["gpus"])
    if cdi:
        requests.append(
            {"Driver": "cdi", "Count": 0, "DeviceIDs": cdi, "Capabilities": None, "Options": None}
        )
    ulimits = {limit["Name"]: limit for limit in options["ulimit"]}
    resources = {
        "CpuShares": options["cpu-shares"],
        "Memory": options["memory"],
        "NanoCpus": options["cpus"],
        "CgroupParent": options["cgroup-parent"],
        "BlkioWeight": options["blkio-weight"],
        "BlkioWeightDevice": options["blkio-weight-device"],
        "BlkioDeviceReadBps": options["device-read-bps"],
        "BlkioDeviceWriteBps": options["device-write-bps"],
        "BlkioDeviceReadIOps": options["device-read-iops"],
        "BlkioDeviceWriteIOps": options["device-write-iops"],
        "CpuPeriod": options["cpu-period"],
        "CpuQuota": options["cpu-quota"],
        "CpuRealtimePeriod": options["cpu-rt-period"],
        "CpuRealtimeRuntime": options["cpu-rt-runtime"],
        "CpusetCpus": options["cpuset-cpus"],
        "CpusetMems": options["cpuset-mems"],
        "Devices": [parse_device(text) for text in devices],
        "DeviceCgroupRules": options["device-cgroup-rule"] or None,
        "DeviceRequests": requests or None,
        "MemoryReservation": options["memory-reservation"],
        "MemorySwap": options["memory-swap"],
        "MemorySwappiness": options["memory-swappiness"],
        "OomKillDisable": options["oom-kill-disable"],
        "PidsLimit": options["pids-limit"],
        "Ulimits": [ulimits[name] for name in sorted(ulimits)],
    }
    return resources


def _optional(options: Options) -> dict[str, Any]:
    """Fields Docker's client leaves out when they are empty."""
    fields: dict[str, Any] = {}
    if options["annotation"]:
        fields["Annotations"] = key_values(options["annotation"])
    if options["sysctl"]:
        fields["Sysctls"] = key_values(options["sysctl"])
    if options["storage-opt"]:
        if not all("=" in text for text in options["storage-opt"]):
            raise CliError("invalid storage option")
        fields["StorageOpt"] = key_values(options["storage-opt"])
    if options["tmpfs"]:
        pairs = (text.partition(":") for text in options["tmpfs"])
        fields["Tmpfs"] = {path: settings for path, _, settings in pairs}
    if options["mount"]:
        fields["Mounts"] = options["mount"]
    if options["runtime"]:
        fields["Runtime"] = options["runtime"]
    if "init" in options.changed:
        fields["Init"] = options["init"]
    return fields


def _mode(options: Options, flag: str, kind: str, words: tuple[str, ...]) -> str:
    text = str(options[flag])
    if text in ("", *words) or (
        flag == "pid" and text.startswith("container:") and len(text) > len("container:")
    ):
        return text
    raise CliError(f"--{flag}: invalid {kind} mode")


def _log_config(options: Options) -> dict[str, Any]:
    driver, settings = options["log-driver"], options["log-opt"]
    if driver == "none" and settings:
        raise CliError(f"invalid logging opts for driver {driver}")
    return {"Type": driver, "Config": key_values(settings)}


def restart_policy(text: str) -> dict[str, Any]:
    """NAME[:RETRIES]; raises CliError as Docker words it."""
    name, colon, retries = text.partition(":")
    if colon and not name:
        raise CliError("invalid restart policy format: no policy provided before colon")
    digits = retries[1:] if retries[:1] in ("+", "-") else retries
    if retries and not (digits.isascii() and digits.isdigit()):
        raise CliError("invalid restart policy format: maximum retry count must be an integer")
    return {"Name": name, "MaximumRetryCount": int(retries) if retries else 0}


def _capabilities(names: list[str]) -> list[str] | None:
    """Upper case with the CAP_ prefix, sorted, each once."""
    found = set()
    for name in names:
        upper = name.strip().upper()
        found.add(upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}")
    return sorted(found) or None


def _security(values: list[str]) -> tuple[list[str] | None, list[str] | None, list[str] | None]:
    """(SecurityOpt, MaskedPaths, ReadonlyPaths): systempaths=unconfined unmasks, and is not sent."""
    sent = security_options(values)
    if "systempaths=unconfined" not in sent:
        return sent or None, None, None
    return [text for text in sent if text != "systempaths=unconfined"], [], []
