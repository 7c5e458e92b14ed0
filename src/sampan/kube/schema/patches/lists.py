"""Lists that a strategic merge patch merges: finding elements by key, and the order they come out in."""

from typing import Any

from sampan.kube.schema.patches.directives import MARKER, SET_ORDER, bad_argument, bad_directive
from sampan.kube.schema.patches.refusals import failed, unprocessable
from sampan.specs.golang.printing import kind_of, plain
from sampan.specs.kubernetes.status import StatusError

List = list[Any]


def of_maps(*lists: List) -> bool:
    """Whether the elements are maps. All of them must be of one type, and none a list."""
    kinds: list[str] = []
    for item in (item for one in lists for item in one):
        kind = kind_of(item)
        if kind == "slice" and not kinds:
            raise unprocessable()  # lists of lists are not supported
        if kinds and kind != kinds[0]:
            raise failed(f"list element types are not identical: {plain([list(one) for one in lists])}")
        kinds.append(kind)
    return kinds[0] == "map" if kinds else False


def no_merge_key(item: Any, key: str) -> StatusError:
    return failed(f"map: {plain(item)} does not contain declared merge key: {key}")


def merge_value(item: Any, key: str) -> Any:
    """By what an element is known: the value of its merge key."""
    if not isinstance(item, dict):
        raise bad_argument(item, "map[string]interface {}")
    if key not in item:
        raise no_merge_key(item, key)
    return item[key]


def token(value: Any) -> Any:
    """Something to find a value by, as Go compares interface{}: 1 is neither true nor 1.0. Maps and lists,
    which Go cannot compare, are equal to nothing.
    """
    return id(value) if isinstance(value, dict | list) else (type(value), value)


def tokens(items: List) -> dict[Any, Any]:
    """Each value once."""
    return {token(item): item for item in items}


def without(items: List, others: List) -> List:
    gone = tokens(others)
    return [item for item in items if token(item) not in gone]


def _known(item: Any, key: str) -> Any:
    """By what an element of a list is found: its merge key's value; in lists without one itself."""
    return token(merge_value(item, key) if key else item)


def places(items: List, key: str) -> dict[Any, int]:
    """Where a value of the merge key (of lists without one: a value) is first."""
    found: dict[Any, int] = {}
    for place, item in enumerate(items):
        found.setdefault(_known(item, key), place)
    return found


def carried_out(original: List, patch: List, key: str) -> tuple[List, List]:
    """Carry out `$patch` in elements of the patch: (what is left of the original, of the patch)."""
    rest, deleted, replace = [], [], False
    for item in patch:
        directive = item.get(MARKER)
        if MARKER not in item:
            rest.append(item)
        elif directive == "delete":
            deleted.append(merge_value(item, key))
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise failed("merging lists cannot yet be specified in the patch")
        else:
            raise bad_directive(directive, item)
    if replace:
        return rest, []
    gone = tokens(deleted)
    return [item for item in original if key not in item or token(item[key]) not in gone], rest


def check_order(patch: List, order: List, key: str) -> None:
    """What a patch has must occur in `$setElementOrder`, in the same order; deletions do not count."""
    if not patch or not order:
        return
    if key:
        for item in patch:
            if not isinstance(item, dict):
                raise bad_argument(item, "map[string]interface {}")
    left = [item for item in patch if not (isinstance(item, dict) and MARKER in item)]
    at = 0
    for item in order:
        if at < len(left) and _known(left[at], key) == _known(item, key):
            at += 1
    if at < len(left):
        shown = f"{SET_ORDER} list:\n{plain(order)}\n"
        raise failed(f"The order in patch list:\n{plain(patch)}\n doesn't match {shown}")


def ordered(merged: List, patch: List, server: List, key: str) -> List:
    """What `patch` names in its order, what only the server has in the server's, and the two interleaved."""
    wanted, known = places(patch, key), places(server, key)
    keyed = [(_known(item, key), item) for item in merged]
    first = sorted((pair for pair in keyed if pair[0] in wanted), key=lambda pair: wanted[pair[0]])
    rest = sorted((pair for pair in keyed if pair[0] not in wanted), key=lambda pair: known.get(pair[0], -1))
    found, at = [], 0
    for one, item in rest:
        place = known.get(one, -1)
        while at < len(first) and not 0 <= place < known.get(first[at][0], -1):
            found.append(first[at][1])
            at += 1
        found.append(item)
    return found + [item for _, item in first[at:]]
