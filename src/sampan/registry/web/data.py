"""What the page shows, from the database and from images' configurations. Anything malformed is left out."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.registry.documents import INDEXES
from sampan.registry.errors import BlobUnknown
from sampan.registry.manifests import Manifest
from sampan.registry.registry import Registry

PAGE = 50
MAX_CONFIG = 4 << 20
SHOWN_PARTS, LISTED_PARTS = 200, 40
# A list reads many manifests on the event loop: what is larger than any image's is not looked into.
_CONTENT = "CASE WHEN m.size <= 65536 THEN m.content ELSE x'' END"


@dataclass(frozen=True)
class RepositoryRow:
    name: str
    bytes: int
    tags: int
    updated: float | None
    pulled: float | None


@dataclass(frozen=True)
class TagRow:
    name: str
    digest: str
    size: int
    platforms: tuple[str, ...]
    updated: float
    pulled: float | None


@dataclass(frozen=True)
class Part:
    """An index's manifest."""

    digest: str
    platform: str
    size: int | None  # of everything in it; None when it is not here
    kind: str


@dataclass(frozen=True)
class Layer:
    digest: str
    size: int
    media_type: str


@dataclass(frozen=True)
class Step:
    """A line of an image's history; `layer` is None for one that made none."""

    command: str
    created: str
    layer: Layer | None


@dataclass(frozen=True)
class Image:
    manifest: Manifest
    size: int
    parts: tuple[Part, ...]
    layers: tuple[Layer, ...]
    steps: tuple[Step, ...]
    config: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    pushed: float
    pulled: float | None


def repositories(
    db: sqlite3.Connection, words: str, page: int, allowed: Callable[[str], bool]
) -> tuple[int, list[RepositoryRow]]:
    """How many have all the words in their names, and one page of them."""
    terms = words.lower().split()[:10]
    where = " AND ".join(["instr(r.name, ?) > 0"] * len(terms)) or "1"
    names = db.execute(f"SELECT r.id, r.name FROM repositories AS r WHERE {where} ORDER BY r.name", terms)
    ids = [id for id, name in names if allowed(name)]
    found = [
        RepositoryRow(*row)
        for id in ids[(page - 1) * PAGE : page * PAGE]
        for row in db.execute(
            "SELECT r.name, r.bytes, (SELECT count(*) FROM tags WHERE repository = r.id),"
            " (SELECT max(pushed) FROM manifests WHERE repository = r.id),"
            " (SELECT max(pulled) FROM manifests WHERE repository = r.id)"
            " FROM repositories AS r WHERE r.id=?",
            (id,),
        )
    ]
    return len(ids), found


def tag_rows(db: sqlite3.Connection, name: str, page: int) -> tuple[int, list[TagRow]]:
    """How many tags, and a page of them, newest first."""
    row = db.execute(
        "SELECT count(*) FROM tags AS t JOIN repositories AS r ON r.id = t.repository WHERE r.name=?", (name,)
    ).fetchone()
    rows = db.execute(
        f"SELECT t.name, m.digest, m.media_type, {_CONTENT}, m.repository, t.updated,"
        " max(coalesce(t.pulled, 0), coalesce(m.pulled, 0))"
        " FROM repositories AS r JOIN tags AS t ON t.repository = r.id"
        " JOIN manifests AS m ON m.id = t.manifest"
        " WHERE r.name=? ORDER BY t.updated DESC, t.name LIMIT ? OFFSET ?",
        (name, PAGE, (page - 1) * PAGE),
    )
    found = []
    for tag, digest, media_type, content, repository, updated, pulled in rows:
        document = as_object(content)
        if media_type in INDEXES:
            parts = index_parts(db, repository, document, LISTED_PARTS)
            platforms = tuple(part.platform for part in parts if part.platform)
            total = sum(part.size or 0 for part in parts)
        else:
            platforms, total = (), image_size(document)
        found.append(TagRow(tag, digest, total, platforms, updated, pulled or None))
    return int(row[0]), found


def as_object(content: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def image_size(document: dict[str, Any]) -> int:
    config = document.get("config")
    entries = [*objects(document.get("layers")), *objects(document.get("blobs"))]
    if isinstance(config, dict):
        entries.append(config)
    return sum(whole(entry.get("size")) for entry in entries)


def platform_text(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    parts = [text(value.get(key)) for key in ("os", "architecture", "variant")]
    found = "/".join(part for part in parts if part)
    return "" if found == "unknown/unknown" else found


def index_parts(
    db: sqlite3.Connection, repository: int, document: dict[str, Any], most: int = SHOWN_PARTS
) -> list[Part]:
    found = []
    for entry in objects(document.get("manifests"))[:most]:
        digest = text(entry.get("digest"))
        row = db.execute(
            f"SELECT {_CONTENT} FROM manifests AS m WHERE repository=? AND digest=?", (repository, digest)
        ).fetchone()
        size = None if row is None else image_size(as_object(row[0]))
        annotations = entry.get("annotations")
        kind = text(annotations.get("vnd.docker.reference.type")) if isinstance(annotations, dict) else ""
        found.append(Part(digest, platform_text(entry.get("platform")), size, kind))
    return found


def image(registry: Registry, name: str, manifest: Manifest) -> Image:
    """All there is to say about a manifest. Reads its configuration, a small file."""
    db = registry.read
    repository, pushed, pulled = db.execute(
        "SELECT repository, pushed, pulled FROM manifests WHERE id=?", (manifest.id,)
    ).fetchone()
    tags = db.execute("SELECT name FROM tags WHERE manifest=? ORDER BY name LIMIT 100", (manifest.id,))
    document = as_object(manifest.content)
    parts = index_parts(db, repository, document) if manifest.media_type in INDEXES else []
    layers = tuple(
        Layer(text(entry.get("digest")), whole(entry.get("size")), text(entry.get("mediaType")))
        for entry in [*objects(document.get("layers")), *objects(document.get("blobs"))]
    )
    configuration = read_config(registry, name, document)
    size = sum(part.size or 0 for part in parts) if parts else image_size(document)
    annotations = document.get("annotations")
    labels = _labels(configuration) or pairs(annotations)
    return Image(
        manifest,
        size,
        tuple(parts),
        layers,
        steps(configuration, layers),
        _settings(configuration),
        labels,
        tuple(row[0] for row in tags),
        pushed,
        pulled,
    )


def read_config(registry: Registry, name: str, document: dict[str, Any]) -> dict[str, Any]:
    entry = document.get("config")
    if not isinstance(entry, dict) or whole(entry.get("size")) > MAX_CONFIG:
        return {}
    try:
        blob = registry.blobs.find(name, text(entry.get("digest")))
        return as_object(blob.path.read_bytes()) if blob.size <= MAX_CONFIG else {}
    except (BlobUnknown, OSError):
        return {}


def steps(configuration: dict[str, Any], layers: tuple[Layer, ...]) -> tuple[Step, ...]:
    """The history, each line with the layer it made; layers alone when the two do not fit together."""
    history = objects(configuration.get("history"))
    if sum(entry.get("empty_layer") is not True for entry in history) != len(layers):
        return tuple(Step("", "", layer) for layer in layers)
    found, rest = [], iter(layers)
    for entry in history:
        layer = None if entry.get("empty_layer") is True else next(rest)
        found.append(Step(command(text(entry.get("created_by"))), text(entry.get("created")), layer))
    return tuple(found)


def command(created_by: str) -> str:
    """Without the shell that the classic builder writes before each."""
    for prefix in ("/bin/sh -c #(nop) ", "/bin/sh -c "):
        if created_by.startswith(prefix):
            return ("RUN " if prefix == "/bin/sh -c " else "") + created_by[len(prefix) :].strip()
    return created_by.removesuffix(" # buildkit")


def pairs(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        return ()
    return tuple((key, content) for key, content in sorted(value.items()) if isinstance(content, str))[:200]


def _labels(configuration: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    inner = configuration.get("config")
    return pairs(inner.get("Labels")) if isinstance(inner, dict) else ()


def _settings(configuration: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """What people look for in an image's configuration."""
    inner = configuration.get("config")
    inner = inner if isinstance(inner, dict) else {}
    found = [("Platform", platform_text(configuration)), ("Created", text(configuration.get("created")))]
    for key, label in (("Entrypoint", "Entrypoint"), ("Cmd", "Command"), ("Env", "Environment")):
        value = inner.get(key)
        if isinstance(value, list):
            found.append((label, ("\n" if key == "Env" else " ").join(str(item) for item in value)))
    for key, label in (("WorkingDir", "Directory"), ("User", "User"), ("StopSignal", "Stop signal")):
        found.append((label, text(inner.get(key))))
    for key, label in (("ExposedPorts", "Ports"), ("Volumes", "Volumes")):
        value = inner.get(key)
        if isinstance(value, dict):
            found.append((label, " ".join(value)))
    return tuple((label, value) for label, value in found if value)
