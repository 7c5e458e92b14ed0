"""Ownership through the scale subresource: its spec.replicas is a field of the object behind it.

k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go. `mappings` has for each apiVersion of the object
the path of its replicas, ("f:spec", "f:replicas"), or None where it has none.
"""

from collections.abc import Mapping
from typing import Any

from sampan.kube.schema.ownership.fieldset import Set, contains, difference, of_paths
from sampan.kube.schema.ownership.managers import Managers, Owned, read, write

SCALE_VERSION = "autoscaling/v1"
REPLICAS = of_paths("spec.replicas")

Mappings = Mapping[str, tuple[str, ...] | None]


def to_scale(entries: list[Any], mappings: Mappings) -> list[dict[str, Any]]:
    """managedFields of the Scale, from those of the object: who owns its replicas."""
    found: Managers = {}
    for manager, (version, fields, time) in read(entries, stored=True).items():
        path = mappings.get(version)
        if path is not None and contains(fields, path):
            found[manager] = Owned(SCALE_VERSION, REPLICAS, time)
    return write(found)


def to_parent(
    entries: list[Any], scale_entries: list[Any], api_version: str, mappings: Mappings
) -> list[dict[str, Any]]:
    """managedFields of the object, from what they were and those of the Scale after a write."""
    scale = read(scale_entries, stored=True)
    before = read(entries, stored=True)
    found: Managers = {}
    for manager, owned in before.items():
        if owned.version not in mappings:
            continue  # a version that is no more
        path = mappings[owned.version]
        if path is None or not contains(owned.fields, path) or scale.pop(manager, None) is not None:
            found[manager] = owned
        elif left := difference(owned.fields, _only(path)):
            found[manager] = Owned(owned.version, left, owned.time)
    path = mappings.get(api_version)
    for manager, owned in scale.items():
        if path is not None and contains(owned.fields, ("f:spec", "f:replicas")):
            # Upstream looks for its time among the object's entries, where it is not.
            time = before[manager].time if manager in before else None
            found[manager] = Owned(api_version, _only(path), time)
    return write(found)


def _only(path: tuple[str, ...]) -> Set:
    found: Set = {}
    for key in reversed(path):
        found = {key: found}
    return found
