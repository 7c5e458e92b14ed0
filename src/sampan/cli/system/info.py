"""sampan info: the state of the whole engine."""

from __future__ import annotations

from sampan import __version__
from sampan.cli import gojson
from sampan.cli.config import context_name
from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.inspection import FORMAT_FLAG
from sampan.specs.golang.units import bytes_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    client = {
        "Debug": bool(session.options["debug"]),
        "Version": __version__,
        "Context": context_name(session.options, session.environ, session.config),
        "Plugins": [],
        "Warnings": None,
    }
    source = options["format"]
    failure = ""
    server: dict[str, Any] = {}
    try:
        server = session.client.get("/info").json()
    except CliError as error:
        failure = error.message
        server = {"ServerErrors": [failure]}
    if source == "json":
        print(gojson.dumps({**server, "ClientInfo": client}))
    elif source:
        _templated(server, client, source)
    else:
        print("\n".join(_client_lines(client)))
        print()
        if failure:
            session.warn(f"Server:\nERROR: {failure}\nerrors pretty printing info")
            return 1
        print("\n".join(["Server:", *_server_lines(server), ""]))
        _warnings(session, server)
    return 0


def _templated(server: dict[str, Any], client: dict[str, Any], source: str) -> None:
    from sampan.cli.gotemplate import render_one
    from sampan.cli.gotypes import typed

    try:
        print(render_one(source, "", typed({**server, "ClientInfo": client}, "system.dockerInfo")))
    except CliError as error:
        if error.code == 1:
            print()
        raise


def _client_lines(client: dict[str, Any]) -> list[str]:
    return [
        "Client:",
        f" Version:    {client['Version']}",
        f" Context:    {client['Context']}",
        f" Debug Mode: {_bool(client['Debug'])}",
    ]


def _bool(value: Any) -> str:
    return "true" if value else "false"


def _server_lines(info: dict[str, Any]) -> list[str]:
    lines = [
        f" Containers: {info.get('Containers', 0)}",
        f"  Running: {info.get('ContainersRunning', 0)}",
        f"  Paused: {info.get('ContainersPaused', 0)}",
        f"  Stopped: {info.get('ContainersStopped', 0)}",
        f" Images: {info.get('Images', 0)}",
    ]
    lines += _given(info, (("ServerVersion", "Server Version"),))
    if info.get("Driver"):
        lines.append(f" Storage Driver: {info['Driver']}")
        lines += [f"  {name}: {value}" for name, value in info.get("DriverStatus") or ()]
    lines += _given(
        info,
        (
            ("LoggingDriver", "Logging Driver"),
            ("CgroupDriver", "Cgroup Driver"),
            ("CgroupVersion", "Cgroup Version"),
        ),
    )
    lines += _plugins(info.get("Plugins") or {})
    lines += _runtimes(info)
    lines += _security(info)
    lines += _machine(info)
    lines += _rest(info)
    return lines


def _given(info: dict[str, Any], names: tuple[tuple[str, str], ...]) -> list[str]:
    return [f" {label}: {info[name]}" for name, label in names if info.get(name)]


def _plugins(plugins: dict[str, Any]) -> list[str]:
    lines = [" Plugins:"]
    for kind in ("Volume", "Network", "Authorization", "Log"):
        names = plugins.get(kind)
        if names or kind in ("Volume", "Network", "Log"):
            lines.append(f"  {kind}: {' '.join(names or ())}")
    return lines


def _runtimes(info: dict[str, Any]) -> list[str]:
    lines = []
    swarm = info.get("Swarm") or {}
    if swarm.get("LocalNodeState"):
        lines.append(f" Swarm: {swarm['LocalNodeState']}")
    if info.get("Runtimes"):
        lines.append(f" Runtimes: {' '.join(sorted(info['Runtimes']))}")
        lines.append(f" Default Runtime: {info.get('DefaultRuntime', '')}")
    if info.get("OSType") == "linux":
        lines.append(f" Init Binary: {info.get('InitBinary', '')}")
        for name, label in (
            ("ContainerdCommit", "containerd"),
            ("RuncCommit", "runc"),
            ("InitCommit", "init"),
        ):
            if name in info:
                lines.append(f" {label} version: {(info[name] or {}).get('ID', '')}")
    return lines


def _security(info: dict[str, Any]) -> list[str]:
    """ "name=seccomp,profile=builtin" as a name and its settings below it."""
    options = info.get("SecurityOptions") or ()
    lines = [" Security Options:"] if options else []
    for option in options:
        fields = [field.partition("=") for field in option.split(",")]
        name = next((value for key, _, value in fields if key == "name"), option)
        lines.append(f"  {name}")
        lines += [f"   {key.capitalize()}: {value}" for key, _, value in fields if key != "name"]
    return lines


def _machine(info: dict[str, Any]) -> list[str]:
    lines = _given(
        info,
        (
            ("KernelVersion", "Kernel Version"),
            ("OperatingSystem", "Operating System"),
            ("OSType", "OSType"),
            ("Architecture", "Architecture"),
        ),
    )
    lines.append(f" CPUs: {info.get('NCPU', 0)}")
    lines.append(f" Total Memory: {bytes_size(info.get('MemTotal') or 0)}")
    lines += _given(info, (("Name", "Name"), ("ID", "ID"), ("DockerRootDir", "Docker Root Dir")))
    lines.append(f" Debug Mode: {_bool(info.get('Debug'))}")
    if info.get("Debug"):
        for name, label in (
            ("NFd", "File Descriptors"),
            ("NGoroutines", "Goroutines"),
            ("SystemTime", "System Time"),
            ("NEventsListener", "EventsListeners"),
        ):
            lines.append(f"  {label}: {info.get(name, '')}")
    return lines


def _rest(info: dict[str, Any]) -> list[str]:
    lines = _given(
        info, (("HttpProxy", "HTTP Proxy"), ("HttpsProxy", "HTTPS Proxy"), ("NoProxy", "No Proxy"))
    )
    if info.get("Labels"):
        lines.append(" Labels:")
        lines += [f"  {label}" for label in info["Labels"]]
    lines.append(f" Experimental: {_bool(info.get('ExperimentalBuild'))}")
    registry = info.get("RegistryConfig") or {}
    insecure = [
        name for name, index in (registry.get("IndexConfigs") or {}).items() if not index.get("Secure")
    ]
    insecure += registry.get("InsecureRegistryCIDRs") or []
    if insecure:
        lines.append(" Insecure Registries:")
        lines += [f"  {name}" for name in insecure]
    if registry.get("Mirrors"):
        lines.append(" Registry Mirrors:")
        lines += [f"  {name}" for name in registry["Mirrors"]]
    lines.append(f" Live Restore Enabled: {_bool(info.get('LiveRestoreEnabled'))}")
    if info.get("ProductLicense"):
        lines.append(f" Product License: {info['ProductLicense']}")
    if info.get("DefaultAddressPools"):
        lines.append(" Default Address Pools:")
        lines += [f"   Base: {pool['Base']}, Size: {pool['Size']}" for pool in info["DefaultAddressPools"]]
    return lines


def _warnings(session: Session, info: dict[str, Any]) -> None:
    for warning in info.get("Warnings") or ():
        session.warn(warning)


COMMAND = Command("[OPTIONS]", run, (FORMAT_FLAG,), args=(0, 0))
