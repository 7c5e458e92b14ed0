"""What a manifest says, read from its bytes: its kind, what it names, what it is about. Pure.

OCI Image Specification 1.1 (image manifest, image index), Docker Image Manifest Version 2, Schema 2.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from sampan.registry.errors import DigestInvalid, ManifestInvalid
from sampan.registry.names import check_digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"  # of release candidates; ORAS pushed many
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
INDEXES = (OCI_INDEX, DOCKER_LIST)
KNOWN = (OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT, DOCKER_MANIFEST, DOCKER_LIST)
MAX_MANIFEST = 4 << 20
MAX_REFERENCES = 20_000


@dataclass(frozen=True)
class Document:
    """`required` must be in the repository before the manifest is taken; `names` is all it names."""

    media_type: str
    artifact_type: str
    subject: str | None
    names: tuple[str, ...]
    required: tuple[str, ...]
    annotations: dict[str, str]

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES


def parse(body: bytes, content_type: str = "") -> Document:
    """Read a manifest pushed as `content_type` (may be empty). Raises ManifestInvalid."""
    value = _object(body)
    media_type = _media_type(value, content_type)
    entries = _entries(value, media_type)
    if len(entries) > MAX_REFERENCES:
        raise ManifestInvalid(f"manifest names {len(entries)} blobs, more than {MAX_REFERENCES}")
    names = tuple(dict.fromkeys(entry["digest"] for entry in entries))
    required = tuple(dict.fromkeys(entry["digest"] for entry in entries if not _is_foreign(entry)))
    subject = value.get("subject")
    return Document(
        media_type,
        _artifact_type(value, media_type),
        None if subject is None else _descriptor(subject, "subject")["digest"],
        names,
        required,
        _annotations(value),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise ManifestInvalid("manifest is not a JSON document", str(error)) from None
    if not isinstance(value, dict):
        raise ManifestInvalid("manifest is not a JSON object")
    return value


def _media_type(value: dict[str, Any], content_type: str) -> str:
    declared = content_type.partition(";")[0].strip()
    inside = value.get("mediaType")
    if inside is not None and not isinstance(inside, str):
        raise ManifestInvalid("mediaType is not a string")
    if declared in DOCKER_SCHEMA_1 or inside in DOCKER_SCHEMA_1 or value.get("schemaVersion") == 1:
        raise ManifestInvalid("manifests of schema version 1 are not supported")
    vague = ("", "application/json", "application/octet-stream", inside)
    if inside and declared not in vague:
        raise ManifestInvalid(f"Content-Type is {declared}, but the manifest's mediaType is {inside}")
    media_type = inside or (declared if declared in KNOWN else _guess(value))
    if media_type not in KNOWN:
        raise ManifestInvalid(f"unsupported manifest media type {media_type or declared}")
    if media_type != OCI_ARTIFACT and value.get("schemaVersion") != 2:
        raise ManifestInvalid(f"unsupported schemaVersion {value.get('schemaVersion')!r}: must be 2")
    return media_type


def _guess(value: dict[str, Any]) -> str:
    """The OCI specification lets mediaType be absent."""
    if isinstance(value.get("manifests"), list) and "layers" not in value:
        return OCI_INDEX
    return OCI_MANIFEST if "config" in value and "manifests" not in value else ""


def _entries(value: dict[str, Any], media_type: str) -> list[dict[str, Any]]:
    """Every descriptor but the subject. A document that could be read as both kinds is refused:
    CVE-2021-41190, clients would disagree about what it is."""
    if media_type in INDEXES:
        if "layers" in value or "config" in value:
            raise ManifestInvalid("an index must have neither config nor layers")
        return _descriptors(value, "manifests")
    if "manifests" in value:
        raise ManifestInvalid("an image manifest must not have manifests")
    if media_type == OCI_ARTIFACT:
        return _descriptors(value, "blobs") if value.get("blobs") else []
    return [_descriptor(value.get("config"), "config"), *_descriptors(value, "layers")]


def _descriptors(value: dict[str, Any], field: str) -> list[dict[str, Any]]:
    found = value.get(field)
    if found is None and field == "manifests":
        raise ManifestInvalid("manifests is missing")
    if found is None:
        return []
    if not isinstance(found, list):
        raise ManifestInvalid(f"{field} is not an array")
    return [_descriptor(entry, f"{field}[{number}]") for number, entry in enumerate(found)]


def _descriptor(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{where} is {'missing' if value is None else 'not a descriptor'}")
    digest, size = value.get("digest"), value.get("size")
    if not isinstance(digest, str):
        raise ManifestInvalid(f"{where} has no digest")
    try:
        check_digest(digest)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{where}: {error.message}", error.detail) from None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ManifestInvalid(f"{where} has no size")
    return value


def _is_foreign(entry: dict[str, Any]) -> bool:
    """Layers that stay where their urls say: they need not be pushed."""
    media_type = str(entry.get("mediaType", ""))
    return bool(entry.get("urls")) and ("foreign" in media_type or "nondistributable" in media_type)


def _artifact_type(value: dict[str, Any], media_type: str) -> str:
    """Distribution specification, "Listing Referrers": the config's media type stands in for it."""
    declared = value.get("artifactType")
    if isinstance(declared, str) and declared:
        return declared
    config = value.get("config")
    if media_type == OCI_MANIFEST and isinstance(config, dict):
        return str(config.get("mediaType", ""))
    return ""


def _annotations(value: dict[str, Any]) -> dict[str, str]:
    found = value.get("annotations")
    if not isinstance(found, dict):
        return {}
    return {key: text for key, text in found.items() if isinstance(text, str)}
