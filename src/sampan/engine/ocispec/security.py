"""--security-opt, and the seccomp program that follows from it (moby daemon_unix.go, seccomp_linux.go)."""

import functools
import importlib.resources
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.engine.ocispec.host import Host
from sampan.engine.ocispec.refusals import refused
from sampan.errors import Failed, Invalid
from sampan.linux import seccomp
from sampan.specs.golang.numbers import FALSE, TRUE

UNCONFINED = "unconfined"
BUILTIN = "builtin"
DEFAULT_APPARMOR = "docker-default"


@dataclass(frozen=True)
class SecurityOptions:
    no_new_privileges: bool
    seccomp: str  # "", "builtin", "unconfined" or a profile's JSON
    apparmor: str
    labels: tuple[str, ...]


def parse_options(options: Iterable[str] | None, no_new_privileges: bool = False) -> SecurityOptions:
    """`no_new_privileges`: the daemon's default. Raises Invalid."""
    chosen = {"seccomp": "", "apparmor": ""}
    labels: list[str] = []
    for option in options or ():
        if option == "no-new-privileges":
            no_new_privileges = True
            continue
        if option == "disable":
            labels.append(option)
            continue
        separator = "=" if "=" in option else ":"
        key, found, value = option.partition(separator)
        if not found:
            raise Invalid(f'invalid --security-opt 1: "{option}"')
        if key == "label":
            labels.append(value)
        elif key in chosen:
            chosen[key] = value
        elif key == "no-new-privileges" and value in TRUE | FALSE:
            no_new_privileges = value in TRUE
        else:
            raise Invalid(f'invalid --security-opt 2: "{option}"')
    return SecurityOptions(no_new_privileges, chosen["seccomp"], chosen["apparmor"], tuple(labels))


def apparmor_profile(options: SecurityOptions, privileged: bool, host: Host) -> str:
    """The profile to execute under; "" leaves the process as it is.

    Without AppArmor an option naming a profile is accepted and has no effect, as in Docker.
    """
    if host.apparmor is None:
        return ""
    if options.apparmor:
        return options.apparmor
    # Loading docker-default takes the policy compiler of apparmor_parser; we use it where it is loaded.
    if privileged or DEFAULT_APPARMOR not in host.apparmor:
        return UNCONFINED
    return DEFAULT_APPARMOR


def seccomp_program(
    options: SecurityOptions,
    privileged: bool,
    capabilities: Iterable[str],
    host: Host,
    daemon_profile: str = BUILTIN,
) -> bytes | None:
    """struct sock_filter[], or None for unconfined. `daemon_profile`: as `SecurityOptions.seccomp`.

    Raises Failed for a profile in error.
    """
    profile = options.seccomp
    if profile == UNCONFINED or (privileged and not profile):
        return None
    profile = profile or daemon_profile
    if profile == UNCONFINED:
        return None
    if not host.seccomp:
        if options.seccomp not in ("", BUILTIN):
            raise Failed("seccomp is not enabled in your kernel, cannot run a custom seccomp profile")
        return None
    return _compiled(profile, frozenset(capabilities), host.machine, host.kernel)


@functools.lru_cache(maxsize=64)
def _compiled(profile: str, capabilities: frozenset[str], machine: str, kernel: str) -> bytes | None:
    """3 ms each on the test machine, and containers mostly share a few."""
    document = _builtin() if profile == BUILTIN else _decode(profile)
    if not document.get("defaultAction") and not document.get("syscalls"):
        return None
    try:
        return seccomp.compile(document, capabilities, machine, kernel)
    except Invalid as error:
        if "is not a valid" in error.message:
            raise refused(error.message) from None
        raise Failed(error.message) from None
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        # A profile is anybody's JSON: a list where an object belongs, text for a number.
        raise Failed(f"Decoding seccomp profile failed: {error}") from None


@functools.cache
def _builtin() -> dict[str, Any]:
    text = importlib.resources.files("sampan.specs").joinpath("seccomp_default.json").read_text()
    document: dict[str, Any] = json.loads(text)
    return document


def _decode(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        first = text.strip()[:1]
        reason = (
            f"invalid character '{first}' looking for beginning of value"
            if first and first not in '{["'
            else str(error)
        )
        raise Failed(f"Decoding seccomp profile failed: {reason}") from None
    if not isinstance(document, dict):
        raise Failed("Decoding seccomp profile failed: not an object")
    return document


def paths(host_config: Mapping[str, Any], name: str, default: Iterable[str]) -> list[str]:
    """MaskedPaths or ReadonlyPaths: the request's own (systempaths=unconfined: none) or the default."""
    if host_config.get("Privileged"):
        return []
    own = host_config.get(name)
    return list(default if own is None else own)
