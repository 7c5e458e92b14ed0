"""KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1): profiles, their plugins and arguments.

What upstream's server would do and this process does not (extenders, an address and limits of its own
connection, profiling) is refused by name rather than ignored.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sampan.errors import Invalid, SampanError, Unsupported
from sampan.kube.scheduler import arguments, decoding, pluginsets
from sampan.kube.scheduler.decoding import DURATION, INT32, INT64, Struct
from sampan.kube.scheduler.plugins import PLUGINS, POINTS, REMOVED
from sampan.kube.scheduler.profile import Profile
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, invalid, required

VERSION = "kubescheduler.config.k8s.io/v1"
KIND = "KubeSchedulerConfiguration"
DEFAULT_SCHEDULER = "default-scheduler"

_PLUGIN = Struct("Plugin", {"name": str, "weight": INT32})
_SET = Struct("PluginSet", {"enabled": [_PLUGIN], "disabled": [_PLUGIN]})
_PROFILE = Struct(
    "KubeSchedulerProfile",
    {
        "schedulerName": str,
        "percentageOfNodesToScore": INT32,
        "plugins": Struct("Plugins", dict.fromkeys((*POINTS, pluginsets.MULTI), _SET)),
        "pluginConfig": [Struct("PluginConfig", {"name": str, "args": dict})],
    },
)
_ELECTION = Struct(
    "LeaderElectionConfiguration",
    {
        "leaderElect": bool,
        "leaseDuration": DURATION,
        "renewDeadline": DURATION,
        "retryPeriod": DURATION,
        "resourceLock": str,
        "resourceName": str,
        "resourceNamespace": str,
    },
)
_CONNECTION = Struct(
    "ClientConnectionConfiguration",
    {"kubeconfig": str, "acceptContentTypes": str, "contentType": str, "qps": float, "burst": INT32},
)
_CONFIGURATION = Struct(
    KIND,
    {
        "kind": str,
        "apiVersion": str,
        "parallelism": INT32,
        "leaderElection": _ELECTION,
        "clientConnection": _CONNECTION,
        "enableProfiling": bool,
        "enableContentionProfiling": bool,
        "percentageOfNodesToScore": INT32,
        "podInitialBackoffSeconds": INT64,
        "podMaxBackoffSeconds": INT64,
        "profiles": [_PROFILE],
        "extenders": [dict],
        "delayCacheUntilActive": bool,
    },
)
# What may be said, as long as it is what this process does anyhow.
_FIXED: dict[str, dict[str, tuple[Any, ...]]] = {
    "": {
        "enableProfiling": (False,),
        "enableContentionProfiling": (False,),
        "delayCacheUntilActive": (False,),
        "extenders": ([],),
    },
    "clientConnection": {
        "kubeconfig": ("",),
        "acceptContentTypes": ("",),
        "contentType": ("", "application/json"),
        "qps": (0,),
        "burst": (0,),
    },
    "leaderElection": {
        "leaseDuration": ("15s",),
        "renewDeadline": ("10s",),
        "retryPeriod": ("2s",),
        "resourceLock": ("", "leases"),
        "resourceNamespace": ("", "kube-system"),
    },
}


@dataclass(frozen=True, eq=False)
class Configured(Profile):
    """How the pods of one schedulerName are placed: plugins by extension point."""

    points: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    percentage: int = 0  # of nodes to score, 0 for all

    def runs(self, plugin: str, point: str) -> bool:
        return plugin in self.points.get(point, ())


@dataclass(frozen=True)
class Configuration:
    profiles: tuple[Configured, ...]
    parallelism: int = 16  # writes at once for one preemption
    initial_backoff: float = 1.0  # seconds
    longest_backoff: float = 10.0
    elects: bool = True
    lease: str = "kube-scheduler"


def load(path: Path) -> Configuration:
    """What a file says; raises Invalid and Unsupported."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Invalid(f"cannot read {path}: {error.strerror}") from error
    return parse(decoding.parse(data))


def parse(document: Any) -> Configuration:
    """Raises Invalid and Unsupported."""
    _check_kind(document)
    decoding.check(document, _CONFIGURATION)
    _check_fixed(document)
    given = document.get("profiles") or [{}]
    if len(given) == 1 and given[0].get("schedulerName") is None:
        given = [{**given[0], "schedulerName": DEFAULT_SCHEDULER}]
    args = [_arguments(one, at) for at, one in enumerate(given)]
    errors = list(_errors(document, given, args))
    if errors:
        texts = [str(error) for error in errors]
        raise Invalid(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    percentage = document.get("percentageOfNodesToScore") or 0
    election = document.get("leaderElection") or {}
    return Configuration(
        tuple(_profile(one, own, percentage) for one, own in zip(given, args, strict=True)),
        _or(document.get("parallelism"), 16),
        float(_or(document.get("podInitialBackoffSeconds"), 1)),
        float(_or(document.get("podMaxBackoffSeconds"), 10)),
        bool(_or(election.get("leaderElect"), True)),
        election.get("resourceName") or "kube-scheduler",
    )


def default() -> Configuration:
    """Without a file."""
    return parse({"apiVersion": VERSION, "kind": KIND})


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _check_kind(document: Any) -> None:
    if not isinstance(document, dict):
        raise Invalid(f"couldn't get version/kind; json parse error: a {KIND} is wanted")
    kind, version = document.get("kind"), document.get("apiVersion")
    if not kind:
        raise Invalid("Object 'Kind' is missing")
    if kind != KIND or version != VERSION:
        raise Invalid(
            f"no kind {quote(str(kind))} is registered for version {quote(str(version or ''))}",
            hint=f"{KIND} in {VERSION}",
        )


def _check_fixed(document: Mapping[str, Any]) -> None:
    for part, fields in _FIXED.items():
        for name, allowed in fields.items():
            value = ((document.get(part) or {}) if part else document).get(name)
            if value is not None and value not in allowed:
                path = f"{part}.{name}" if part else name
                raise Unsupported(f"{path}: {value!r} is not offered", hint="leave it out")


def _arguments(profile: Mapping[str, Any], at: int) -> dict[str, arguments.Arguments]:
    """Of each plugin that has any: what is configured, with defaults."""
    found = {plugin: arguments.defaulted(plugin, {}) for plugin in arguments.STRUCTS}
    for index, one in enumerate(profile.get("pluginConfig") or ()):
        name, given = one.get("name", ""), one.get("args") or {}
        where = f"decoding .profiles[{at}].pluginConfig[{index}]"
        if name not in arguments.STRUCTS:
            if name in REMOVED:  # told with all that is invalid
                continue
            what = "takes no args" if name in PLUGINS else "does not exist"
            raise Invalid(f"{where}: plugin {quote(name)} {what}")
        struct = arguments.STRUCTS[name]
        kind = given.get("kind") or struct.name
        if kind != struct.name:
            wanted = f"{struct.name}.kubescheduler.config.k8s.io"
            raise Invalid(f"{where}: args for plugin {name} were not of type {wanted}, got {kind}")
        try:
            decoding.check(given, struct)
        except Invalid as error:
            raise Invalid(f"{where}: decoding args for plugin {name}: {error.message}") from None
        found[name] = arguments.defaulted(name, given)
    return found


def _errors(
    document: Mapping[str, Any], profiles: list[dict[str, Any]], args: list[dict[str, arguments.Arguments]]
) -> Iterator[FieldError]:
    parallelism = _or(document.get("parallelism"), 16)
    if parallelism <= 0:
        yield invalid("parallelism", parallelism, "should be an integer value greater than zero")
    seen: dict[str, int] = {}
    for at, profile in enumerate(profiles):
        path = f"profiles[{at}]"
        yield from _profile_errors(profile, args[at], path)
        name = profile.get("schedulerName") or ""
        if name in seen:
            yield duplicate(f"{path}.schedulerName", f"profiles[{seen[name]}].schedulerName")
        seen[name] = at
        sort = (profile.get("plugins") or {}).get("queueSort")
        if at and sort != (profiles[0].get("plugins") or {}).get("queueSort"):
            yield invalid(f"{path}.plugins.queueSort", sort, "must be the same for all profiles")
    yield from _percentage(document, "percentageOfNodesToScore")
    first = _or(document.get("podInitialBackoffSeconds"), 1)
    longest = _or(document.get("podMaxBackoffSeconds"), 10)
    if first <= 0:
        yield invalid("podInitialBackoffSeconds", first, "must be greater than 0")
    if longest < first:
        why = "must be greater than or equal to PodInitialBackoffSeconds"
        yield invalid("podMaxBackoffSeconds", longest, why)


def _profile_errors(
    profile: Mapping[str, Any], args: Mapping[str, arguments.Arguments], path: str
) -> Iterator[FieldError]:
    if not profile.get("schedulerName"):
        yield required(f"{path}.schedulerName")
    yield from _percentage(profile, f"{path}.percentageOfNodesToScore")
    removed = f'was invalid in version "{VERSION}" (KubeSchedulerConfiguration is version "{VERSION}")'
    for point, given in (profile.get("plugins") or {}).items():
        for at, one in enumerate((given or {}).get("enabled") or ()):
            if one.get("name") in REMOVED:
                yield invalid(f"{path}.plugins.{point}.enabled[{at}]", one["name"], removed)
    seen = set()
    for at, one in enumerate(profile.get("pluginConfig") or ()):
        name, below = one.get("name", ""), f"{path}.pluginConfig[{at}]"
        if name in seen:
            yield duplicate(below, name)
        seen.add(name)
        if name in REMOVED:
            yield invalid(below, name, removed)
        else:
            yield from arguments.errors(name, args[name], f"{below}.args")


def _percentage(given: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    value = given.get("percentageOfNodesToScore")
    if value is not None and not 0 <= value <= 100:
        yield invalid(path, value, "not in valid range [0-100]")


def _profile(
    given: Mapping[str, Any], args: Mapping[str, arguments.Arguments], percentage: int
) -> Configured:
    points, weights = pluginsets.expand(given.get("plugins") or {}, given["schedulerName"])
    own = given.get("percentageOfNodesToScore")
    return Configured(
        given["schedulerName"], points["filter"], weights, args, points, percentage if own is None else own
    )


def main() -> None:
    """Tell what is wrong with a file, if anything, to a server that has not loaded the scheduler."""
    try:
        load(Path(sys.argv[1]))
    except SampanError as error:
        sys.exit(f"{sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
