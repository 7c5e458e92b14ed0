"""metadata.managedFields of a write, and server-side apply: who owns which fields of an object.

k8s.io/apimachinery/pkg/util/managedfields/internal, and sigs.k8s.io/structured-merge-diff/merge/update.go.
"""

from functools import lru_cache
from typing import Any

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership import lastapplied
from sampan.kube.schema.ownership.elements import show
from sampan.kube.schema.ownership.fields import compare, created, fields_of
from sampan.kube.schema.ownership.fieldset import (
    Set,
    difference,
    intersection,
    of_paths,
    paths,
    union,
    without,
)
from sampan.kube.schema.ownership.managers import (
    Manager,
    Managers,
    Owned,
    applier,
    capped,
    identifier,
    read,
    shown,
    updater,
    write,
)
from sampan.kube.schema.ownership.merging import merge
from sampan.kube.schema.ownership.pruning import Convert, pruned
from sampan.kube.schema.ownership.types import Unkeyed
from sampan.kube.schema.ownership.validation import problems
from sampan.kube.schema.patches.refusals import failed
from sampan.specs.kubernetes.status import StatusError, bad_request

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
def _reset_set(reset: tuple[str, ...]) -> Set:
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
    versions = _Changes(node, live, new, manager.version, reset, convert)
    found = _yielded(managers, versions)
    mine = difference(versions.at(manager.version)[0], NEVER_OWNED)
    if mine:
        previous = found.get(manager)
        found[manager] = Owned(manager.version, union(mine, previous.fields) if previous else mine, now)
    return found


class _Changes:
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
        self.reset = _reset_set(reset)
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


def _yielded(managers: Managers, changes: _Changes) -> Managers:
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


def apply(
    node: Node,
    live: Object | None,
    applied: Object,
    manager: str,
    api_version: str,
    subresource: str,
    now: str,
    force: bool = False,
    reset: tuple[str, ...] = (),
    *,
    kind: str = "",
    convert: Convert | None = None,
) -> Object:
    """The object that server-side apply makes of `live` and the configuration `applied`, managedFields and
    all.

    Neither is changed. The result is to be decoded and defaulted once more: nulls of `applied` are still in
    it. Raises StatusError: conflicts, and whatever is wrong with `applied`; `kind` is what it has to be.
    """
    if kind:
        _check_kind(applied, api_version, kind)
    metadata = applied.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("managedFields"), list):
        raise bad_request("metadata.managedFields must be nil")
    try:
        if wrong := problems(node, applied):
            raise failed(f"failed to create typed patch object ({_named(applied)}): {wrong}")
        apply_once = _Apply(
            node, live, applied, api_version, applier(manager, subresource), now, reset, convert
        )
        if manager == "kubectl" and live is not None:
            return lastapplied.carried_on(node, live, applied, apply_once.result, force)
        return apply_once.result(force)
    except Unkeyed as error:
        raise failed(f"failed to create typed live object ({_named(live or {})}): {error}") from None
    except RecursionError:
        raise bad_request("the object is nested too deeply") from None


def _check_kind(applied: Object, api_version: str, kind: str) -> None:
    version, name = applied.get("apiVersion"), applied.get("kind")
    if (version, name) != (api_version, kind):
        raise bad_request(f"invalid object type: {_group_version_kind(version, name)}")


def _group_version_kind(version: Any, kind: Any) -> str:
    """As Go prints a GroupVersionKind: "apps/v1, Kind=Deployment"."""
    parts = (version if isinstance(version, str) else "").split("/")
    if len(parts) > 2:
        return "/, Kind="
    group, name = parts if len(parts) == 2 else ("", parts[0])
    return f"{group}/{name}, Kind={kind if isinstance(kind, str) else ''}"


def _named(found: Object) -> str:
    metadata = found.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    namespace, name = (
        names.get(key) if isinstance(names.get(key), str) else "" for key in ("namespace", "name")
    )
    return f"{namespace}/{name}; {_group_version_kind(found.get('apiVersion'), found.get('kind'))}"


class _Apply:
    """One configuration on its way into an object."""

    def __init__(
        self,
        node: Node,
        live: Object | None,
        applied: Object,
        version: str,
        manager: Manager,
        now: str,
        reset: tuple[str, ...],
        convert: Convert | None,
    ) -> None:
        self.node, self.live, self.version, self.manager, self.now = node, live, version, manager, now
        self.reset, self.convert = reset, convert
        self.base, before = _without_managers(live or {})
        self.managers = self._tracked(read(before, stored=True))
        self.merged: Object = merge(node, self.base, applied)
        self.fields = without(fields_of(node, applied), _reset_set(reset))

    def _tracked(self, managers: Managers) -> Managers:
        """Where nobody has been kept track of, somebody owned all that was there before the first apply."""
        if managers or self.live is None:
            return managers
        found = without(created(self.node, self.base), _reset_set(self.reset))
        owner = updater(BEFORE_FIRST_APPLY, self.version, self.manager.subresource)
        fields = difference(found, NEVER_OWNED)
        return {owner: Owned(self.version, fields, self.now)} if fields else {}

    def result(self, force: bool) -> Object:
        last = self.managers.get(self.manager)
        mine = Owned(self.version, self.fields, last.time if last else None)
        others = {manager: owned for manager, owned in self.managers.items() if manager != self.manager}
        merged = self.merged
        if last is not None:
            merged = pruned(self.node, merged, last, mine, others, self.convert)
        if others:
            changes = _Changes(self.node, self.base, merged, self.version, self.reset, self.convert)
            if not force:
                _check_conflicts(others, changes)
            others = _yielded(others, changes)
        if fields := difference(self.fields, NEVER_OWNED):
            unchanged = self.live is not None and merged == self.base
            others[self.manager] = Owned(self.version, fields, mine.time if unchanged else self.now)
        return _with_managers(merged, others)


def _without_managers(found: Object) -> tuple[Object, list[Any]]:
    metadata = found.get("metadata") or {}
    if "managedFields" not in metadata:
        return found, []
    rest = {key: value for key, value in metadata.items() if key != "managedFields"}
    return {**found, "metadata": rest}, metadata["managedFields"] or []


def _with_managers(found: Object, managers: Managers) -> Object:
    metadata = dict(found.get("metadata") or {})
    if managers:
        metadata["managedFields"] = write(managers)
    return {**found, "metadata": metadata}


def _check_conflicts(others: Managers, changes: _Changes) -> None:
    found: list[tuple[Manager, str]] = []
    for manager in sorted(others, key=identifier):
        owned = others[manager]
        try:
            changed, _ = changes.at(owned.version)
        except KeyError:
            continue
        found += [(manager, show(path)) for path in paths(intersection(owned.fields, changed))]
    if found:
        raise conflict(found)


def conflict(found: list[tuple[Manager, str]]) -> StatusError:
    """Of an apply with what others own: (whose, which field), by manager."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {shown(manager)}", "field": field}
        for manager, field in found
    ]
    if len(found) == 1:
        message = f"Apply failed with 1 conflict: conflict with {shown(found[0][0])}: {found[0][1]}"
        return StatusError("Conflict", message, {"causes": causes})
    lines = []
    for manager in dict.fromkeys(manager for manager, _ in found):
        lines.append(f"conflicts with {shown(manager)}:")
        lines += [f"- {field}" for other, field in found if other == manager]
    message = f"Apply failed with {len(found)} conflicts: {chr(10).join(lines)}"
    return StatusError("Conflict", message, {"causes": causes})


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
