"""What the documents are made of, as plain data: the resources that are served."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SubresourceShape:
    """`definition` is of its bodies, in `group`, `version` and `kind`."""

    name: str
    verbs: tuple[str, ...]
    group: str
    version: str
    kind: str
    definition: str


@dataclass(frozen=True)
class ResourceShape:
    """`schema`: of a custom resource, its openAPIV3Schema ({} if it has none); None for built-in ones.
    `stamp` changes whenever the schema does.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]
    definition: str
    subresources: tuple[SubresourceShape, ...] = ()
    schema: dict[str, Any] | None = field(default=None, repr=False)
    stamp: str = ""
    list_kind: str = ""

    @property
    def base(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


@dataclass(frozen=True)
class Group:
    """A group with its versions, the preferred one first, and the resources of each."""

    name: str
    versions: dict[str, list[ResourceShape]] = field(default_factory=dict)


def custom_definition(group: str, version: str, kind: str) -> str:
    """The name of a custom resource's definition: the group backwards, as upstream names it."""
    return ".".join([*reversed(group.split(".")), version, kind])
