"""What this server has, told in three forms: groups and lists of resources, and all at once (aggregated).

kubernetes.io/docs/concepts/overview/kubernetes-api, meta.k8s.io/v1 and apidiscovery.k8s.io/v2
"""

import base64
import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from sampan.kube.api.aggregateddiscovery import Told, Versions
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Subresource

AGGREGATED = ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList")
ToldOf = Callable[[str, str], Told | None]


def versions(address: str) -> dict[str, Any]:
    """/api"""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def groups(order: Versions) -> dict[str, Any]:
    """/apis"""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, found) for name, found in order.items() if name],
    }


def group(order: Versions, name: str) -> dict[str, Any] | None:
    """/apis/<group>"""
    found = order.get(name) if name else None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, found)} if found else None


def _group(name: str, found: list[str]) -> dict[str, Any]:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in found]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def resources(catalog: Catalog, group_name: str, version: str) -> dict[str, Any] | None:
    """/api/v1, /apis/<group>/<version>"""
    found = catalog.groups.get(group_name, {}).get(version)
    if found is None:
        return None
    api_version = f"{group_name}/{version}" if group_name else version
    entries: list[dict[str, Any]] = []
    for served in found.values():
        entries += _entries(served)
    body: dict[str, Any] = {"kind": "APIResourceList"}
    body["apiVersion"] = "v1"
    body["groupVersion"] = api_version
    body["resources"] = entries
    if not group_name:
        del body["apiVersion"]
    return body


def _entries(served: Served) -> Iterable[dict[str, Any]]:
    resource = served.resource
    entry: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular or resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.stored:
        entry["storageVersionHash"] = storage_hash(served)
    yield entry
    for sub in resource.subresources:
        yield _subentry(served, sub)


def _subentry(served: Served, sub: Subresource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": f"{served.plural}/{sub.name}",
        "singularName": "",
        "namespaced": served.resource.namespaced,
    }
    if sub.version and (sub.group, sub.version) != (served.group, served.resource.version):
        if sub.group:
            entry["group"] = sub.group
        entry["version"] = sub.version
    entry["kind"] = sub.kind or served.kind
    entry["verbs"] = list(sub.verbs)
    return entry


def storage_hash(served: Served) -> str:
    """Tells clients whether what is stored has the form they know."""
    resource = served.resource
    group_name = resource.stored_as[0] if resource.stored_as[1] else served.group
    version = served.storage_version or served.resource.storage_version or served.resource.version
    text = f"{group_name}/{version}/{served.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def aggregated(catalog: Catalog, order: Versions, told: ToldOf, *, core: bool) -> dict[str, Any]:
    """The same of /api (`core`) or of /apis, in one document. `told`: of a group version served elsewhere."""
    items = []
    for name, found in order.items():
        if (not name) is not core:
            continue
        entry: dict[str, Any] = {"metadata": {"name": name} if name else {}}
        entry["versions"] = [
            _version(version, told(name, version) or _own(catalog, name, version)) for version in found
        ]
        items.append(entry)
    return {
        "kind": AGGREGATED[2],
        "apiVersion": f"{AGGREGATED[0]}/{AGGREGATED[1]}",
        "metadata": {},
        "items": items,
    }


def _own(catalog: Catalog, group_name: str, version: str) -> Told:
    return Told([_aggregated(served) for served in catalog.groups[group_name][version].values()])


def _version(version: str, told: Told) -> dict[str, Any]:
    found: dict[str, Any] = {"version": version}
    if told.resources:
        found["resources"] = told.resources
    found["freshness"] = "Stale" if told.stale else "Current"
    return found


def _aggregated(served: Served) -> dict[str, Any]:
    resource = served.resource
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular or resource.kind.lower(),
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [_aggregated_sub(served, sub) for sub in resource.subresources]
    return entry


def _aggregated_sub(served: Served, sub: Subresource) -> dict[str, Any]:
    return {
        "subresource": sub.name,
        "responseKind": {
            "group": sub.group if sub.kind else "",
            "version": sub.version if sub.kind else "",
            "kind": sub.kind or served.kind,
        },
        "verbs": list(sub.verbs),
    }
