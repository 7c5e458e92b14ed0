"""Facts of any object: labels and annotations, owner, conditions, whether it is on its way out. Pure."""

from collections.abc import Iterable

from sampan.specs.kubernetes import conditions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")
    Object = dict[str, Any]


def labels_of(value: "Object") -> "dict[str, str]":
    """Empty where there are none; not to be changed."""
    return value["metadata"].get("labels") or {}


def annotations_of(value: "Object") -> "dict[str, str]":
    """Empty where there are none; not to be changed."""
    return value["metadata"].get("annotations") or {}


def condition(value: "Object", kind: str) -> "Object | None":
    """A condition of any object, by its type."""
    return conditions.find((value.get("status") or {}).get("conditions"), kind)


def is_true(value: "Object", kind: str) -> bool:
    """Has it a condition of this type, with status True?"""
    found = condition(value, kind)
    return found is not None and found.get("status") == "True"


def is_going(value: "Object") -> bool:
    """Has its deletion been asked for?"""
    return bool(value["metadata"].get("deletionTimestamp"))


def owner(value: "Object") -> "Object | None":
    """The reference to the owner that controls an object."""
    for one in value["metadata"].get("ownerReferences") or ():
        if one.get("controller"):
            found: Object = one
            return found
    return None


def is_controlled_by(value: "Object", uid: str) -> bool:
    """Is it controlled by this very owner?"""
    found = owner(value)
    return found is not None and found.get("uid") == uid


def by_creation(values: "Iterable[Object]") -> "list[Object]":
    """The oldest first; of the same second by name."""
    return sorted(
        values,
        key=lambda one: (one["metadata"].get("creationTimestamp", ""), one["metadata"].get("name", "")),
    )


def copied(value: "T") -> "T":
    """A JSON value that may be changed; copy.deepcopy, which looks for circles, takes five times as long."""
    found: Any = value
    if isinstance(value, dict):
        found = {key: copied(one) for key, one in value.items()}
    elif isinstance(value, list):
        found = [copied(one) for one in value]
    return found  # type: ignore[no-any-return]
