"""Image archives: what `docker save` writes (manifest.json) and OCI image layouts (index.json). Pure.

An archive is a tar; its members are in the content store by the time this is asked, as a map from path to
digest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.errors import Failed, SampanError
from sampan.specs.oci.digest import is_digest
from sampan.specs.oci.image import (
    CONTAINERD_NAME,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    INDEX,
    MANIFEST,
    REF_NAME,
)
from sampan.specs.oci.platform import Platform, matches
from sampan.specs.oci.reference import Reference, parse

MAX_DOCUMENT = 8 << 20  # bytes of a JSON document in an archive
MAX_DEPTH = 4  # of indexes in indexes


@dataclass(frozen=True)
class ArchivedImage:
    """Digests of blobs, and the names the image is to have."""

    config: str
    layers: tuple[str, ...]
    names: tuple[Reference, ...]
    parent: str = ""  # the ID of another image in the archive


class Archive:
    """`read` gives a blob's bytes, raising NotFound."""

    def __init__(
        self, members: dict[str, str], read: Callable[[str], bytes], size: Callable[[str], int]
    ) -> None:
        self._members = members
        self._read = read
        self._size = size

    def images(self, platform: Platform) -> list[ArchivedImage]:
        """Raises Failed for an invalid archive."""
        if "manifest.json" in self._members:
            return list(self._docker())
        if "index.json" in self._members:
            found = list(self._index(self._json("index.json"), (), platform, 0))
            if not found:
                raise Failed(f"invalid archive: no image for platform {platform}")
            return found
        raise Failed("invalid archive: does not contain a manifest.json")

    def _docker(self) -> Iterator[ArchivedImage]:
        manifest = self._json("manifest.json")
        if not isinstance(manifest, list):
            raise Failed("invalid archive: manifest.json is not a list")
        for item in manifest:
            try:
                tags = tuple(self._tag(tag) for tag in item.get("RepoTags") or ())
                layers = tuple(self._member(path) for path in item.get("Layers") or ())
                config = self._document(self._member(item["Config"]))
                yield ArchivedImage(config, layers, tags, str(item.get("Parent") or ""))
            except (AttributeError, KeyError, TypeError):
                raise Failed("invalid archive: bad manifest.json") from None

    @staticmethod
    def _tag(text: str) -> Reference:
        try:
            reference = parse(text)
        except SampanError as error:
            raise Failed(error.message) from None
        if not reference.tag or reference.digest:
            raise Failed(f'invalid tag "{text}"')
        return reference

    def _index(
        self, document: Any, names: tuple[Reference, ...], platform: Platform, depth: int
    ) -> Iterator[ArchivedImage]:
        if depth > MAX_DEPTH:
            raise Failed("invalid archive: indexes nested too deeply")
        merged: dict[str, ArchivedImage] = {}
        try:
            for descriptor in document.get("manifests") or ():
                own = names or self._names(descriptor.get("annotations") or {})
                for image in self._descriptor(descriptor, own, platform, depth):
                    known = merged.get(image.config)
                    both = tuple(dict.fromkeys((*(known.names if known else ()), *image.names)))
                    merged[image.config] = ArchivedImage(image.config, image.layers, both)
        except (AttributeError, KeyError, TypeError):
            raise Failed("invalid archive: bad index") from None
        yield from merged.values()

    def _descriptor(
        self, descriptor: dict[str, Any], names: tuple[Reference, ...], platform: Platform, depth: int
    ) -> Iterator[ArchivedImage]:
        kind = descriptor.get("mediaType") or MANIFEST
        # Build attestations are manifests for the platform unknown/unknown.
        if not matches(descriptor.get("platform") or {}, platform):
            return
        if kind in (INDEX, DOCKER_INDEX):
            index = self._unambiguous(descriptor["digest"], ("layers", "config"))
            yield from self._index(index, names, platform, depth + 1)
        elif kind in (MANIFEST, DOCKER_MANIFEST):
            manifest = self._unambiguous(descriptor["digest"], ("manifests",))
            layers = tuple(self._blob(layer["digest"]) for layer in manifest.get("layers") or ())
            yield ArchivedImage(self._document(self._blob(manifest["config"]["digest"])), layers, names)

    @staticmethod
    def _names(annotations: dict[str, str]) -> tuple[Reference, ...]:
        """containerd annotates whole names; others put one, or only a tag, into the standard annotation."""
        text = annotations.get(CONTAINERD_NAME) or ""
        if not text and any(mark in annotations.get(REF_NAME, "") for mark in ":/"):
            text = annotations[REF_NAME]
        try:
            return (parse(text).with_default_tag(),) if text else ()
        except SampanError as error:
            raise Failed(error.message) from None

    def _member(self, path: str) -> str:
        clean = "/".join(part for part in path.split("/") if part not in ("", "."))
        if clean not in self._members:
            raise Failed(f"invalid archive: {path} is missing")
        return self._members[clean]

    def _blob(self, digest: str) -> str:
        if not is_digest(digest):
            raise Failed(f"invalid archive: bad digest {digest!r}")
        found = self._member("blobs/" + digest.replace(":", "/"))
        if found != digest:
            raise Failed(f"invalid archive: blob {digest} has digest {found}")
        return found

    def _unambiguous(self, digest: str, wrong: tuple[str, ...]) -> Any:
        """The document, unless it could be read as the other kind (CVE-2021-41190)."""
        document = self._parse(self._blob(digest))
        if any(name in document for name in wrong):
            raise Failed("invalid archive: a document is both an image and an index")
        return document

    def _json(self, path: str) -> Any:
        return self._parse(self._member(path))

    def _document(self, digest: str) -> str:
        """`digest`, of what may be read into memory (CVE-2023-25153)."""
        if self._size(digest) > MAX_DOCUMENT:
            raise Failed("invalid archive: a document is too large")
        return digest

    def _parse(self, digest: str) -> Any:
        try:
            return orjson.loads(self._read(self._document(digest)))
        except orjson.JSONDecodeError as error:
            raise Failed(f"invalid archive: {error}") from None
