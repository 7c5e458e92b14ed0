"""Groups and versions of this server and of those it speaks for, in their order, and what those have told of
theirs.

k8s.io/kube-aggregator/pkg/apiserver/handler_discovery.go, apis/apiregistration/v1/helper
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.kube.access.defaults.objects import API_PRIORITIES
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensions import GROUP, Extension
from sampan.kube.api.groupregistration import GROUP_PRIORITY, VERSION_PRIORITY
from sampan.specs.kubernetes import apiversions

Versions = dict[str, list[str]]
KING = 1 << 30  # apiregistration comes before all


@dataclass(frozen=True)
class Told:
    """What is known of one group version.

    `resources` are as an APIVersionDiscovery has them; `schema`: where its OpenAPI document is, perhaps "";
    `part`: what is to be merged into this server's own document of version 2.
    """

    resources: list[dict[str, Any]]
    stale: bool = False
    schema: str = ""
    part: bytes | None = None


def order(catalog: Catalog, extensions: Iterable[Extension]) -> Versions:
    """Each group's versions, the preferred first."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for group, versions in catalog.groups.items():
        found[group] = {version: _priority(group, version) for version in versions}
    for one in extensions:
        found.setdefault(one.group, {})[one.version] = one.group_priority, one.version_priority
    groups = sorted(found, key=lambda name: (-max(most for most, _ in found[name].values()), name))
    return {
        name: sorted(found[name], key=lambda version: (-found[name][version][1], apiversions.order(version)))
        for name in groups
    }


def _priority(group: str, version: str) -> tuple[int, int]:
    minimum, versions = API_PRIORITIES.get(group, (GROUP_PRIORITY, {}))
    return (KING if group == GROUP else minimum), versions.get(version, VERSION_PRIORITY)


def told(document: Any, group: str, version: str) -> list[dict[str, Any]] | None:
    """The resources of a group version in an APIGroupDiscoveryList; None: it is not in it."""
    for item in _mappings(document, "items"):
        if _text(item.get("metadata"), "name") == group:
            for one in _mappings(item, "versions"):
                if one.get("version") == version:
                    return [_whole(entry) for entry in _mappings(one, "resources") if _named(entry)]
    return None


def _whole(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = _entry(entry, "resource", _text(entry, "resource"), entry.get("responseKind"))
    found["scope"] = "Namespaced" if entry.get("scope") == "Namespaced" else "Cluster"
    found["singularResource"] = _text(entry, "singularResource")
    subs = [
        _entry(sub, "subresource", _text(sub, "subresource"), sub.get("responseKind"))
        for sub in _mappings(entry, "subresources")
    ]
    return _with_names(found, entry, [sub for sub in subs if sub["subresource"]])


def converted(resource_list: Any) -> list[dict[str, Any]]:
    """The same of an APIResourceList."""
    found: dict[str, dict[str, Any]] = {}
    subs: dict[str, list[dict[str, Any]]] = {}
    for one in _mappings(resource_list, "resources"):
        name, _, sub = _text(one, "name").partition("/")
        if not name:
            continue
        scope = "Namespaced" if one.get("namespaced") is True else "Cluster"
        if sub:
            subs.setdefault(name, []).append(_entry(one, "subresource", sub, one))
            parent = {**_entry({}, "resource", name, None), "scope": scope, "singularResource": ""}
            found.setdefault(name, parent)
        else:
            found[name] = _entry(one, "resource", name, one)
            found[name]["scope"] = scope
            found[name]["singularResource"] = _text(one, "singularName")
            _with_names(found[name], one, [])
    for name, entries in subs.items():
        found[name]["subresources"] = entries
    return list(found.values())


def _entry(one: Mapping[str, Any], key: str, name: str, kind: Any) -> dict[str, Any]:
    known = {part: _text(kind, part) for part in ("group", "version", "kind")}
    return {key: name, "responseKind": known, "verbs": _texts(one, "verbs")}


def _with_names(
    found: dict[str, Any], given: Mapping[str, Any], subresources: list[dict[str, Any]]
) -> dict[str, Any]:
    for key in ("shortNames", "categories"):
        if values := _texts(given, key):
            found[key] = values
    if subresources:
        found["subresources"] = subresources
    return found


def _named(entry: Mapping[str, Any]) -> bool:
    return bool(_text(entry, "resource")) and bool(_text(entry.get("responseKind"), "kind"))


# What another server says may be anything.


def _mappings(value: Any, key: str) -> Iterator[Mapping[str, Any]]:
    found = value.get(key) if isinstance(value, dict) else None
    return (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def _text(value: Any, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _texts(value: Mapping[str, Any], key: str) -> list[str]:
    found = value.get(key)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
