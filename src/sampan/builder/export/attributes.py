"""The attributes of an `--output`, as buildx spells them. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sampan.builder.options import Output
from sampan.errors import Invalid, Unsupported
from sampan.specs.golang.numbers import parse_bool
from sampan.specs.oci import reference as references
from sampan.specs.oci.reference import Reference

_ANNOTATION = re.compile(
    r"annotation(-manifest|-index|-manifest-descriptor|-index-descriptor)?(?:\[([^]]*)\])?\.(.+)"
)
_COMPRESSIONS = {"": "gzip", "gzip": "gzip", "zstd": "zstd", "uncompressed": ""}


@dataclass(frozen=True)
class Compression:
    """`type`: "gzip", "zstd" or "" (none). `force`: also of layers that came compressed otherwise."""

    type: str = "gzip"
    level: int | None = None
    force: bool = False


@dataclass(frozen=True)
class Annotations:
    """By what they are of; `platform` keys: "" is every one."""

    manifest: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    descriptor: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    index: Mapping[str, str] = field(default_factory=dict)

    def of_manifest(self, platform: str) -> dict[str, str]:
        return {**self.manifest.get("", {}), **self.manifest.get(platform, {})}

    def of_descriptor(self, platform: str) -> dict[str, str]:
        return {**self.descriptor.get("", {}), **self.descriptor.get(platform, {})}

    def __bool__(self) -> bool:
        return bool(self.manifest or self.descriptor or self.index)


@dataclass(frozen=True)
class Attributes:
    names: tuple[Reference, ...]
    shown_names: tuple[str, ...]  # as given, normalised
    compression: Compression
    annotations: Annotations
    oci: bool  # media types of OCI rather than Docker's
    keep: bool  # on the engine, under its names
    push: bool
    push_by_digest: bool
    tar: bool  # else a directory


def parse(output: Output, tags: tuple[str, ...]) -> Attributes:
    """Raises Invalid, Unsupported."""
    attrs = output.attrs
    given = attrs.get("name", "")
    names = [name for name in given.split(",") if name] if given and given != "*" else list(tags)
    parsed: list[Reference] = []
    for name in names:
        try:
            parsed.append(references.parse(name))
        except Invalid as error:
            raise Invalid(f"failed to parse {name}: {error}") from None
    annotations = _annotations(attrs)
    compression = compression_of(attrs)
    oci_default = output.type in ("oci", "image", "registry") or compression.type == "zstd"
    return Attributes(
        names=tuple(dict.fromkeys(name.with_default_tag() for name in parsed)),
        shown_names=tuple(dict.fromkeys(str(name) for name in parsed)),
        compression=compression,
        annotations=annotations,
        oci=flag(attrs, "oci-mediatypes", oci_default) or bool(annotations),
        keep=output.type == "image",
        push=output.type == "registry" or flag(attrs, "push", False),
        push_by_digest=flag(attrs, "push-by-digest", False),
        tar=flag(attrs, "tar", True),
    )


def flag(attrs: Mapping[str, str], name: str, default: bool) -> bool:
    """Raises Invalid."""
    text = attrs.get(name)
    if text is None:
        return default
    if text == "":
        return True
    try:
        return parse_bool(text)
    except Invalid as error:
        raise Invalid(f"non-bool value specified for {name}: {error.message}") from None


def compression_of(attrs: Mapping[str, str]) -> Compression:
    """Raises Invalid, Unsupported."""
    name = attrs.get("compression", "")
    if name not in _COMPRESSIONS:
        if name == "estargz":
            raise Unsupported("compression estargz is not supported: use gzip, zstd or uncompressed")
        raise Invalid(f"unsupported layer compression type {name}")
    level = None
    if text := attrs.get("compression-level", ""):
        if not re.fullmatch(r"-?[0-9]{1,4}", text):
            raise Invalid(f'non-integer value "{text}" specified for compression level')
        level = int(text)
    return Compression(_COMPRESSIONS[name], level, flag(attrs, "force-compression", False))


def _annotations(attrs: Mapping[str, str]) -> Annotations:
    manifest: dict[str, dict[str, str]] = {}
    descriptor: dict[str, dict[str, str]] = {}
    index: dict[str, str] = {}
    for key, value in attrs.items():
        match = _ANNOTATION.fullmatch(key)
        if match is None:
            continue
        kind, platform, name = match[1] or "-manifest", match[2] or "", match[3]
        if kind == "-manifest":
            manifest.setdefault(platform, {})[name] = value
        elif kind == "-manifest-descriptor":
            descriptor.setdefault(platform, {})[name] = value
        elif kind == "-index":
            index[name] = value
        # The descriptor of an index is in no document of ours but an archive's.
        else:
            descriptor.setdefault("index", {})[name] = value
    return Annotations(manifest, descriptor, index)
