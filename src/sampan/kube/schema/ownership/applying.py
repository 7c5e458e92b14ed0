"""Server-side apply: a manager has said what its fields are, and others keep theirs."""

from typing import Any

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership import lastapplied
from sampan.kube.schema.ownership.elements import show
from sampan.kube.schema.ownership.fields import created, fields_of
from sampan.kube.schema.ownership.fieldset import (
    difference,
    intersection,
    paths,
    without,
)
from sampan.kube.schema.ownership.managed import (
    BEFORE_FIRST_APPLY,
    NEVER_OWNED,
    Changes,
    Object,
    reset_set,
    with_managers,
    without_managers,
    yielded,
)
from sampan.kube.schema.ownership.managers import (
    Manager,
    Managers,
    Owned,
    applier,
    identifier,
    read,
    shown,
    updater,
)
from sampan.kube.schema.ownership.merging import merge
from sampan.kube.schema.ownership.pruning import Convert, pruned
from sampan.kube.schema.ownership.types import Unkeyed
from sampan.kube.schema.ownership.validation import problems
from sampan.kube.schema.patches.refusals import failed
from sampan.specs.kubernetes.status import StatusError, bad_request


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
        self.base, before = without_managers(live or {})
        self.managers = self._tracked(read(before, stored=True))
        self.merged: Object = merge(node, self.base, applied)
        self.fields = without(fields_of(node, applied), reset_set(reset))

    def _tracked(self, managers: Managers) -> Managers:
        """Where nobody has been kept track of, somebody owned all that was there before the first apply."""
        if managers or self.live is None:
            return managers
        found = without(created(self.node, self.base), reset_set(self.reset))
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
            changes = Changes(self.node, self.base, merged, self.version, self.reset, self.convert)
            if not force:
                _check_conflicts(others, changes)
            others = yielded(others, changes)
        if fields := difference(self.fields, NEVER_OWNED):
            unchanged = self.live is not None and merged == self.base
            others[self.manager] = Owned(self.version, fields, mine.time if unchanged else self.now)
        return with_managers(merged, others)


def _check_conflicts(others: Managers, changes: Changes) -> None:
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
