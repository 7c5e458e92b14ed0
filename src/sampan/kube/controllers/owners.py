"""Whom the change of an object concerns: the owner that controls it, or all that could adopt an orphan."""

from collections.abc import Callable, Iterable, Iterator

from sampan.kube.client.informer import Informer, key_of
from sampan.kube.client.informers import NAMESPACE
from sampan.kube.client.requests import Object
from sampan.specs.kubernetes import labels
from sampan.specs.kubernetes.labels import Selector
from sampan.specs.kubernetes.labelselector import can_select
from sampan.specs.kubernetes.objects import owner as owner_of

ORPHANS = "orphans"  # an index: what nobody controls, by its namespace


def orphan(value: Object) -> list[str]:
    """For the index ORPHANS."""
    return [] if owner_of(value) is not None else [value["metadata"].get("namespace", "")]


def selector_of(owner: Object) -> Selector:
    """Nothing is selected by a selector that is none, nor by one that would select everything."""
    selector = owner["spec"].get("selector")
    return labels.from_object(selector) if selector and can_select(selector) else labels.NOTHING


def keys(
    owners: Informer, kind: str, selector: Callable[[Object], Selector] = selector_of
) -> Callable[[Object], Iterable[str]]:
    """For Controller.watch: the keys of the owners, all of one kind, that an object concerns."""

    def found(value: Object) -> Iterable[str]:
        if owner_of(value) is None:
            return suitors(value, owners, selector)
        key = owner_key(value, kind, owners)
        return [key] if key is not None else []

    return found


def owner_key(value: Object, kind: str, owners: Informer) -> str | None:
    """The key of the owner that controls it, if that is of this kind and the informer knows this very one."""
    found = owner_of(value)
    if found is None or found.get("kind") != kind:
        return None
    key = f"{value['metadata'].get('namespace', '')}/{found.get('name')}"
    known = owners.get(key)
    return key if known is not None and known["metadata"]["uid"] == found.get("uid") else None


def suitors(value: Object, owners: Informer, selector: Callable[[Object], Selector]) -> Iterator[str]:
    """The keys of those that may adopt it."""
    own = value["metadata"].get("labels")
    if not own:
        return
    for candidate in owners.by(NAMESPACE, value["metadata"].get("namespace", "")):
        found = selector(candidate)
        if found and found.matches(own):
            yield key_of(candidate)
