"""Synchronises a registry's tags with an engine's images.

An image becomes a manifest here the first time somebody asks: its blobs' files are linked into our tree (one
inode, two names), its rows written. When the engine has it no more, its tag goes, and its blobs after the
grace period. A tag that was pushed here is not touched by what the engine calls the same.
"""

import asyncio
import logging
import os
import sqlite3
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from sampan.errors import SampanError
from sampan.registry.blobs import discard
from sampan.registry.documents import Document, parse
from sampan.registry.errors import InUse, ManifestUnknown, Unavailable
from sampan.registry.manifests import remove
from sampan.registry.names import Reference, check_name
from sampan.registry.registry import Registry
from sampan.registry.repositories import find_id
from sampan.registry.share.engine import EngineClient, Offer
from sampan.specs.oci.platform import machine

log = logging.getLogger("sampan.registry")
IMAGE_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)


class Shared:
    def __init__(self, registry: Registry, engine: EngineClient) -> None:
        self._registry = registry
        self._engine = engine
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        await self._engine.close()

    async def refresh(self, repository: str = "") -> None:
        """Bring one repository, or all, up to what the engine has. An engine that is down changes nothing."""
        try:
            offers = await self._engine.offers(repository)
        except Unavailable as error:
            log.warning("%s; serving what was known before", error)
            return
        async with self._lock:
            known = self._known(repository)
            for offer in offers:
                if known.pop((offer.repository, offer.tag), None) == offer.digest or self._is_pushed(offer):
                    continue
                try:
                    await self._bring(offer)
                except SampanError as error:
                    log.warning("cannot share %s:%s: %s", offer.repository, offer.tag, error)
            if known:
                await self._registry.database.write(lambda db: self._drop(db, known))

    def _known(self, repository: str) -> dict[tuple[str, str], str]:
        where, values = ("WHERE repository=?", (repository,)) if repository else ("", ())
        rows = self._registry.read.execute(f"SELECT repository, tag, digest FROM shared_tags {where}", values)
        return {(name, tag): digest for name, tag, digest in rows}

    def _is_pushed(self, offer: Offer) -> bool:
        """Whether the tag is here without being the engine's."""
        try:
            self._registry.manifests.find(offer.repository, Reference(offer.tag, None))
        except ManifestUnknown:
            return False
        row = self._registry.read.execute(
            "SELECT 1 FROM shared_tags WHERE repository=? AND tag=?", (offer.repository, offer.tag)
        ).fetchone()
        return row is None

    async def _bring(self, offer: Offer) -> None:
        registry, name = self._registry, check_name(offer.repository)
        # The file's own transaction each: a link that is there needs no more than a row.
        for digest, path in offer.files.items():
            beside = registry.layout.upload(str(uuid.uuid4()))
            try:
                os.link(path, beside)
                size = await asyncio.to_thread(synced_size, beside)
                await registry.database.write(
                    partial(registry.blobs.take_in, name=name, digest=digest, size=size, file=beside)
                )
            except OSError as error:
                raise Unavailable(f"cannot link {path}: {error.strerror}") from None
            finally:
                discard(beside)
        # Marked as the engine's before it is here: killed in between, it is brought again.
        await self._mark(name, offer.tag, "")
        reference = Reference(offer.tag, None)
        await registry.manifests.put(name, reference, offer.media_type, offer.manifest)
        await self._mark(name, offer.tag, offer.digest)

    async def _mark(self, name: str, tag: str, digest: str) -> None:
        await self._registry.database.write(
            lambda db: db.execute(
                "INSERT INTO shared_tags VALUES (?, ?, ?)"
                " ON CONFLICT (repository, tag) DO UPDATE SET digest=excluded.digest",
                (name, tag, digest),
            )
        )

    def check_deletable(self, name: str, reference: Reference) -> None:
        """Raises InUse for what the engine's images stand for: it would only come again."""
        what, value = ("tag", reference.tag) if reference.tag else ("digest", reference.digest)
        row = self._registry.read.execute(
            f"SELECT tag FROM shared_tags WHERE repository=? AND {what}=?", (name, value)
        ).fetchone()
        if row is not None:
            raise InUse(f"{name}:{row[0]} is an image of the engine: remove it there", {"name": name})

    def _drop(self, db: sqlite3.Connection, gone: dict[tuple[str, str], str]) -> None:
        """Tags the engine has no more; their manifests, too, when nothing else names those."""
        for (name, tag), digest in gone.items():
            db.execute("DELETE FROM shared_tags WHERE repository=? AND tag=?", (name, tag))
            id = find_id(db, name)
            row = db.execute(
                "SELECT m.id FROM tags AS t JOIN manifests AS m ON m.id = t.manifest"
                " WHERE t.repository=? AND t.name=? AND m.digest=?",
                (id, tag, digest),
            ).fetchone()
            if row is None:
                continue
            db.execute("DELETE FROM tags WHERE repository=? AND name=?", (id, tag))
            named = db.execute(
                "SELECT 1 FROM tags WHERE manifest=? UNION ALL"
                " SELECT 1 FROM manifest_references WHERE repository=? AND digest=?",
                (row[0], id, digest),
            ).fetchone()
            if named is None:
                remove(db, row[0], self._registry.clock())

    # What is pushed here

    async def pushed(self, repository: str, tag: str, digest: str) -> None:
        """Give the engine what was tagged: an image, or this machine's image of an index.

        The push stands whatever the engine says to it.
        """
        await self._registry.database.write(
            lambda db: db.execute("DELETE FROM shared_tags WHERE repository=? AND tag=?", (repository, tag))
        )
        try:
            content, document = self._image(repository, digest)
            if content:
                files = {named: self._file(named) for named in document.names}
                await self._engine.adopt(repository, tag, content, files)
        except (SampanError, OSError) as error:
            log.warning("%s:%s is not in the engine: %s", repository, tag, error)

    def _image(self, repository: str, digest: str) -> tuple[bytes, Document]:
        """The manifest to run here; empty if it is not an image."""
        content = self._registry.manifests.find(repository, Reference(None, digest)).content
        document = parse(content)
        if document.is_index:
            chosen = _for_this_machine(orjson.loads(content))
            if chosen is None:
                return b"", document
            content = self._registry.manifests.find(repository, Reference(None, chosen)).content
            document = parse(content)
        config = orjson.loads(content).get("config") or {}
        return (content if config.get("mediaType") in IMAGE_CONFIGS else b""), document

    def _file(self, digest: str) -> str:
        return str(self._registry.layout.blob(digest).absolute())


def synced_size(path: Path) -> int:
    """Of a file that a row is about to name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _for_this_machine(index: dict[str, Any]) -> str | None:
    architecture = machine()[0]
    for entry in index.get("manifests", []):
        wanted = entry.get("platform") or {}
        if wanted.get("os") == "linux" and wanted.get("architecture") == architecture:
            return str(entry["digest"])
    return None
