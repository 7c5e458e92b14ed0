"""What a kind says of itself: a module per kind ends with its `RESOURCE`.

Objects are JSON values: dictionaries as a client would see them, never shared between requests. Nothing here
waits, reads a clock or knows a request: what it needs to know comes in a Context.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sampan.specs.kubernetes.fielderror import FieldError

Object = dict[str, Any]

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Reader(Protocol):
    """The objects of the cluster as this server has them now; what it hands out must not be changed."""

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """`resource` with its group: "pods", "deployments.apps"."""
        ...

    def list(self, resource: str, namespace: str = "") -> Sequence[Object]: ...


@dataclass(frozen=True)
class Context:
    """What a kind may know of the request it serves."""

    now: str  # RFC 3339, whole seconds
    user: str = ""
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subresource: str = ""
    dry_run: bool = False
    reader: Reader | None = None
    # May this user (verb, group, resource, subresource, namespace, name)? For RBAC's escalation checks.
    allowed: Callable[[str, str, str, str, str, str], bool] | None = None


Default = Callable[[Object], None]
Prepare = Callable[[Object, Context], None]
PrepareUpdate = Callable[[Object, Object, Context], None]
Validate = Callable[[Object, Context], list[FieldError]]
ValidateUpdate = Callable[[Object, Object, Context], list[FieldError]]


@dataclass(frozen=True)
class Companions:
    """Objects that are written together with one: (resource with its group, object) to create, and (resource
    with its group, name) to delete. They are not namespaced.
    """

    create: tuple[tuple[str, Object], ...] = ()
    delete: tuple[tuple[str, str], ...] = ()


NO_COMPANIONS = Companions()

# (new, old, context): new is None where the object is deleted, old where it is created.
Allocate = Callable[[Object | None, Object | None, Context], Companions]


def nothing(*_: Any) -> None:
    """Of a kind that has no say in this."""


def no_errors(*_: Any) -> list[FieldError]:
    """Of a kind that has no objection."""
    return []


def no_warnings(_new: Object, _old: Object | None, _context: Context) -> list[str]:
    return []


@dataclass(frozen=True)
class Column:
    """A column of a Table. `describe` is the field whose description it has ("spec.replicas"), of another
    definition with that and a colon before it; without one it has a `description` of its own.
    """

    name: str
    type: str = "string"
    format: str = ""
    describe: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True)
class Subresource:
    """What stands behind `/<resource>/<name>/<name of the subresource>`.

    One without a function of its own takes its resource's; `verbs` as discovery shows them. `kind` is what
    its bodies are (Scale, Eviction, TokenRequest); empty: the resource's own.
    """

    name: str
    verbs: tuple[str, ...] = ("get", "patch", "update")
    group: str = ""
    version: str = ""
    kind: str = ""
    prepare_update: PrepareUpdate | None = None
    validate_update: ValidateUpdate | None = None


@dataclass(frozen=True)
class ScaleOf:
    """Where a resource's scale subresource finds what it shows; paths are dotted, "" is nowhere."""

    replicas: str = "spec.replicas"
    status: str = "status.replicas"
    selector: Callable[[Object], str] | None = None  # as text; None: it has none


@dataclass(frozen=True)
class Resource:
    """A resource type of the API.

    The order of a write is default, prepare, validate: `default` fills in what a client may leave out,
    `prepare_*` puts what a client may not decide (status) to what it was, `validate*` says what is wrong, in
    upstream's order. The new object is changed in place, the old one is only read.
    """

    kind: str
    plural: str
    version: str = "v1"
    group: str = ""
    singular: str = ""  # the kind in lower case
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    definition: str = ""  # of its schema; derived from group and version if empty
    subresources: tuple[Subresource, ...] = ()
    scale: ScaleOf | None = None

    default: Default = nothing
    prepare_create: Prepare = nothing
    prepare_update: PrepareUpdate = nothing
    validate: Validate = no_errors
    # Called instead of `validate` for an update. `None`: `validate` of the new object.
    validate_update: ValidateUpdate | None = None
    warnings: Callable[[Object, Object | None, Context], list[str]] = no_warnings

    # Do its messages begin with what is wrong with its metadata? Of the others that is looked at only if
    # nothing else is wrong, and without upstream's rule about the names of finalizers.
    judges_metadata: bool = True
    # How names look: "subdomain" and "label" (RFC 1123), "label-1035" (services), "path-segment" (RBAC).
    names: str = "subdomain"
    # Must finalizers be standard ones or have a domain? Not so of kinds that are no part of the core's.
    standard_finalizers: bool = True
    # Fields whose change raises metadata.generation: ("spec",) for most that have a status; () if it has
    # none.
    generation: tuple[str, ...] = ()
    # Paths that a write by this subresource ("": the resource itself) may not change, and nobody comes to own
    # by it.
    reset_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Fields by which lists may select, besides metadata.name and metadata.namespace.
    selectable: Mapping[str, Callable[[Object], str]] = field(default_factory=dict)
    # How a list says that it does not know a field (`{}`); empty: as kinds without fields of their own do.
    unknown_field: str = ""
    # Can lists of it select by metadata.namespace? (Cluster-scoped ones with fields of their own: no.)
    namespace_selectable: bool = True
    # Fields that Go writes in an object of the kind even if nothing is in it, as a bookmark is.
    empty: Mapping[str, Any] = field(default_factory=dict)
    # What a Table shows; None: Name and Age.
    columns: tuple[Column, ...] | None = None
    # One cell for each column but "Name", which is the machinery's; `now` in seconds since 1970, for ages.
    cells: Callable[[Object, float], list[Any]] | None = None
    # What stands in the column "Name", if it is more than the name.
    title: Callable[[Object], str] | None = None
    # A row's own conditions: of what has ended, so that it can be left out. None: there are none.
    row_conditions: Callable[[Object], list[Object]] | None = None

    create_on_update: bool = False
    unconditional_update: bool = True
    # A deletion answers with a Status; of these kinds with the object.
    deletion_returns_object: bool = False
    orphan_by_default: bool = False  # its dependents stay where a deletion does not say what to do
    orphan_warning: str = ""  # what a deletion is then told
    # What else than metadata.finalizers keeps an object that is being deleted (a namespace's own finalizers).
    held: Callable[[Object], bool] | None = None
    # What a deletion that has to wait changes besides the deletion timestamp (a namespace's phase).
    mark_deleted: Prepare = nothing
    # Seconds; (object, what was asked) -> what it gets. None: deletions are immediate.
    grace: Callable[[Object, int | None], int] | None = None
    ttl: int = 0  # seconds after which an object vanishes (events)
    # Gives the object what there is only once in the cluster (addresses, ports), before `prepare_*`. One call
    # at a time: what it returns is written before it is asked again. Raises StatusError. Nothing is kept of
    # what it gives in a dry run.
    allocate: Allocate | None = None
    deprecated: str = ""  # what whoever asks for it in any way is warned of
    # The version in which upstream keeps it, if another: discovery tells a hash of that.
    storage_version: str = ""
    # Where two versions or groups share storage: (group, plural) of the resource whose keys it uses, and how
    # its form becomes the one that is stored, and back.
    stored_as: tuple[str, str] = ("", "")
    to_stored: Callable[[Object], Object] | None = None
    from_stored: Callable[[Object], Object] | None = None

    @property
    def stored(self) -> bool:
        """Are there objects of it, or does it only answer (reviews, bindings)?"""
        return "watch" in self.verbs

    def knows_field(self, name: str) -> bool:
        """Can lists of it select by this field?"""
        if name == "metadata.namespace":
            return self.namespace_selectable
        return name == "metadata.name" or name in self.selectable

    def unknown_field_error(self, name: str) -> str:
        """What a list is told that selects by another field."""
        if self.unknown_field:
            return self.unknown_field.replace("{}", name)
        if self.selectable:
            return f"field label not supported: {name}"
        return f'"{name}" is not a known field selector: only "metadata.name", "metadata.namespace"'

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """With its group, as messages and Reader have it: "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural
