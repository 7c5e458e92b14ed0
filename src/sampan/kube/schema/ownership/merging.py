"""Putting an applied configuration into an object, and taking fields out of one.

sigs.k8s.io/structured-merge-diff/typed: merge.go, remove.go. Values are never changed, and share their parts.
"""

from typing import Any

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership.fields import by_element
from sampan.kube.schema.ownership.fieldset import LEAF, SELF, Set
from sampan.kube.schema.ownership.types import LIST, MAP, associative, atomic_map, child, element, shape


def merge(node: Node, live: Any, applied: Any) -> Any:
    """`live` with what `applied` says; nothing is removed by this. Both are there."""
    kind = shape(node, applied)
    if kind == MAP and not atomic_map(node):
        before = live if isinstance(live, dict) else {}
        if not applied:
            return live if before else applied
        return _merged_map(node, before, applied)
    if kind == LIST and associative(node):
        if not applied:
            return live or applied
        return _merged_list(node, live or [], applied)
    return applied


def _merged_map(node: Node, live: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    found = dict(live)
    for key, value in applied.items():
        found[key] = merge(child(node, key), live[key], value) if key in live else value
    return found


def _merged_list(node: Node, live: list[Any], applied: list[Any]) -> list[Any]:
    """In the order of `applied`; what only `live` has stays in front of what it stood in front of, where the
    orders agree.
    """
    item = node.items or node
    ours, theirs = [element(node, one) for one in live], [element(node, one) for one in applied]
    wanted = dict(zip(theirs, applied, strict=True))
    there = by_element(node, live)

    def merged(name: str) -> Any:
        # One that is there more than once is replaced as a whole.
        old = there.get(name, ())
        return merge(item, old[0], wanted[name]) if len(old) == 1 else wanted[name]

    return [merged(name) if taken is None else taken for name, taken in _interleaved(ours, theirs, live)]


def _interleaved(ours: list[str], theirs: list[str], live: list[Any]) -> list[tuple[str, Any]]:
    """The names of the result, each with the item of `live` if it is to be taken as it is."""
    mine, wanted = set(ours), set(theirs)
    shared = [name for name in theirs if name in mine]
    found: list[tuple[str, Any]] = []
    done: set[str] = set()
    at = left = right = 0
    while left < len(ours) or right < len(theirs):
        expected = shared[at] if at < len(shared) else None
        if left < len(ours) and right < len(theirs):
            name = ours[left]
            if name == theirs[right]:
                found.append((name, None))
                done.add(name)
                left, right, at = left + 1, right + 1, at + 1
                continue
            if name in wanted and expected is not None and expected != name:
                left += 1  # shared, but its turn has not come
                continue
        if left < len(ours):
            if ours[left] not in wanted:
                found.append((ours[left], live[left]))
                left += 1
                continue
            if ours[left] in done:
                left += 1
        if right < len(theirs):
            found.append((theirs[right], None))
            done.add(theirs[right])
            at += theirs[right] == expected
            right += 1
    return found


def remove(node: Node, value: Any, fields: Set) -> Any:
    """`value` without `fields`; what is left empty becomes null."""
    kind = shape(node, value)
    if kind == MAP:
        if not value or atomic_map(node):
            return None
        return _map_without(node, value, fields) or None
    if kind == LIST:
        if not value or not associative(node):
            return None
        return _list_without(node, value, fields) or None
    return value


def _map_without(node: Node, value: dict[str, Any], fields: Set) -> dict[str, Any]:
    found = {}
    for key, item in value.items():
        below = fields.get(f"f:{key}")
        if below is None:
            found[key] = item
        elif below and SELF not in below:
            found[key] = remove(child(node, key), item, below)
    return found


def _list_without(node: Node, value: list[Any], fields: Set) -> list[Any]:
    found = []
    for item in value:
        below = fields.get(element(node, item))
        if below is None:
            found.append(item)
        elif below and SELF not in below:
            found.append(remove(node.items or node, item, below))
    return found


def with_named_fields(node: Node, fields: Set) -> Set:
    """Also the declared fields that are only there for what is below them: {spec: {replicas}} has spec
    then.
    """
    found: Set = {}
    for key, below in fields.items():
        if not below:
            found[key] = below
            continue
        inside = _inside(node, key)
        deeper = with_named_fields(inside, below) if inside is not None else below
        named = key[0] == "f" and key[2:] in node.fields and SELF not in deeper
        found[key] = {SELF: LEAF, **deeper} if named else deeper
    return found


def _inside(node: Node, key: str) -> Node | None:
    if key[0] == "f":
        return child(node, key[2:])
    return node.items if key[0] == "k" and node.type == "list" else None
