"""Which owner hears of a change of what it owns, or may come to own."""

from collections.abc import Callable, Iterator

from sampan.kube.client.informer import Informer, key_of
from sampan.kube.client.requests import Object
from sampan.kube.controllers.controller import NAMESPACE
from sampan.specs.kubernetes.labels import Selector
from sampan.specs.kubernetes.objects import owner

ORPHANS = "orphans"  # an index: what nobody controls, by its namespace


def orphan(value: Object) -> list[str]:
    """For the index ORPHANS."""
    return [] if owner(value) is not None else [value["metadata"].get("namespace", "")]


def owner_key(value: Object, kind: str, owners: Informer) -> str | None:
    """The key of the owner that controls it, if that is of this kind and the informer knows this very one."""
    found = owner(value)
    if found is None or found.get("kind") != kind or found.get("apiVersion") != owners.resource.api_version:
        return None
    namespace = value["metadata"].get("namespace")
    key = f"{namespace}/{found['name']}" if namespace else str(found["name"])
    known = owners.get(key)
    return key if known is not None and known["metadata"]["uid"] == found["uid"] else None


def suitors(value: Object, owners: Informer, selector: Callable[[Object], Selector]) -> Iterator[str]:
    """The keys of those that may adopt it: their selector is not empty, and selects it."""
    labels = value["metadata"].get("labels")
    if not labels:
        return
    for candidate in owners.by(NAMESPACE, value["metadata"].get("namespace", "")):
        found = selector(candidate)
        if found and found.matches(labels):
            yield key_of(candidate)
