"""`--change` of commit and import: Dockerfile instructions that alter an image's config. Pure.

Only what touches the config and nothing else; read as the builder reads them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sampan.builder.dockerfile import instructions as df
from sampan.builder.dockerfile.expand import Expander
from sampan.builder.dockerfile.nodes import Reader
from sampan.builder.dockerfile.parse import instruction_of
from sampan.builder.plan.metadata import set_variable
from sampan.builder.plan.paths import joined
from sampan.builder.plan.ports import parse_ports
from sampan.errors import Invalid
from sampan.specs.docker import signals
from sampan.specs.oci.image import ContainerConfig

_SHELL = ["/bin/sh", "-c"]


def apply_changes(config: ContainerConfig, changes: Sequence[str]) -> ContainerConfig:
    """A new config with the instructions applied in order. Raises Invalid in Docker's words."""
    result = cast(ContainerConfig, {**config})
    reader = Reader("\n".join(changes).encode("utf-8", "surrogateescape"), "change")
    own_cmd = False
    for node in list(reader.nodes()):
        name = node.keyword.lower()
        change = _CHANGES.get(name)
        if change is None:
            raise Invalid(f"{node.keyword} is not a valid change command")
        expander = Expander(_variables(result), reader.escape)
        change(result, instruction_of(node).expanded(expander.word), expander)
        own_cmd |= name == "cmd"
        if name == "entrypoint" and not own_cmd:
            # An inherited Cmd belongs to the entrypoint it came with.
            result["Cmd"] = None
    return result


def _variables(config: ContainerConfig) -> Mapping[str, str]:
    pairs = (word.partition("=") for word in config.get("Env") or [])
    return {name: value for name, _, value in pairs}


def _command(config: ContainerConfig, command: df.Cmd | df.Entrypoint) -> list[str]:
    if not command.shell:
        return list(command.args)
    return [*(config.get("Shell") or _SHELL), *command.args]


def _cmd(config: ContainerConfig, cmd: df.Cmd, _: Expander) -> None:
    config["Cmd"] = _command(config, cmd)


def _entrypoint(config: ContainerConfig, entrypoint: df.Entrypoint, _: Expander) -> None:
    config["Entrypoint"] = _command(config, entrypoint) if entrypoint.args else None


def _env(config: ContainerConfig, env: df.Env, _: Expander) -> None:
    variables = list(config.get("Env") or [])
    for pair in env.pairs:
        set_variable(variables, pair.key, pair.value)
    config["Env"] = variables


def _label(config: ContainerConfig, label: df.Label, _: Expander) -> None:
    pairs = {pair.key: pair.value for pair in label.pairs}
    config["Labels"] = {**(config.get("Labels") or {}), **pairs}


def _expose(config: ContainerConfig, expose: df.Expose, expander: Expander) -> None:
    words = [word for port in expose.ports for word in expander.words(port)]
    ports: dict[str, Any] = {port: {} for port in parse_ports(words)}
    config["ExposedPorts"] = {**(config.get("ExposedPorts") or {}), **ports}


def _user(config: ContainerConfig, user: df.User, _: Expander) -> None:
    config["User"] = user.user


def _workdir(config: ContainerConfig, workdir: df.Workdir, _: Expander) -> None:
    config["WorkingDir"] = joined(config.get("WorkingDir") or "/", workdir.path)


def _stop_signal(config: ContainerConfig, stop_signal: df.StopSignal, _: Expander) -> None:
    signals.parse(stop_signal.signal)
    config["StopSignal"] = stop_signal.signal


def _volume(config: ContainerConfig, volume: df.Volume, _: Expander) -> None:
    if not all(volume.paths):
        raise Invalid("VOLUME specified can not be an empty string")
    paths: dict[str, Any] = {path: {} for path in volume.paths}
    config["Volumes"] = {**(config.get("Volumes") or {}), **paths}


def _onbuild(config: ContainerConfig, onbuild: df.Onbuild, _: Expander) -> None:
    config["OnBuild"] = [*(config.get("OnBuild") or []), onbuild.expression]


def _healthcheck(config: ContainerConfig, check: df.Healthcheck, _: Expander) -> None:
    times = {
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
        "Retries": check.retries,
    }
    given = {name: value for name, value in times.items() if value}
    config["Healthcheck"] = cast(Any, {"Test": list(check.test), **given})


_CHANGES: dict[str, Callable[[ContainerConfig, Any, Expander], None]] = {
    "cmd": _cmd,
    "entrypoint": _entrypoint,
    "env": _env,
    "expose": _expose,
    "healthcheck": _healthcheck,
    "label": _label,
    "onbuild": _onbuild,
    "stopsignal": _stop_signal,
    "user": _user,
    "volume": _volume,
    "workdir": _workdir,
}
