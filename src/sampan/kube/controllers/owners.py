"""Whom the change of an object concerns: the owner that controls it, or all that could adopt an orphan."""

from collections.abc import Callable, Iterable, Iterator

from sampan.kube.client.informer import Informer, key_of
from sampan.kube.client.requests import Object
from sampan.kube.controllers.controller import NAMESPACE
from sampan.specs.kubernetes import labels
from sampan.specs.kubernetes.labelselector import can_select
from sampan.specs.kubernetes.objects import owner as owner_of


def keys(owners: Informer, kind: str) -> Callable[[Object], Iterable[str]]:
    """For Controller.watch: the keys of the owners, all of one kind, that an object concerns."""

    def found(value: Object) -> Iterator[str]:
        namespace = value["metadata"].get("namespace", "")
        controller = owner_of(value)
        if controller is None:
            yield from (key_of(one) for one in owners.by(NAMESPACE, namespace) if selects(one, value))
        elif controller.get("kind") == kind:
            owner = owners.get(f"{namespace}/{controller.get('name')}")
            if owner is not None and owner["metadata"]["uid"] == controller.get("uid"):
                yield key_of(owner)

    return found


def selects(owner: Object, value: Object) -> bool:
    """Never of a selector that is none, nor of one that would select everything."""
    selector = owner["spec"].get("selector")
    if not selector or not can_select(selector):
        return False
    return labels.from_object(selector).matches(value["metadata"].get("labels") or {})
