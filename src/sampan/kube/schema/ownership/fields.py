"""The fields of an object, and those in which two objects differ, as sets.

sigs.k8s.io/structured-merge-diff/typed: tofieldset.go, compare.go
"""

from typing import Any

from sampan.kube.schema.node import MISSING, Node
from sampan.kube.schema.ownership.fieldset import LEAF, SELF, Set, in_order
from sampan.kube.schema.ownership.types import (
    LIST,
    MAP,
    SCALAR,
    associative,
    atomic_map,
    child,
    declared,
    element,
    shape,
)

Items = dict[str, list[Any]]


def fields_of(node: Node, value: Any) -> Set:
    """What applying `value` comes to own: leaves, elements of lists and keys of maps, but not structs above
    them.
    """
    return _below(node, value) or {}


def _below(node: Node, value: Any) -> Set | None:
    """None: nothing; LEAF: `value` itself."""
    kind = shape(node, value)
    if kind == SCALAR:
        return LEAF
    if kind == LIST:
        return _fields_of_list(node, value) if associative(node) else LEAF
    if atomic_map(node):
        return LEAF
    if not isinstance(value, dict):
        return None
    found: Set = {}
    for key in sorted(value):
        item = value[key]
        below = _below(child(node, key), item)
        if item is None or item == {}:
            below = LEAF
        elif below and not declared(node, key) and SELF not in below:
            below = {SELF: LEAF, **below}
        elif below is None and not declared(node, key):
            below = LEAF
        if below is not None:
            found[f"f:{key}"] = below
    return found or None


def _fields_of_list(node: Node, value: Any) -> Set | None:
    if not value:
        return None
    found: Set = {}
    for name, items in by_element(node, value).items():
        below = _below(node.items or node, items[0]) if len(items) == 1 else LEAF
        found[name] = {SELF: LEAF, **below} if below and SELF not in below else below or LEAF
    return in_order(found)


def by_element(node: Node, items: list[Any]) -> Items:
    """The items of an associative list by their path elements; several where one occurs again."""
    found: Items = {}
    for item in items:
        found.setdefault(element(node, item), []).append(item)
    return found


def whole(node: Node, value: Any) -> Set:
    """All of a value that was not there before: it, and everything below it."""
    kind = shape(node, value)
    if kind == SCALAR or not value:
        return LEAF
    if kind == MAP:
        if atomic_map(node):
            return LEAF
        fields, items = node.fields, node.items
        found: Set = {SELF: LEAF}
        for key in sorted(value):
            field = fields.get(key)
            item = value[key]
            if field is not None and field.type not in ("object", "map", "list", "any"):
                found["f:" + key] = LEAF  # most are scalars
            else:
                found["f:" + key] = whole(field or items or child(node, key), item)
        return found
    if not associative(node):
        return LEAF
    item_node = node.items or node
    found = {
        name: whole(item_node, items[0]) if len(items) == 1 else LEAF
        for name, items in by_element(node, value).items()
    }
    return {SELF: LEAF, **(in_order(found) if len(found) > 1 else found)}


def created(node: Node, value: dict[str, Any]) -> Set:
    """What is new in an object against an empty one of its type: Go's zero values, where it writes them, are
    there before anything is set.
    """
    found: Set = {}
    for key in sorted(value):
        field, item = child(node, key), value[key]
        if field.always is MISSING or not declared(node, key):
            found[f"f:{key}"] = whole(field, item)
        else:
            changed = _created_below(field, item)
            if changed is not None:
                found[f"f:{key}"] = changed
    return found


def _created_below(node: Node, value: Any) -> Set | None:
    """Of a field that an empty object has already, with its zero value."""
    kind = shape(node, value)
    if kind == MAP and not atomic_map(node) and value and node.type == "object":
        return created(node, value) or None
    if (
        kind == SCALAR
        or not value
        or (kind == MAP and atomic_map(node))
        or (kind == LIST and not associative(node))
    ):
        return None if value == node.always and type(value) is type(node.always) else LEAF
    return {key: below for key, below in whole(node, value).items() if key != SELF}


def compare(node: Node, old: Any, new: Any) -> tuple[Set, Set]:
    """What was added or changed, and what was removed, between two maps. Raises Unkeyed."""
    changed: Set = {}
    removed: Set = {}
    _compare_maps(node, old, new, changed, removed)
    return changed, removed


def _compare_maps(node: Node, old: dict[str, Any], new: dict[str, Any], changed: Set, removed: Set) -> None:
    for key in sorted(new):
        value = new[key]
        before = old.get(key, MISSING)
        if before is MISSING:
            changed["f:" + key] = whole(child(node, key), value)
        elif before is not value and before != value:
            _compare_values(child(node, key), before, value, "f:" + key, changed, removed)
    if len(old) > len(new) or not old.keys() <= new.keys():
        for key in sorted(old.keys() - new.keys()):
            removed["f:" + key] = whole(child(node, key), old[key])


def _compare_values(node: Node, old: Any, new: Any, key: str, changed: Set, removed: Set) -> None:
    """Both are there, and differ; what is found is put at `key`."""
    kind = shape(node, new if new is not None else old)
    more: Set = {}
    less: Set = {}
    if kind == SCALAR or not (old or new) or _whole(node, kind):
        if node.type == "any" and isinstance(old, dict) and not atomic_map(node):
            less = _children(node, old)  # a tree became a scalar or a list
        changed[key] = LEAF
    elif kind == MAP:
        before = old if isinstance(old, dict) else {}
        _compare_maps(node, before, new or {}, more, less)
        if node.type == "any" and old is not None and before is not old:
            changed[key] = {SELF: LEAF, **more} if more else LEAF
            return
    else:
        _compare_lists(node, old if isinstance(old, list) else [], new or [], more, less)
    if more:
        changed[key] = more
    if less:
        removed[key] = less


def _whole(node: Node, kind: int) -> bool:
    return atomic_map(node) if kind == MAP else not associative(node)


def _children(node: Node, value: dict[str, Any]) -> Set:
    return {f"f:{key}": whole(child(node, key), value[key]) for key in sorted(value)}


def _compare_lists(node: Node, old: list[Any], new: list[Any], changed: Set, removed: Set) -> None:
    before, after = by_element(node, old), by_element(node, new)
    item = node.items or node
    for name in {**before, **after}:
        _compare_items(item, before.get(name, []), after.get(name, []), name, changed, removed)
    for found in (changed, removed):
        if len(found) > 1:
            _sort(found)


def _compare_items(item: Node, old: list[Any], new: list[Any], name: str, changed: Set, removed: Set) -> None:
    """Items of one path element; where it occurs more than once, all of them are owned as one."""
    if len(old) <= 1 and len(new) <= 1:
        if not old:
            changed[name] = whole(item, new[0])
        elif not new:
            removed[name] = whole(item, old[0])
        elif old[0] != new[0]:
            _compare_values(item, old[0], new[0], name, changed, removed)
    elif len(old) > 1 and len(new) > 1:
        if old != new:
            changed[name] = LEAF
    elif len(old) > 1:
        if new:
            changed[name] = whole(item, new[0])
        removed[name] = LEAF
    else:
        if old:
            removed[name] = whole(item, old[0])
        changed[name] = LEAF


def _sort(found: Set) -> None:
    ordered = in_order(found)
    if ordered is not found:
        items = list(ordered.items())
        found.clear()
        found.update(items)
