"""The OCI process of a container and of an exec: environment, user, capabilities, limits."""

from collections.abc import Iterable, Mapping
from typing import Any

from sampan.engine.ocispec import defaults
from sampan.engine.ocispec.refusals import refused
from sampan.specs.oci.runtime import Process, Rlimit, User

_NAMES = """
AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK
"""
_RLIMITS = frozenset(_NAMES.split())


def environment(hostname: str, tty: bool, own: Iterable[str] | None, links: Iterable[str] = ()) -> list[str]:
    """The daemon's variables with the container's over them; HOME follows when the user is known.

    As moby's ReplaceOrAppendEnvValues: a name without "=" removes the variable.
    """
    found: dict[str, str] = {}
    given = [f"PATH={defaults.PATH}", f"HOSTNAME={hostname}", *(["TERM=xterm"] if tty else []), *links]
    for entry in [*given, *(own or ())]:
        name, equals, _ = entry.partition("=")
        if equals:
            found[name] = entry
        else:
            found.pop(name, None)
    return list(found.values())


def user(text: str, group_add: Iterable[str] | None) -> User:
    """Resolved by the container's init, against the container's own passwd and group."""
    found: User = {"username": text}
    if groups := list(group_add or ()):
        found["additionalGroups"] = groups
    return found


def rlimits(
    ulimits: Iterable[Mapping[str, Any]] | None, defaults: Mapping[str, Mapping[str, Any]]
) -> list[Rlimit]:
    """The container's ulimits, then those of the daemon's defaults it does not set. Raises Failed."""
    own = list(ulimits or ())
    names = {entry.get("Name") for entry in own}
    merged = own + [entry for name, entry in defaults.items() if name not in names]
    return [_rlimit(entry) for entry in merged]


def _rlimit(entry: Mapping[str, Any]) -> Rlimit:
    name = str(entry.get("Name") or "").upper()
    if name not in _RLIMITS:
        raise refused(f"wrong rlimit value: RLIMIT_{name}")
    return {"type": f"RLIMIT_{name}", "soft": _limit(entry.get("Soft")), "hard": _limit(entry.get("Hard"))}


def _limit(value: Any) -> int:
    """-1 is RLIM_INFINITY, all ones."""
    return int(value or 0) & 0xFFFFFFFFFFFFFFFF


def process(
    *,
    args: list[str],
    env: list[str],
    cwd: str,
    who: User,
    capabilities: list[str],
    terminal: bool,
    no_new_privileges: bool,
    limits: list[Rlimit],
    apparmor: str,
    oom_score_adj: int,
) -> Process:
    result: Process = {
        "terminal": terminal,
        "user": who,
        "args": args,
        "env": env,
        "cwd": cwd or "/",
        # As Docker since 20.10.14: nothing inheritable, nothing ambient.
        "capabilities": {
            "bounding": capabilities,
            "effective": list(capabilities),
            "permitted": list(capabilities),
        },
        "noNewPrivileges": no_new_privileges,
        "oomScoreAdj": oom_score_adj,
    }
    if limits:
        result["rlimits"] = limits
    if apparmor:
        result["apparmorProfile"] = apparmor
    return result
