"""Image manifests as `manifest` shows and keeps them, and the lists made of them.

An image is a dict as Docker's client keeps it: Ref, Descriptor, Raw (base64), and the document itself as
SchemaV2Manifest or OCIManifest.
"""

from __future__ import annotations

import binascii

from sampan.cli import gojson
from sampan.cli.errors import CliError
from sampan.cli.image.reference import named
from sampan.cli.manifest.registry import (
    LIST_TYPES,
    MANIFEST_TYPES,
    OCI_MANIFEST,
    NoSuchManifest,
    Registry,
    verify,
)
from sampan.specs.oci import digest as digests
from sampan.specs.oci.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.session import Session

_PLATFORM = ("architecture", "os", "os.version", "os.features", "variant")


def tagged(name: str) -> Reference:
    """The whole name of a manifest; raises CliError."""
    return named(name).with_default_tag()


class Remote:
    """What a registry has under one name: a manifest or a list of manifests."""

    def __init__(self, session: Session, reference: Reference, insecure: bool) -> None:
        self.reference = reference
        self.registry = Registry(session, reference.domain, insecure)
        self.raw, media_type = self._fetch(reference.tag or reference.digest or "", str(reference))
        if reference.digest:
            verify(self.raw, reference.digest, "manifest")
        self.document = parsed(self.raw)
        self.media_type = str(self.document.get("mediaType") or media_type)

    @property
    def is_list(self) -> bool:
        return self.media_type in LIST_TYPES

    def image(self) -> dict[str, Any]:
        """Raises CliError if it is not an image."""
        platform = self._platform(self.document)
        return image(str(self.reference), self.media_type, self.raw, self.document, platform)

    def images(self) -> list[dict[str, Any]]:
        """Those of a list, with the platforms it states; raises CliError."""
        found = []
        for entry in self.document.get("manifests") or ():
            digest = str(entry.get("digest"))
            name = f"{self.reference}@{digest}"
            raw, media_type = self._fetch(digest, name)
            verify(raw, digest, "manifest")
            document = parsed(raw)
            kind = str(document.get("mediaType") or media_type)
            found.append(image(name, kind, raw, document, entry.get("platform")))
        return found

    def _fetch(self, reference: str, name: str) -> tuple[bytes, str]:
        try:
            return self.registry.manifest(self.reference.path, reference)
        except NoSuchManifest:
            raise NoSuchManifest(f"no such manifest: {name}") from None

    def _platform(self, document: dict[str, Any]) -> dict[str, Any] | None:
        """The platform that an image's configuration states; other artifacts have none."""
        digest = (document.get("config") or {}).get("digest")
        if not digest:
            return None
        config = parsed(self.registry.blob(self.reference.path, str(digest)))
        if not config.get("os") and not config.get("architecture"):
            return None
        return config


def parsed(data: bytes) -> dict[str, Any]:
    """Raises CliError unless it is a JSON object."""
    try:
        document = gojson.loads(data)
    except ValueError as error:
        raise CliError(f"the registry sent an invalid document: {error}") from None
    if not isinstance(document, dict):
        raise CliError("the registry sent a document that is not an object")
    return document


def image(
    name: str, media_type: str, raw: bytes, document: dict[str, Any], platform: dict[str, Any] | None
) -> dict[str, Any]:
    """One image as it is kept; raises CliError for a manifest of another kind."""
    if media_type not in MANIFEST_TYPES:
        raise CliError(f"unsupported manifest type {media_type} of {name}")
    descriptor: dict[str, Any] = {"mediaType": media_type, "digest": digests.of(raw), "size": len(raw)}
    if platform is not None:
        descriptor["platform"] = {
            key: platform.get(key) or "" for key in _PLATFORM if platform.get(key) or key in _PLATFORM[:2]
        }
    return {
        "Ref": name,
        "Descriptor": descriptor,
        "Raw": binascii.b2a_base64(raw, newline=False).decode(),
        "OCIManifest" if media_type == OCI_MANIFEST else "SchemaV2Manifest": document,
    }


def raw_of(kept: dict[str, Any]) -> bytes:
    """The bytes of a kept image's manifest."""
    return binascii.a2b_base64(str(kept.get("Raw") or ""))


def list_bytes(descriptors: list[dict[str, Any]]) -> bytes:
    """A manifest list; an OCI index where the first image is OCI's."""
    entries = [
        {
            "mediaType": entry.get("mediaType"),
            "size": entry.get("size"),
            "digest": entry.get("digest"),
            "platform": _stated(entry.get("platform") or {}),
        }
        for entry in descriptors
    ]
    oci = bool(entries) and entries[0]["mediaType"] == OCI_MANIFEST
    document = {"schemaVersion": 2, "mediaType": LIST_TYPES[1 if oci else 0], "manifests": entries}
    return gojson.indent(gojson.dumps(document), "", "   ").encode()


def _stated(platform: dict[str, Any]) -> dict[str, Any]:
    return {key: platform.get(key) or "" for key in _PLATFORM if platform.get(key) or key in _PLATFORM[:2]}
