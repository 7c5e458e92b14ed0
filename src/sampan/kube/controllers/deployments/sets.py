"""Facts of a Deployment's ReplicaSets. Pure; upstream's deployment_util"""

from collections.abc import Iterable, Sequence
from typing import Any

from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.objects import annotations_of, by_creation
from sampan.specs.kubernetes.structs import printed

HASH = "pod-template-hash"
PREFIX = "deployment.kubernetes.io/"
REVISION, HISTORY = f"{PREFIX}revision", f"{PREFIX}revision-history"
DESIRED, MAXIMUM = f"{PREFIX}desired-replicas", f"{PREFIX}max-replicas"
LARGEST = (1 << 31) - 1


def replicas(value: Object) -> int:
    """What a Deployment or a set asks for."""
    found = value["spec"].get("replicas")
    return 1 if found is None else int(found)


def count(value: Object, name: str) -> int:
    """Of a status: "readyReplicas"."""
    return int((value.get("status") or {}).get(name) or 0)


def total(sets: Iterable[Object], name: str = "") -> int:
    """What the sets ask for, or what their status counts under a name."""
    return sum(count(one, name) if name else replicas(one) for one in sets)


def active(sets: Iterable[Object]) -> list[Object]:
    """Those that are to have pods."""
    return [one for one in sets if replicas(one) > 0]


def number(text: str | None) -> int | None:
    """A count that an annotation holds; None of what is none."""
    if not text:
        return None
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        return None
    return int(text)


def desired(one: Object) -> int | None:
    """How many replicas the Deployment had when the set was scaled last."""
    return number(annotations_of(one).get(DESIRED))


def without_hash(template: Object) -> Object:
    metadata = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def same_template(one: Object, other: Object) -> bool:
    """Are they equal but for their hashes, as Go's structs are? An empty list there is none at all."""
    one, other = without_hash(one), without_hash(other)
    if one == other:
        return True
    # Printing takes ten times as long, and nearly all pairs differ in more than what is empty.
    return _filled(one) == _filled(other) and printed("PodTemplateSpec", one) == printed(
        "PodTemplateSpec", other
    )


def _filled(value: Any) -> Any:
    """Without all that is empty, zero or false."""
    if isinstance(value, dict):
        found = {key: _filled(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each}
    return [_filled(each) for each in value] if isinstance(value, list) else value


def newest(deployment: Object, sets: Iterable[Object]) -> Object | None:
    """The set of the Deployment's template; the oldest of several."""
    template = deployment["spec"]["template"]
    for one in by_creation(sets):
        if same_template(one["spec"]["template"], template):
            return one
    return None


def older(sets: Iterable[Object], new: Object | None) -> list[Object]:
    """All but the newest."""
    return [one for one in sets if new is None or one["metadata"]["uid"] != new["metadata"]["uid"]]


def together(old: Sequence[Object], new: Object | None) -> list[Object]:
    return [*old, new] if new is not None else list(old)


def changed(one: Object, *, spec: Object | None = None, annotations: Object | None = None) -> Object:
    """A copy with that in its spec and its annotations."""
    metadata = one["metadata"]
    if annotations is not None:
        metadata = {**metadata, "annotations": annotations}
    return {**one, "metadata": metadata, "spec": {**one["spec"], **(spec or {})}}
