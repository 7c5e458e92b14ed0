"""metadata.managedFields of a write: who owns which fields of an object.

k8s.io/apimachinery/pkg/util/managedfields/internal, and sigs.k8s.io/structured-merge-diff/merge/update.go.
"""

from functools import lru_cache
from typing import Any

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership.fields import compare, created
from sampan.kube.schema.ownership.fieldset import (
    Set,
    difference,
    of_paths,
    union,
    without,
)
from sampan.kube.schema.ownership.managers import (
    Manager,
    Managers,
    Owned,
    capped,
    read,
    updater,
    write,
)
from sampan.kube.schema.ownership.pruning import Convert
from sampan.kube.schema.ownership.types import Unkeyed

Object = dict[str, Any]

BEFORE_FIRST_APPLY = "before-first-apply"

# Nobody owns what an object is known by, nor what the server writes.
NEVER_OWNED = of_paths(
    "apiVersion",
    "kind",
    "metadata",
    "metadata.name",
    "metadata.namespace",
    "metadata.creationTimestamp",
    "metadata.selfLink",
    "metadata.uid",
    "metadata.clusterName",
    "metadata.generation",
    "metadata.managedFields",
    "metadata.resourceVersion",
)
NEVER_OWNED["f:metadata"] = {".": {}, **NEVER_OWNED["f:metadata"]}


@lru_cache(maxsize=256)
def reset_set(reset: tuple[str, ...]) -> Set:
    return of_paths(*reset)


def update(
    node: Node,
    live: Object | None,
    new: Object,
    manager: str,
    api_version: str,
    subresource: str,
    now: str,
    reset: tuple[str, ...] = (),
    *,
    convert: Convert | None = None,
) -> None:
    """Set new["metadata"]["managedFields"] for a write that is no apply: `live` (None: there is nothing yet)
    is to become `new`, complete and with its defaults, by `manager`.

    `reset`: paths of which nobody comes to own anything by this. `convert`: see pruning.Convert. Never
    raises.
    """
    metadata = new.setdefault("metadata", {})
    asked = metadata.pop("managedFields", None)
    before = (live or {}).get("metadata", {}).get("managedFields") or []
    try:
        found = _updated(
            node,
            live,
            new,
            _start(before, None if subresource else asked),
            updater(manager, api_version, subresource),
            now,
            reset,
            convert,
        )
        entries = write(capped(found))
    except (Unkeyed, RecursionError):  # an element of a list without its keys: nobody can own that
        entries = before
    if entries:
        metadata["managedFields"] = entries


def _start(before: list[Any], asked: Any) -> Managers:
    """Who owns what before a write: a client may say so; what makes no sense is not listened to."""
    if asked is not None and asked != before:
        if asked in ([], [{}]):
            return {}
        try:
            if found := read(asked, stored=False):
                return found
        except (ValueError, RecursionError):
            pass
    return read(before, stored=True)


def _updated(
    node: Node,
    live: Object | None,
    new: Object,
    managers: Managers,
    manager: Manager,
    now: str,
    reset: tuple[str, ...],
    convert: Convert | None,
) -> Managers:
    if not managers and live is not None:
        return {}  # somebody has switched it off, by an empty list
    versions = Changes(node, live, new, manager.version, reset, convert)
    found = yielded(managers, versions)
    mine = difference(versions.at(manager.version)[0], NEVER_OWNED)
    if mine:
        previous = found.get(manager)
        found[manager] = Owned(manager.version, union(mine, previous.fields) if previous else mine, now)
    return found


class Changes:
    """What a write adds or changes, and what it removes, in the versions in which somebody owns something."""

    def __init__(
        self,
        node: Node,
        live: Object | None,
        new: Object,
        version: str,
        reset: tuple[str, ...],
        convert: Convert | None,
    ) -> None:
        self.node, self.live, self.new, self.convert = node, live, new, convert
        self.reset = reset_set(reset)
        self.known: dict[str, tuple[Set, Set]] = {version: self._between(node, live, new)}
        self.version = version

    def at(self, version: str) -> tuple[Set, Set]:
        """Raises KeyError for a version that is no more."""
        if version not in self.known:
            self.known[version] = self._converted(version)
        return self.known[version]

    def _converted(self, version: str) -> tuple[Set, Set]:
        if self.convert is None:
            return self.known[self.version]
        new = self.convert(self.new, version)
        old = self.convert(self.live, version) if self.live is not None else None
        if new is None:
            raise KeyError(version)
        return self._between(new[0], old and old[1], new[1])

    def _between(self, node: Node, live: Object | None, new: Object) -> tuple[Set, Set]:
        changed, removed = (created(node, new), {}) if live is None else compare(node, live, new)
        return without(changed, self.reset), without(removed, self.reset)


def yielded(managers: Managers, changes: Changes) -> Managers:
    """What is left to all managers of what they own, after a write of somebody else."""
    found: Managers = {}
    for manager, (version, fields, time) in managers.items():
        try:
            changed, removed = changes.at(version)
        except KeyError:
            continue
        if left := difference(difference(fields, changed), removed):
            found[manager] = Owned(version, left, time)
    return found


def without_managers(found: Object) -> tuple[Object, list[Any]]:
    metadata = found.get("metadata") or {}
    if "managedFields" not in metadata:
        return found, []
    rest = {key: value for key, value in metadata.items() if key != "managedFields"}
    return {**found, "metadata": rest}, metadata["managedFields"] or []


def with_managers(found: Object, managers: Managers) -> Object:
    metadata = dict(found.get("metadata") or {})
    if managers:
        metadata["managedFields"] = write(managers)
    return {**found, "metadata": metadata}


def keep_times(new: Object, live: Object) -> None:
    """Put managedFields of `new` back to those of `live` where only their times differ and nothing else does
    either.

    IgnoreManagedFieldsTimestampsTransformer in k8s.io/apiserver: such a write is no write.
    """
    mine, theirs = (one["metadata"].get("managedFields") or [] for one in (new, live))
    if mine == theirs or len(mine) != len(theirs):
        return
    if any({**one, "time": 0} != {**other, "time": 0} for one, other in zip(mine, theirs, strict=True)):
        return
    if _bare(new) == _bare(live):
        new["metadata"]["managedFields"] = theirs


def _bare(found: Object) -> Object:
    gone = ("managedFields", "resourceVersion")
    return {**found, "metadata": {key: one for key, one in found["metadata"].items() if key not in gone}}
