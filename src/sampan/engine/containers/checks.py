"""Rules about a container's config and host config that need no kernel: refused as Docker refuses them.

Limits and namespaces, which depend on the machine, are `engine.spec`'s to judge.
"""

from typing import Any

from sampan.engine.containers import restart
from sampan.engine.daemon.config import OWN_RUNTIMES
from sampan.errors import Invalid
from sampan.specs.docker.ports import parse_host_ports, parse_port
from sampan.specs.docker.signals import deliverable

MILLISECOND = 1_000_000


def check_config(config: dict[str, Any]) -> None:
    """Raises Invalid."""
    working_dir = config.get("WorkingDir") or ""
    if working_dir and not working_dir.startswith("/"):
        raise Invalid(f"the working directory '{working_dir}' is invalid, it needs to be an absolute path")
    if config.get("StopSignal"):
        deliverable(config["StopSignal"])
    for entry in config.get("Env") or ():
        if not entry.partition("=")[0]:
            raise Invalid(f"invalid environment variable: {entry}")
        if "\0" in entry:
            raise Invalid("invalid environment variable: contains a nul byte")
    for word in [*(config.get("Cmd") or ()), *(config.get("Entrypoint") or ())]:
        if "\0" in word:
            raise Invalid("invalid command: contains a nul byte")
    check_hostname(config)
    check_healthcheck(config.get("Healthcheck"))


def check_hostname(config: dict[str, Any]) -> None:
    for name in ("Hostname", "Domainname"):
        value = config.get(name) or ""
        if "\0" in value or "\n" in value or len(value) > 255:
            raise Invalid(f"invalid {name.lower()}: {value!r}")


def check_healthcheck(check: dict[str, Any] | None) -> None:
    if check is None:
        return
    test = check.get("Test")
    if test is not None and not (isinstance(test, list) and all(isinstance(word, str) for word in test)):
        raise Invalid("invalid JSON: Healthcheck.Test must be a list of strings")
    for name in ("Interval", "Timeout", "StartPeriod", "StartInterval"):
        value = check.get(name) or 0
        if not isinstance(value, int):
            raise Invalid(f"invalid JSON: Healthcheck.{name} must be a number")
        if value != 0 and value < MILLISECOND:
            raise Invalid(f"{name} in Healthcheck cannot be less than 1ms")
    retries = check.get("Retries") or 0
    if not isinstance(retries, int) or retries < 0:
        raise Invalid("Retries in Healthcheck cannot be negative")


def check_host_config(host: dict[str, Any], config: dict[str, Any]) -> None:
    """Raises Invalid."""
    restart.check(host["RestartPolicy"], host["AutoRemove"])
    if host["Isolation"] not in ("", "default"):
        raise Invalid(f"Invalid isolation: \"{host['Isolation']}\" - linux only supports 'default'")
    runtime = host.get("Runtime") or ""
    if runtime and runtime not in OWN_RUNTIMES:
        raise Invalid(f"unknown or invalid runtime name: {runtime}")
    for entry in host["ExtraHosts"] or ():
        name, _, address = entry.replace("=", ":", 1).partition(":")
        if not name or not address:
            raise Invalid(f"bad format for add-host: {entry!r}".replace("'", '"'))
    check_ports(host["PortBindings"] or {})
    for port in config.get("ExposedPorts") or {}:
        parse_port(port)
    check_network_mode(host, config)


def check_network_mode(host: dict[str, Any], config: dict[str, Any]) -> None:
    mode = host["NetworkMode"]
    if not mode.startswith("container:"):
        if mode == "host" and host["Links"]:
            raise Invalid(
                "conflicting options: host type networking can't be used with links. "
                "This would result in undefined behavior"
            )
        return
    if not mode.removeprefix("container:"):
        raise Invalid("Invalid network mode: invalid container format container:<name|id>")
    conflicts = (
        (config.get("Hostname"), "hostname and the network mode"),
        (host["Links"], "links and the network mode"),
        (host["Dns"], "dns and the network mode"),
        (host["ExtraHosts"], "custom host-to-IP mapping and the network mode"),
        (config.get("MacAddress"), "mac-address and the network mode"),
        (
            host["PortBindings"] or host["PublishAllPorts"],
            "port publishing and the container type network mode",
        ),
        (config.get("ExposedPorts"), "port exposing and the container type network mode"),
    )
    for given, what in conflicts:
        if given:
            raise Invalid(f"conflicting options: {what}")


def check_ports(bindings: dict[str, Any]) -> None:
    for port, hosts in bindings.items():
        parse_port(port)
        if hosts is None:
            continue
        if not isinstance(hosts, list):
            raise Invalid(f"invalid port binding for {port}")
        for binding in hosts:
            if not isinstance(binding, dict):
                raise Invalid(f"invalid port binding for {port}")
            number = binding.get("HostPort") or ""
            if not isinstance(number, str):
                raise Invalid(f'invalid port specification: "{number}"')
            parse_host_ports(number)
