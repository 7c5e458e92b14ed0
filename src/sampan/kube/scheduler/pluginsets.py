"""Which plugins of a profile take part where: the defaults, and what a configuration enables and disables.

Upstream's mergePlugins and the framework's expandMultiPointPlugins.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sampan.errors import Invalid
from sampan.kube.scheduler.plugins import PLUGINS, POINTS
from sampan.specs.golang.quote import quote

MULTI = "multiPoint"
ALL = "*"
Set = Mapping[str, Any]  # {"enabled": [{"name", "weight"}], "disabled": [{"name"}]}
Chosen = list[tuple[str, int]]  # names and weights, 0 for none given


def expand(given: Mapping[str, Set], name: str) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """The plugins by extension point, and the weights of scores; raises Invalid. `name`: the profile's."""
    try:
        return _expand(given, name)
    except Invalid as error:
        why = f"initializing profiles: creating profile for scheduler name {name}: {error.message}"
        raise Invalid(why) from None


def _expand(given: Mapping[str, Set], name: str) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    defaults = [(plugin, about.weight) for plugin, about in PLUGINS.items()]
    several = _merged(defaults, given.get(MULTI) or {})
    found: dict[str, tuple[str, ...]] = {}
    weights: dict[str, int] = {}
    for point in POINTS:
        chosen = _at(point, several, given.get(point) or {})
        found[point] = tuple(plugin for plugin, _ in chosen)
        if point == "score":
            weights = {plugin: weight or 1 for plugin, weight in chosen}
    _check(found, name)
    return found, weights


def _merged(defaults: Chosen, given: Set) -> Chosen:
    """Defaults that are not disabled, each as it is re-configured if it is; then what else is enabled."""
    disabled = _disabled(given)
    enabled = dict(_enabled(given))
    kept = [] if ALL in disabled else [one for one in defaults if one[0] not in disabled]
    merged = [(plugin, enabled.get(plugin, weight)) for plugin, weight in kept]
    present = {plugin for plugin, _ in merged}
    replaced: set[str] = set()
    for plugin, weight in _enabled(given):
        if plugin in present and plugin not in replaced:
            replaced.add(plugin)
        else:
            merged.append((plugin, weight))
    return merged


def _at(point: str, several: Chosen, given: Set) -> Chosen:
    """First what is enabled here and in all points, then what comes from all points, then the rest."""
    here = _enabled(given)
    interface = POINTS[point]
    seen: set[str] = set()
    for plugin, _ in here:
        if plugin not in PLUGINS:
            raise Invalid(f"{interface} {quote(plugin)} does not exist")
        if point not in PLUGINS[plugin].points:
            raise Invalid(f"plugin {quote(plugin)} does not extend {interface} plugin")
        if plugin in seen:
            raise _twice(plugin, interface)
        seen.add(plugin)
    disabled = _disabled(given)
    overriding: set[str] = set()
    expanded: Chosen = []
    for plugin, weight in several if ALL not in disabled else ():
        if plugin not in PLUGINS:
            raise Invalid(f"{interface} {quote(plugin)} does not exist")
        if point not in PLUGINS[plugin].points or plugin in disabled:
            continue
        if plugin in seen:
            overriding.add(plugin)
        elif any(plugin == other for other, _ in expanded):
            raise _twice(plugin, interface)
        else:
            expanded.append((plugin, weight))
    first = [one for one in here if one[0] in overriding]
    return [*first, *expanded, *(one for one in here if one[0] not in overriding)]


def _twice(plugin: str, interface: str) -> Invalid:
    return Invalid(f"plugin {quote(plugin)} already registered as {quote(interface)}")


def _check(found: Mapping[str, Sequence[str]], name: str) -> None:
    if len(found["queueSort"]) != 1:
        raise Invalid(
            f"one queue sort plugin required for profile with scheduler name {quote(name)}, "
            f"but got {len(found['queueSort'])}"
        )
    if not found["bind"]:
        raise Invalid(f"at least one bind plugin is needed for profile with scheduler name {quote(name)}")


def _enabled(given: Set) -> Chosen:
    return [(one.get("name", ""), one.get("weight") or 0) for one in given.get("enabled") or ()]


def _disabled(given: Set) -> set[str]:
    return {one.get("name", "") for one in given.get("disabled") or ()}
