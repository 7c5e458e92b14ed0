"""What the server alone decides of an object's metadata.

k8s.io/apiserver/pkg/registry/rest, FillObjectMetaSystemFields, BeforeUpdate; names.SimpleNameGenerator
"""

from typing import Any

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.generated import suffix, uid


def begin(new: Object, stamp: str) -> None:
    """Of an object that is new."""
    metadata = new["metadata"]
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(key, None)
    metadata["uid"] = uid()
    metadata["creationTimestamp"] = stamp


def generated(base: str) -> str:
    """A name that begins so."""
    return base[:58] + suffix()


def keep(after: Object, before: Object) -> None:
    """Whatever a client says of them, or leaves out. That nothing is on its way out it cannot change either,
    but that is for validation to say.
    """
    for key in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        if key in before:
            after[key] = before[key]
        elif key in ("creationTimestamp", "generation"):
            after.pop(key, None)
    if not after.get("uid") and "uid" in before:
        after["uid"] = before["uid"]
    after.pop("selfLink", None)


def is_changed(new: Object, old: Object, paths: tuple[str, ...]) -> bool:
    """Any of what a generation counts?"""
    return any(_at(new, path) != _at(old, path) for path in paths)


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value or None
