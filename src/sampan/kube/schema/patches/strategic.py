"""Strategic merge patch: k8s.io/apimachinery/pkg/util/strategicpatch, the half that a server has.

What may be merged, and by which key, comes from the node's patch_strategy and patch_merge_key. The patch is
used up on the way, as upstream's is: where the result cannot be an object, a client is shown what is left of
it.
"""

from typing import Any

from sampan.kube.schema.node import Node
from sampan.kube.schema.patches import lists
from sampan.kube.schema.patches.directives import (
    DELETE_FROM,
    MARKER,
    RETAIN_KEYS,
    SET_ORDER,
    bad_argument,
    bad_directive,
    directed_field,
    same_type,
    without_directives,
    without_nulls,
)
from sampan.kube.schema.patches.refusals import failed, read, undecodable, unprocessable
from sampan.kube.schema.patches.restoring import mismatch
from sampan.specs.golang.printing import plain
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import fielderror
from sampan.specs.kubernetes.objects import copied
from sampan.specs.kubernetes.status import bad_request, invalid

Map = dict[str, Any]
NOWHERE = Node("any")


def parse(data: bytes) -> tuple[Any, list[str]]:
    """A patch, and what field validation says of it; raises StatusError."""
    return read(data)


def apply(node: Node, original: Map, patch: Any) -> Map:
    """The object as `patch` makes it; `original` stays as it is, and what did not change is shared with it.

    Raises StatusError, also where the result has values of types that `node` has not.
    """
    if patch is not None and not isinstance(patch, dict):
        raise undecodable(patch, "map[string]interface {}")
    try:
        left = copied(patch or {})
        found = merged_map(node, original, left)
        why = mismatch(node, found, original)
    except RecursionError:
        raise unprocessable() from None
    if why:
        raise invalid("", "", "", [fielderror.invalid("patch", plain(left), why)])
    return found


def merged_map(node: Node, original: Map, patch: Map) -> Map:
    """`patch` is used up, `original` is not changed."""
    if MARKER in patch:
        return _directed(patch)
    found = dict(original)
    _retain_keys(found, patch)
    for key in [key for key in patch if key.startswith(SET_ORDER)]:
        _order_elements(node, found, patch, key)
    for key, value in patch.items():
        if key.startswith(DELETE_FROM):
            name = directed_field(key, DELETE_FROM)
            if value is None:
                found.pop(name, None)
            elif name in found and same_type(found[name], value):
                found[name] = merged_value(node, name, found[name], value, delete=True)
        else:
            _put(node, found, key, value)
    return found


def _directed(patch: Map) -> Map:
    directive = patch[MARKER]
    if directive == "replace":
        del patch[MARKER]
        return patch
    if directive == "delete":
        return {}
    raise bad_directive(directive, patch)


def _put(node: Node, found: Map, key: str, value: Any) -> None:
    """One field of the patch that is no directive."""
    if value is None:
        found.pop(key, None)
    elif key in found and same_type(found[key], value):
        found[key] = merged_value(node, key, found[key], value)
    else:
        without_nulls(value)
        kept = without_directives(value)
        found.pop(key, None)
        found.update(kept and {key: kept[0]})


def merged_value(node: Node, key: str, original: Any, patch: Any, *, delete: bool = False) -> Any:
    """`original` and `patch` are of one type. `delete`: `patch` lists what is to go."""
    if isinstance(patch, dict):
        field = field_of(node, key)
        return patch if strategy(field) == "replace" else merged_map(field, original, patch)
    if isinstance(patch, list):
        field = field_of(node, key)
        if strategy(field) != "merge" and not delete:
            return patch
        return merged_list(field, original, patch, delete=delete)
    return patch


def field_of(node: Node, key: str) -> Node:
    """What stands at `key`; upstream looks it up in Go's types, and fails where they do not know it."""
    if node.type == "map":
        return node.items or NOWHERE
    found = node.fields.get(key)
    if found is None:
        found = next((field for name, field in node.fields.items() if name.lower() == key.lower()), None)
    if found is None:
        name = node.definition.rpartition(".")[2]
        raise failed(f"unable to find api field in struct {name} for the json field {quote(key)}")
    return found


def strategy(node: Node) -> str:
    """Without "retainKeys", which only whoever makes a patch looks at."""
    return next((one for one in node.patch_strategy.split(",") if one != "retainKeys"), "")


def merged_list(node: Node, original: list[Any], patch: list[Any], *, delete: bool = False) -> list[Any]:
    """Two lists that are merged: maps by the node's merge key, scalars as a set."""
    if not original and not patch:
        return original
    key = node.patch_merge_key
    if not lists.of_maps(original, patch):
        if delete:
            return lists.without(original, patch)
        merged = list(lists.tokens([*original, *patch]).values())
    else:
        if not key:
            raise failed("cannot merge lists without merge key for struct")
        original, patch = lists.carried_out(original, patch, key)
        merged = _merged_items(node.items or NOWHERE, original, patch, key)
    return lists.ordered(merged, patch, original, key)


def _merged_items(item: Node, original: list[Any], patch: list[Any], key: str) -> list[Any]:
    found = list(original)
    places: dict[Any, int] = {}
    for place, old in enumerate(found):
        places.setdefault(lists.token(old.get(key, lists)), place)
    for value in patch:
        token = lists.token(lists.merge_value(value, key))
        if token in places:
            found[places[token]] = merged_map(item, found[places[token]], value)
        elif kept := without_directives(value):
            places[token] = len(found)
            found.append(kept[0])
    return found


def _retain_keys(original: Map, patch: Map) -> None:
    """Only the keys that `$retainKeys` lists stay; the patch may have no others."""
    if RETAIN_KEYS not in patch:
        return
    wanted = patch.pop(RETAIN_KEYS)
    if not isinstance(wanted, list):
        raise bad_request("invalid patch format of retainKeys")
    kept = {key for key in wanted if isinstance(key, str)}
    for key, value in patch.items():
        if value is not None and not key.startswith((DELETE_FROM, SET_ORDER)) and key not in kept:
            raise bad_request("invalid patch format of retainKeys")
    for key in [key for key in original if key not in kept]:
        del original[key]


def _order_elements(node: Node, original: Map, patch: Map, key: str) -> None:
    """Carry out one `$setElementOrder/x`, together with the list x of the patch."""
    order = patch.pop(key)
    if not isinstance(order, list):
        raise bad_argument(order, "[]interface {}")
    name = directed_field(key, SET_ORDER)
    here, there = original.get(name, []), patch.get(name, [])
    for value in (here, there):
        if not isinstance(value, list):
            raise bad_argument(value, "[]interface {}")
    field = field_of(node, name)
    merge_key = field.patch_merge_key
    lists.check_order(there, order, merge_key)
    if name in original and name in patch:
        merged = merged_value(node, name, here, there)
    elif name in original:
        merged = here
    elif name in patch:
        merged = (without_directives(there) or ([],))[0]
    else:
        return
    if not here and not there:
        raise failed("no elements in any of the given slices")
    lists.of_maps(here, there)
    original[name] = lists.ordered(merged, order, here, merge_key)
    patch.pop(name, None)
