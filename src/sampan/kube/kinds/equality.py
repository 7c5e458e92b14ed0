"""Are two objects the same to upstream? apimachinery's pkg/api/equality: what is empty is as good as
absent.
"""

from typing import Any

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.fielderror import FieldError, invalid
from sampan.specs.kubernetes.object_meta import IMMUTABLE

# Go's maps; other objects are structs, and an empty one there is not the same as none.
_MAPS = {
    "annotations",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "options",
    "overhead",
    "requests",
    "volumeAttributes",
}


def same(one: Any, other: Any) -> bool:
    """Semantic.DeepEqual."""
    if one == other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return all(_same_field(key, one.get(key), other.get(key)) for key in keys)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return False


def _same_field(key: str, one: Any, other: Any) -> bool:
    if _is_empty(key, one) and _is_empty(key, other):
        return True
    return same(one, other)


def _is_empty(key: str, value: Any) -> bool:
    return value is None or value == [] or (value == {} and key in _MAPS)


def immutable_errors(new: Object, old: Object, name: str, path: str, shown: Any = None) -> list[FieldError]:
    """`shown`: the new value as a message has it, where that is not its JSON."""
    if _same_field(name, new.get(name), old.get(name)):
        return []
    return [invalid(f"{path}.{name}", new.get(name) if shown is None else shown, IMMUTABLE)]
