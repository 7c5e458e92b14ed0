"""`docker rmi` and `docker image prune`: Docker's rules of what may go, and what goes with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.images.listing import Filters, limits
from sampan.engine.images.store import Image, ImageStore
from sampan.errors import Conflict, SampanError
from sampan.specs.docker.filters import boolean, check_names, labels_match
from sampan.specs.oci import reference as references
from sampan.specs.oci.chain import chain_ids
from sampan.specs.oci.reference import Reference

Record = dict[str, str]
PRUNE = {"dangling", "label", "label!", "until"}


@dataclass(frozen=True)
class Use:
    """A container that uses an image."""

    id: str
    running: bool
    image: str  # as it was named


@dataclass
class Removal:
    """One request. `log` emits an image event; `records` is the answer: what was untagged and deleted."""

    store: ImageStore
    in_use: Callable[[str], Iterable[Use]]
    log: Callable[[str, str], None]  # action, image ID
    records: list[Record] = field(default_factory=list)
    freed: int = 0

    def remove(self, text: str, *, force: bool, prune: bool) -> None:
        """Raises NotFound, or Conflict with Docker's reasons; what was untagged before stays untagged."""
        image = self.store.get(text)
        quiet = False
        if _is_id_prefix(image.id, text):
            if _single_repository(image.references):
                self._check(image, hard=True, stopped=not force, referenced=False)
                for reference in sorted(image.references, key=str):
                    self._untag(reference, image.id)
        else:
            if not force and _single_repository(image.references):
                self._check_unused(image, text)
            if self._untag_name(references.parse(text), image.id):
                return
            quiet = True
        self._delete(image.id, force=force, prune=prune, quiet=quiet)

    def _check_unused(self, image: Image, text: str) -> None:
        for use in self.in_use(image.id):
            raise Conflict(
                f'conflict: unable to remove repository reference "{text}" (must force) - container '
                f"{use.id[:12]} is using its referenced image {_short(image.id)}"
            )

    def _untag_name(self, asked: Reference, id: str) -> bool:
        """Take one name away; returns whether the image has others left."""
        reference = asked.with_default_tag()
        if reference.digest:
            reference = reference.with_digest(reference.digest)
        self._untag(reference, id)
        left = self.store.images[id].references
        if reference.tag and not any(other.tag and other.name == reference.name for other in left):
            # Digests of a repository go with its last tag.
            for other in [other for other in left if other.name == reference.name]:
                self._untag(other, id, event=False)
        return bool(self.store.images[id].references)

    def _untag(self, reference: Reference, id: str, event: bool = True) -> None:
        self.store.unname(reference)
        self.records.append({"Untagged": reference.familiar})
        if event:
            self.log("untag", id)

    def _delete(self, id: str, *, force: bool, prune: bool, quiet: bool) -> None:
        image = self.store.images[id]
        try:
            self._check(image, hard=True, stopped=not force, referenced=not force)
        except _Blocked as conflict:
            if quiet and (image.references or self.store.children(id) or conflict.used):
                return
            raise
        for reference in sorted(image.references, key=str):
            self._untag(reference, id)
        chains = self._own_chains(image)
        before = dict(self.store.layers)
        self.store.delete(id)
        self.freed += sum(layer.size for key, layer in before.items() if key not in self.store.layers)
        self.log("delete", id)
        self.records.append({"Deleted": id})
        self.records += [{"Deleted": chain} for chain in chains]
        if prune and image.parent in self.store.images:
            self._delete(image.parent, force=False, prune=True, quiet=True)

    def _own_chains(self, image: Image) -> list[str]:
        """The chains of layers neither another image nor a container has, top first."""
        others = (other for other in self.store.images.values() if other.id != image.id)
        kept = {chain for other in others for chain in chain_ids(other.diff_ids)}
        held = self.store.held()
        pairs = zip(chain_ids(image.diff_ids), image.diff_ids, strict=True)
        return [chain for chain, diff_id in pairs if chain not in kept and diff_id not in held][::-1]

    def _check(self, image: Image, *, hard: bool, stopped: bool, referenced: bool) -> None:
        if hard and self.store.children(image.id):
            raise _Blocked(image.id, "image has dependent child images", hard=True)
        uses = list(self.in_use(image.id))
        for use in uses:
            if use.running:
                raise _Blocked(
                    image.id, f"image is being used by running container {use.id[:12]}", hard=True, used=True
                )
        if referenced and image.references:
            raise _Blocked(image.id, "image is referenced in multiple repositories")
        for use in uses if stopped else ():
            raise _Blocked(image.id, f"image is being used by stopped container {use.id[:12]}", used=True)

    def prune(self, filters: Filters) -> None:
        """Remove unused images: dangling ones, or with dangling=false all. Raises Invalid for bad filters."""
        check_names(filters, PRUNE)
        dangling = boolean(filters, "dangling") is not False
        latest = min(limits(filters), default=None)
        for image in list(self.store.images.values()):
            if image.id not in self.store.images:
                continue
            if not image.references and self.store.children(image.id):
                continue  # a step of an image that stays
            if dangling and (any(item.tag for item in image.references) or self.store.children(image.id)):
                continue
            if latest is not None and image.last_used > latest:
                continue
            if not labels_match(filters, image.labels):
                continue
            self._prune_one(image)

    def _prune_one(self, image: Image) -> None:
        names = [str(reference) for reference in sorted(image.references, key=str)] or [image.id]
        for name in names:
            try:
                self.remove(name, force=False, prune=True)
            except SampanError:
                continue  # in use: that is what prune is careful about

    def document(self) -> dict[str, Any]:
        return {"ImagesDeleted": self.records or None, "SpaceReclaimed": self.freed}


class _Blocked(Conflict):
    def __init__(self, id: str, reason: str, *, hard: bool = False, used: bool = False) -> None:
        how = "cannot be forced" if hard else "must be forced"
        super().__init__(f"conflict: unable to delete {_short(id)} ({how}) - {reason}")
        self.used = used


def _short(id: str) -> str:
    return id.removeprefix("sha256:")[:12]


def _is_id_prefix(id: str, text: str) -> bool:
    return id.startswith(text) or id.removeprefix("sha256:").startswith(text)


def _single_repository(found: tuple[Reference, ...]) -> bool:
    """At most one tag, and digests only of that tag's repository."""
    if len(found) <= 1:
        return True
    tags = [reference for reference in found if reference.tag]
    digests = {reference.name for reference in found if reference.digest}
    if len(tags) > 1:
        return False
    name = tags[0].name if tags else sorted(found, key=str)[0].name
    return digests == {name}
