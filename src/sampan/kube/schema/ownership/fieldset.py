"""Sets of fields of an object: sigs.k8s.io/structured-merge-diff/fieldpath, kept as their own JSON
(FieldsV1).

A set is a dictionary. Its keys are path elements, "f:name" (a field), 'k:{"name":"a"}' (the element of a list
that has these keys), 'v:"x"' (that of a list of scalars), "i:0" (by its place); its values are sets of what
lies below. Below the root "." stands for the element itself, and so does an empty dictionary: {"f:a": {}} has
a, {"f:a": {"f:b": {}}} has a.b alone, {"f:a": {".": {}, "f:b": {}}} has both. {} as a root is the empty set.

Sets are never changed once made, and share their parts. Keys stand in upstream's order, which is the order of
the encoded form; all functions keep it.
"""

import json
from functools import lru_cache
from typing import Any

from sampan.kube.schema.ownership.elements import canonical, order

Set = dict[str, Any]

LEAF: Set = {}
SELF = "."


def union(one: Set, other: Set) -> Set:
    """Of two roots."""
    if not one or not other:
        return one or other
    return _union(one, other)


def _union(one: Set, other: Set) -> Set:
    """Of two sets below the root, or of two roots neither of which is empty."""
    if one is other:
        return one
    if not one or not other:
        both = one or other
        return both if not both or SELF in both else {SELF: LEAF, **both}
    found, grown = dict(one), False
    for key, theirs in other.items():
        mine = found.get(key)
        if mine is None:
            found[key] = theirs
            grown = True
        else:
            found[key] = _union(mine, theirs)
    return in_order(found) if grown else found


def difference(one: Set, other: Set) -> Set:
    """What `one` has and `other` has not; having a field says nothing about those below it."""
    if not one or not other or one.keys().isdisjoint(other):
        return one
    found = {}
    for key, mine in one.items():
        theirs = other.get(key)
        rest = mine if theirs is None else _difference(mine, theirs)
        if rest is not None:
            found[key] = rest
    return found


def _difference(one: Set, other: Set) -> Set | None:
    if not one:
        return one if other and SELF not in other else None
    if not other:
        return one if SELF not in one else {key: value for key, value in one.items() if key != SELF} or None
    return _plain(difference(one, other))


def _plain(below: Set) -> Set | None:
    """A result of what is below the root: None if it is nothing, LEAF if it is only the element itself."""
    if len(below) == 1 and SELF in below:
        return LEAF
    return below or None


def without(one: Set, other: Set) -> Set:
    """What `one` has, but neither a field that `other` has nor anything below it."""
    if not one or not other or one.keys().isdisjoint(other):
        return one
    found = {}
    for key, mine in one.items():
        theirs = other.get(key)
        if theirs is None:
            found[key] = mine
        elif theirs and SELF not in theirs:
            rest = _plain(without(mine, theirs)) if mine else mine
            if rest is not None:
                found[key] = rest
    return found


def intersection(one: Set, other: Set) -> Set:
    found = {}
    for key, mine in one.items():
        theirs = other.get(key)
        if theirs is not None and (both := _intersection(mine, theirs)) is not None:
            found[key] = both
    return found


def _intersection(one: Set, other: Set) -> Set | None:
    if not one:
        return LEAF if not other or SELF in other else None
    if not other:
        return LEAF if SELF in one else None
    return _plain(intersection(one, other))


def contains(fields: Set, path: tuple[str, ...]) -> bool:
    for key in path:
        below = fields.get(key)
        if below is None:
            return False
        fields = below
    return not fields or SELF in fields


def paths(fields: Set, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """All that is in the set, in the order in which upstream visits it: the members of a level first."""
    found = [(*above, key) for key, below in fields.items() if key != SELF and (not below or SELF in below)]
    for key, below in fields.items():
        if below:
            found += paths(below, (*above, key))
    return found


def of_paths(*dotted: str) -> Set:
    """The set of such fields: "metadata.name"."""
    found: Set = {}
    for path in dotted:
        below: Set = LEAF
        for name in reversed(path.split(".")):
            below = {f"f:{name}": below}
        found = union(found, below)
    return found


def in_order(fields: Set) -> Set:
    """Only this level is put in order."""
    keys = list(fields)
    wanted = sorted(keys, key=order)
    return fields if keys == wanted else {key: fields[key] for key in wanted}


def decode(value: Any) -> Set:
    """A client's FieldsV1. Elements of kinds that nobody knows are dropped; raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("expect { or n, but found something else")
    return _decode_text(json.dumps(value))


@lru_cache(maxsize=256)
def _decode_text(text: str) -> Set:
    found = _decoded(json.loads(text))
    found.pop(SELF, None)
    return found


def _decoded(value: Any) -> Set:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("expect { or n, but found something else")
    found: Set = {}
    for key, below in value.items():
        if key == SELF:
            found[SELF] = LEAF
        elif (element := canonical(key)) is not None:
            child = _plain(_decoded(below)) or LEAF
            found[element] = child if element not in found else _union(found[element], child)
    return in_order(found)
