"""Taking out of an object what its applier no longer applies:
sigs.k8s.io/structured-merge-diff/merge/update.go.
"""

from collections.abc import Callable
from typing import Any

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership.fields import fields_of
from sampan.kube.schema.ownership.fieldset import Set, difference, intersection, union
from sampan.kube.schema.ownership.managers import Managers, Owned
from sampan.kube.schema.ownership.merging import remove, with_named_fields

Object = dict[str, Any]

# (object, apiVersion) -> the node of that version and the object in it; None if there is no such version.
# Where no converter is given, all versions are taken to look alike.
Convert = Callable[[Object, str], tuple[Node, Object] | None]


def pruned(
    node: Node,
    merged: Object,
    last: Owned,
    mine: Owned,
    others: Managers,
    convert: Convert | None,
) -> Object:
    """`merged` without what its applier had before (`last`) and has no more (`mine`), unless others own it
    too.
    """
    version = mine.version
    if last.version == version and not difference(last.fields, mine.fields):
        return merged
    at = view(node, merged, last.version, version, convert)
    if at is None:
        return merged
    there, whole = at
    left = remove(there, whole, with_named_fields(there, last.fields)) or {}
    left = _with_owned(there, whole, left, [mine, *others.values()], last.version, convert)
    return _without_dangling(there, whole, left, last, version, convert)


def view(
    node: Node, found: Object, wanted: str, version: str, convert: Convert | None
) -> tuple[Node, Object] | None:
    """`found`, which is of `version`, as it is in the version `wanted`."""
    return (node, found) if convert is None or wanted == version else convert(found, wanted)


def _with_owned(
    node: Node, whole: Object, left: Object, everybody: list[Owned], version: str, convert: Convert | None
) -> Object:
    """Put back what somebody owns, in whichever version they say so."""
    owned: dict[str, Set] = {}
    for one in everybody:
        key = version if convert is None else one.version
        owned[key] = union(owned.get(key, {}), one.fields)
    left = _put_back(node, whole, left, owned.pop(version, {}))
    for other, fields in owned.items():
        there, here = view(node, whole, other, version, convert), view(node, left, other, version, convert)
        if there is None or here is None:
            continue
        back = view(there[0], _put_back(there[0], there[1], here[1], fields), version, other, convert)
        left = back[1] if back is not None else left
    return left


def _put_back(node: Node, whole: Object, left: Object, owned: Set) -> Object:
    everything = with_named_fields(node, fields_of(node, whole))
    kept = union(with_named_fields(node, fields_of(node, left)), with_named_fields(node, owned))
    return remove(node, whole, difference(everything, kept)) or {}


def _without_dangling(
    node: Node, whole: Object, left: Object, last: Owned, version: str, convert: Convert | None
) -> Object:
    """Only what the applier had goes: nobody may own a field, and yet it stays."""
    gone = difference(
        with_named_fields(node, fields_of(node, whole)), with_named_fields(node, fields_of(node, left))
    )
    found = remove(node, whole, intersection(gone, with_named_fields(node, last.fields))) or {}
    back = view(node, found, version, last.version, convert)
    return back[1] if back is not None else found
