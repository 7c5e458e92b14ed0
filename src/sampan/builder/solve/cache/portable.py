"""The cache as other machines can have it: a document, and the layers it speaks of. Pure.

As an image-like thing (registry, or an OCI layout): an OCI manifest whose config is the document, of
CONFIG_TYPE, and whose layers are all layers, in the order of the document's `layers`. Inside an image
(inline): the document, in base64, is a field of the image's config, and its `layers` are the image's diff
IDs.

    {"version": 1,
     "layers":  [diff ID, ...],
     "records": [{"keys": [...], "layers": [index, ...], "description", "instruction", "place"}],
     "mounts":  [{"key", "id", "mode", "uid", "gid", "layer": index}]}

There is no time in it, and no host: equal builds make equal documents. Keys are digests, so no secret is
told.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.errors import Invalid
from sampan.specs.oci.digest import is_digest

CONFIG_TYPE = "application/vnd.sampan.build.cache.v1+json"
INLINE = "sampan.build.cache.v1"
VERSION = 1
MAX_SIZE = 64 << 20  # bytes of a document
_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Portable:
    """A record. `layers`: the whole snapshot's diff IDs, bottom first."""

    keys: tuple[str, ...]
    layers: tuple[str, ...]
    description: str = ""
    instruction: str = ""
    place: tuple[str, str, int] = ("", "", 0)


@dataclass(frozen=True, kw_only=True)
class PortableMount:
    """A cache mount's content, as one layer."""

    key: str
    id: str
    layer: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Document:
    layers: tuple[str, ...]
    records: tuple[Portable, ...]
    mounts: tuple[PortableMount, ...] = ()


def document(records: Sequence[Portable], mounts: Sequence[PortableMount] = ()) -> Document:
    """All layers once, those of the records first."""
    layers = [diff_id for record in records for diff_id in record.layers]
    layers += [mount.layer for mount in mounts]
    return Document(tuple(dict.fromkeys(layers)), tuple(records), tuple(mounts))


def dump(found: Document) -> bytes:
    numbers = {diff_id: number for number, diff_id in enumerate(found.layers)}
    records = [
        {
            "keys": list(record.keys),
            "layers": [numbers[diff_id] for diff_id in record.layers],
            "description": record.description,
            "instruction": record.instruction,
            "place": list(record.place),
        }
        for record in found.records
    ]
    mounts = [
        {
            "key": mount.key,
            "id": mount.id,
            "mode": mount.mode,
            "uid": mount.uid,
            "gid": mount.gid,
            "layer": numbers[mount.layer],
        }
        for mount in found.mounts
    ]
    document: dict[str, Any] = {"version": VERSION, "layers": list(found.layers), "records": records}
    if mounts:
        document["mounts"] = mounts
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def load(data: bytes) -> Document:
    """From somebody else, so nothing is believed. Raises Invalid."""
    try:
        document = orjson.loads(data)
        if document["version"] != VERSION:
            raise Invalid(f"the cache has version {str(document['version'])[:20]}, not {VERSION}")
        layers = tuple(_digest(diff_id) for diff_id in document["layers"])
        records = tuple(_record(record, layers) for record in document["records"])
        mounts = tuple(_mount(mount, layers) for mount in document.get("mounts", ()))
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise Invalid(f"it is no build cache: {error}") from None
    return Document(layers, records, mounts)


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not is_digest(value):
        raise ValueError(f"bad digest {str(value)[:80]!r}")
    return value


def _index(value: Any, layers: tuple[str, ...]) -> str:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(layers):
        raise ValueError("a layer that is not there")
    return layers[value]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
        raise ValueError("not a number")
    return value


def _record(value: Mapping[str, Any], layers: tuple[str, ...]) -> Portable:
    keys = tuple(_text(key) for key in value["keys"])
    if not keys or not all(_KEY.fullmatch(key) for key in keys):
        raise ValueError("bad keys")
    name, stage, number = value.get("place") or ("", "", 0)
    return Portable(
        keys=keys,
        layers=tuple(_index(number, layers) for number in value["layers"]),
        description=_text(value.get("description", "")),
        instruction=_text(value.get("instruction", "")),
        place=(_text(name), _text(stage), _number(number)),
    )


def _mount(value: Mapping[str, Any], layers: tuple[str, ...]) -> PortableMount:
    return PortableMount(
        key=_text(value["key"]),
        id=_text(value["id"]),
        layer=_index(value["layer"], layers),
        mode=_number(value["mode"]) & 0o7777,
        uid=_number(value["uid"]),
        gid=_number(value["gid"]),
    )
