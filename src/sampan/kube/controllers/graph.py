"""Who belongs to whom: all objects of a cluster by their uids, for the garbage collector. Pure."""

from dataclasses import dataclass, field

from sampan.kube.client.requests import Object, ResourcePath

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass
class Vertex:
    """An object that is there: its resource and its metadata."""

    resource: ResourcePath
    metadata: Object

    @property
    def uid(self) -> str:
        return str(self.metadata["uid"])

    @property
    def owners(self) -> list[Object]:
        return self.metadata.get("ownerReferences") or []

    @property
    def going(self) -> bool:
        return "deletionTimestamp" in self.metadata

    @property
    def waits_for_dependents(self) -> bool:
        return self.going and FOREGROUND in (self.metadata.get("finalizers") or ())

    @property
    def lets_dependents_go(self) -> bool:
        return self.going and ORPHAN in (self.metadata.get("finalizers") or ())

    def blocks(self, owner: str) -> bool:
        """Must the object `owner` (a uid) wait until this one has gone? Nothing waits for itself."""
        return self.uid != owner and any(
            one["uid"] == owner and one.get("blockOwnerDeletion") for one in self.owners
        )

    def may_own(self, dependent: "Vertex") -> bool:
        """An owner is in the same namespace, or in none."""
        namespace = self.metadata.get("namespace")
        return namespace is None or namespace == dependent.metadata.get("namespace")


@dataclass
class Graph:
    vertices: dict[str, Vertex] = field(default_factory=dict)
    dependents: dict[str, set[str]] = field(default_factory=dict)  # by the uid of the owner, there or not

    def put(self, vertex: Vertex) -> list[tuple[Vertex, Object]]:
        """It is there, or has changed. Told are the references that turn out now to lead to another
        namespace, each with the object that has it.
        """
        uid = vertex.uid
        known = self.vertices.get(uid)
        before = {one["uid"] for one in known.owners} if known is not None else set()
        after = {one["uid"] for one in vertex.owners}
        self.vertices[uid] = vertex
        for owner in before - after:
            self._part(owner, uid)
        for owner in after - before:
            self.dependents.setdefault(owner, set()).add(uid)
        new = [(vertex, one) for one in vertex.owners if one["uid"] not in before]
        if known is None:
            others = (other for other in self.dependents_of(uid) if other is not vertex)
            new += [(other, one) for other in others for one in other.owners if one["uid"] == uid]
        return [(dependent, one) for dependent, one in new if self._strays(dependent, one)]

    def _strays(self, dependent: Vertex, reference: Object) -> bool:
        owner = self.vertices.get(reference["uid"])
        return owner is not None and not owner.may_own(dependent)

    def remove(self, uid: str) -> None:
        known = self.vertices.pop(uid, None)
        for one in known.owners if known is not None else ():
            self._part(one["uid"], uid)

    def _part(self, owner: str, dependent: str) -> None:
        uids = self.dependents.get(owner)
        if uids is not None:
            uids.discard(dependent)
            if not uids:
                del self.dependents[owner]

    def dependents_of(self, uid: str) -> list[Vertex]:
        return [self.vertices[one] for one in self.dependents.get(uid, ()) if one in self.vertices]
