"""ControllerRevisions: the templates that a StatefulSet or a DaemonSet has had. Pure; pkg/controller/history

A revision's data is a patch that puts a template back. Two revisions of one owner with equal data are one and
the same: going back to a template gives its revision the highest number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.kube.client.requests import Object
from sampan.specs.golang import json

LONGEST_PREFIX = 223  # characters of a name, before the hash


def snapshot(owner: Object) -> Object:
    """The data that puts the owner's template back."""
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def made(metadata: Object, data: Object, number: int) -> Object:
    """A revision, as it is to be created."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": number,
    }


def encoded(data: Any) -> bytes:
    """As it is written, and hashed."""
    return json.marshal(data)


def template_of(revision: Object) -> Object | None:
    """The template that the revision keeps; None if it is not of the form that controllers write."""
    data = revision.get("data")
    spec = data.get("spec") if isinstance(data, dict) else None
    template = spec.get("template") if isinstance(spec, dict) else None
    if not isinstance(template, dict) or template.get("$patch") != "replace":
        return None
    return {name: value for name, value in template.items() if name != "$patch"}


def named(owner: Object, hash: str) -> str:
    return f"{owner['metadata']['name'][:LONGEST_PREFIX]}-{hash}"


def in_order(revisions: Iterable[Object]) -> list[Object]:
    """From the oldest to the newest."""
    return sorted(revisions, key=_age)


def _age(revision: Object) -> tuple[int, str, str]:
    metadata = revision["metadata"]
    return revision.get("revision", 0), metadata.get("creationTimestamp", ""), metadata["name"]


def number(revision: Object) -> int:
    return int(revision.get("revision", 0))


def next_number(revisions: Iterable[Object]) -> int:
    return max(map(number, revisions), default=0) + 1


@dataclass(frozen=True)
class Choice:
    """The revision that holds the template of now; `number` is the one it must have."""

    revision: Object | None  # None: it must be made
    number: int

    @property
    def stays(self) -> bool:
        return self.revision is not None and number(self.revision) == self.number


def choose(revisions: Sequence[Object], data: Object) -> Choice:
    """Of an owner's revisions, in order."""
    equal = [one for one in revisions if one.get("data") == data]
    if not equal:
        return Choice(None, next_number(revisions))
    if revisions[-1].get("data") == data:
        return Choice(revisions[-1], number(revisions[-1]))
    return Choice(equal[-1], next_number(revisions))


def unused(revisions: Sequence[Object], live: Iterable[str]) -> list[Object]:
    """Those that are not among the live ones (by name)."""
    kept = frozenset(live)
    return [one for one in revisions if one["metadata"]["name"] not in kept]
