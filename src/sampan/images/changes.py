"""`--change` of commit and import: Dockerfile instructions that alter an image's config. Pure.

Only what touches the config and nothing else; words, quotes and messages as BuildKit's dockerfile parser has
them.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from sampan.errors import Invalid
from sampan.images.shellwords import expand, split_words
from sampan.specs.oci_image import ContainerConfig

_SPACE = re.compile(r"[\t\v\f\r ]+")


def apply_changes(config: ContainerConfig, changes: Iterable[str]) -> ContainerConfig:
    """A new config with the instructions applied in order. Raises Invalid in Docker's words."""
    result = cast(ContainerConfig, {**config})
    own_cmd = False
    for text in _instructions("\n".join(changes)):
        words = _SPACE.split(text, maxsplit=1)
        name, rest = words[0], words[1] if len(words) > 1 else ""
        instruction = _INSTRUCTIONS.get(name.lower())
        if instruction is None:
            raise Invalid(f"{name} is not a valid change command")
        instruction(result, rest.strip())
        own_cmd |= name.lower() == "cmd"
        if name.lower() == "entrypoint" and not own_cmd:
            # An inherited Cmd belongs to the entrypoint it came with.
            result["Cmd"] = None
    return result


def _instructions(text: str) -> Iterable[str]:
    """The instructions, continuation lines joined and comments dropped."""
    pending = ""
    for line in text.split("\n"):
        stripped = line.strip() if not pending else line.rstrip()
        if stripped.lstrip().startswith("#") or not stripped:
            continue
        if stripped.endswith("\\"):
            pending += stripped[:-1]
            continue
        yield pending + stripped
        pending = ""
    if pending:
        yield pending


def _variables(config: ContainerConfig) -> dict[str, str]:
    pairs = (word.partition("=") for word in config.get("Env") or [])
    return {name: value for name, _, value in pairs}


def _pairs(config: ContainerConfig, name: str, rest: str) -> list[tuple[str, str]]:
    variables = _variables(config)

    words = split_words(rest)
    if not words:
        raise Invalid(f"{name} requires at least one argument")
    if "=" not in words[0]:
        key, value = _old_form(name, rest)
        return [(expand(key, variables), expand(value, variables))]
    pairs: list[tuple[str, str]] = []
    for word in words:
        if "=" not in word:
            raise Invalid(f'Syntax error - can\'t find = in "{word}". Must be of the form: name=value')
        key, _, value = word.partition("=")
        if not key:
            raise Invalid(f"{name} names can not be blank")
        pairs.append((expand(key, variables), expand(value, variables)))
    return pairs


def _old_form(name: str, rest: str) -> tuple[str, str]:
    """`ENV name the value`: the rest of the line is the value."""
    parts = _SPACE.split(rest, maxsplit=1)
    if len(parts) < 2:
        raise Invalid(f"{name} must have two arguments")
    return parts[0], parts[1]


def _json_list(rest: str) -> list[str] | None:
    """The exec form, or None when it is the shell form."""
    if not rest.startswith("["):
        return None
    try:
        value = json.loads(rest)
    except ValueError:
        return None
    if not isinstance(value, list):
        return None
    if not all(isinstance(item, str) for item in value):
        raise Invalid("when using JSON array syntax, arrays must be comprised of strings only")
    return value


def _command(config: ContainerConfig, rest: str) -> list[str]:
    exec_form = _json_list(rest)
    if exec_form is not None:
        return exec_form
    return [*(config.get("Shell") or ["/bin/sh", "-c"]), *([rest] if rest else [])]


def _cmd(config: ContainerConfig, rest: str) -> None:
    config["Cmd"] = _command(config, rest)


def _entrypoint(config: ContainerConfig, rest: str) -> None:
    config["Entrypoint"] = _command(config, rest) if rest and _json_list(rest) != [] else None


def _env(config: ContainerConfig, rest: str) -> None:
    env = list(config.get("Env") or [])
    for key, value in _pairs(config, "ENV", rest):
        for index, old in enumerate(env):
            if old.partition("=")[0] == key:
                env[index] = f"{key}={value}"
                break
        else:
            env.append(f"{key}={value}")
    config["Env"] = env


def _label(config: ContainerConfig, rest: str) -> None:
    config["Labels"] = {**(config.get("Labels") or {}), **dict(_pairs(config, "LABEL", rest))}


def _expose(config: ContainerConfig, rest: str) -> None:
    variables = _variables(config)
    words = [expand(word, variables) for word in split_words(rest)]
    if not words:
        raise Invalid("EXPOSE requires at least one argument")
    ports = dict(config.get("ExposedPorts") or {})
    for word in words:
        for port in expand_ports(word):
            ports[port] = {}
    config["ExposedPorts"] = ports


def expand_ports(word: str) -> list[str]:
    """`80`, `80/udp`, `8000-8010/tcp` as the keys of ExposedPorts. Raises Invalid."""
    numbers, _, proto = word.partition("/")
    proto = proto.lower() or "tcp"
    address, _, numbers = numbers.rpartition(":")  # ip:host:container: only the container's port counts
    if ":" in address and not _is_address(address.rpartition(":")[0]):
        raise Invalid(f"Invalid ip address: {address.rpartition(':')[0]}")
    if proto not in ("tcp", "udp", "sctp"):
        raise Invalid(f"Invalid proto: {proto}")
    first, dash, last = numbers.partition("-")
    last = last if dash else first
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise Invalid(f"Invalid containerPort: {numbers}")
    low, high = int(first), int(last)
    if not 0 <= low <= high <= 65535:
        raise Invalid(f"Invalid containerPort: {numbers}")
    return [f"{port}/{proto}" for port in range(low, high + 1)]


def _is_address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _user(config: ContainerConfig, rest: str) -> None:
    config["User"] = _single(config, "USER", rest)


def _workdir(config: ContainerConfig, rest: str) -> None:
    path = _single(config, "WORKDIR", rest)
    if not path.startswith("/"):
        path = f"{config.get('WorkingDir') or '/'}/{path}"
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    config["WorkingDir"] = "/" + "/".join(parts)


def _stop_signal(config: ContainerConfig, rest: str) -> None:
    config["StopSignal"] = parse_signal(_single(config, "STOPSIGNAL", rest))


# Between RTMIN and RTMAX lie 30 signals: Go's table counts from both ends to the middle.
_REALTIME = re.compile(r"RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?")


def parse_signal(text: str) -> str:
    """The signal as given, checked to be one. Raises Invalid."""
    import signal

    name = text.upper().removeprefix("SIG")
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        known = int(text) != 0
    else:
        known = f"SIG{name}" in signal.Signals.__members__ or _REALTIME.fullmatch(name) is not None
    if not known:
        raise Invalid(f"invalid signal: {text}")
    return text


def _single(config: ContainerConfig, name: str, rest: str) -> str:
    """The rest of the line is one argument, blanks and all."""
    if not rest:
        raise Invalid(f"{name} requires exactly one argument")
    return expand(rest, _variables(config))


def _volume(config: ContainerConfig, rest: str) -> None:
    exec_form = _json_list(rest)
    variables = _variables(config)
    words = [expand(word, variables) for word in (split_words(rest) if exec_form is None else exec_form)]
    if not words:
        raise Invalid("VOLUME requires at least one argument")
    volumes = dict(config.get("Volumes") or {})
    for word in words:
        if not word.strip():
            raise Invalid("VOLUME specified can not be an empty string")
        volumes[word.strip()] = {}
    config["Volumes"] = volumes


def _onbuild(config: ContainerConfig, rest: str) -> None:
    if not rest:
        raise Invalid("ONBUILD requires at least one argument")
    trigger = _SPACE.split(rest, maxsplit=1)[0].upper()
    if trigger == "ONBUILD":
        raise Invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("MAINTAINER", "FROM"):
        raise Invalid(f"{trigger} isn't allowed as an ONBUILD trigger")
    config["OnBuild"] = [*(config.get("OnBuild") or []), rest]


_HEALTH_FLAGS = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}


def _healthcheck(config: ContainerConfig, rest: str) -> None:
    health: dict[str, Any] = {}
    while match := re.match(r"--([a-z-]+)(?:=(\S*))?\s*", rest):
        name, value = match[1], match[2]
        if name in _HEALTH_FLAGS:
            if interval := _interval(name, value or ""):
                health[_HEALTH_FLAGS[name]] = interval
        elif name == "retries":
            if retries := _retries(value or ""):
                health["Retries"] = retries
        else:
            raise Invalid(f"unknown flag: {name}")
        rest = rest[match.end() :]
    if not rest:
        raise Invalid("HEALTHCHECK requires at least one argument")
    kind, _, command = rest.partition(" ")
    command = command.strip()
    if kind.upper() == "NONE":
        if command:
            raise Invalid("HEALTHCHECK NONE takes no arguments")
        test = ["NONE"]
    elif kind.upper() == "CMD":
        exec_form = _json_list(command)
        test = ["CMD", *exec_form] if exec_form is not None else ["CMD-SHELL", command]
        if not command or exec_form == []:
            raise Invalid("Missing command after HEALTHCHECK CMD")
    else:
        raise Invalid(f'Unknown type "{kind.upper()}" in HEALTHCHECK (try CMD)')
    config["Healthcheck"] = cast(Any, {"Test": test, **health})


_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION = re.compile(r"([0-9]*\.?[0-9]*)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> int:
    """Go's time.ParseDuration, in nanoseconds. Raises Invalid."""
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if body == "0":
        return 0
    total, position = 0.0, 0
    while match := _DURATION.match(body, position):
        if match[1] in ("", "."):
            break
        total += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    if not body or position != len(body):
        raise Invalid(f'time: invalid duration "{text}"')
    return sign * round(total)


def _retries(value: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", value):
        raise Invalid(f'strconv.ParseInt: parsing "{value}": invalid syntax')
    if int(value) < 0:
        raise Invalid(f"--retries cannot be negative ({int(value)})")
    return int(value)


def _interval(name: str, value: str) -> int:
    duration = parse_duration(value)
    if 0 < duration < 10**6 or duration < 0:
        raise Invalid(f'Interval "{name}" cannot be less than 1ms')
    return duration


_INSTRUCTIONS: dict[str, Callable[[ContainerConfig, str], None]] = {
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
