"""Objects from a directory of manifests, applied when the server starts."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sampan.errors import Failed
from sampan.kube.access.user import LOOPBACK
from sampan.kube.api.calls import Call
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.patching import APPLY, Patcher
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Object, Reader
from sampan.kube.schema.parsing import DecodeError
from sampan.kube.schema.yamlparsing import read_yaml
from sampan.specs.kubernetes.status import StatusError

log = logging.getLogger("sampan.kube")

MANAGER = "sampan-manifests"
PATTERNS = ("*.yaml", "*.yml", "*.json")
PATIENCE = 30.0  # seconds that an object may wait for its kind or its namespace
PAUSE = 0.2  # seconds between two attempts
WAITING = ("NotFound", "Forbidden")  # for a namespace, for the service account in it
SEPARATOR = re.compile(rb"^---(?:[ \t].*)?$", re.MULTILINE)  # of the documents in a file, as kubectl takes it


def read(directory: Path) -> list[tuple[str, Object]]:
    """(file name, object) in the order of the files' names; raises Failed for what is no manifest."""
    files = sorted(path for pattern in PATTERNS for path in directory.glob(pattern))
    return [(path.name, each) for path in files for each in _objects(path)]


def _objects(path: Path) -> Iterator[Object]:
    try:
        documents = [read_yaml(part)[0] for part in SEPARATOR.split(path.read_bytes())]
    except (OSError, DecodeError) as error:
        raise Failed(f"cannot read the manifest {path}: {error}") from error
    for document in documents:
        if document is not None:
            yield from _single(path, document)


def _single(path: Path, document: Any) -> Iterator[Object]:
    typed = isinstance(document, dict) and [document.get("apiVersion"), document.get("kind")]
    if not typed or not all(isinstance(one, str) for one in typed):
        raise Failed(f"the manifest {path} has something without apiVersion and kind")
    if document["kind"] == "List":
        for each in document.get("items") or ():
            yield from _single(path, each)
        return
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise Failed(f"the manifest {path} has a {document['kind']} without a name")
    yield document


@dataclass
class Manifests:
    catalog: Catalog
    reader: Reader
    patcher: Patcher
    clock: Callable[[], float]

    async def apply(self, found: list[tuple[str, Object]]) -> None:
        """What needs something that is not there yet waits for it; what cannot be applied is logged."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while found:
            last = loop.time() >= end
            found = [(file, each) for file, each in found if not await self._try(file, each, last=last)]
            if found:
                await asyncio.sleep(PAUSE)

    async def _try(self, file: str, value: Object, *, last: bool) -> bool:
        """Is it done with?"""
        served = self._served(value)
        why = f"no matches for kind {value['kind']} in version {value['apiVersion']}"
        if served is not None:
            try:
                await self._apply(served, value)
                return True
            except StatusError as error:
                why, last = error.message, last or error.reason not in WAITING
        if last:
            log.error("%s: %s %s is not applied: %s", file, value["kind"], value["metadata"]["name"], why)
        return last

    def _served(self, value: Object) -> Served | None:
        wanted = (value["apiVersion"], value["kind"])
        for served in self.catalog.all():
            if (served.api_version, served.kind) == wanted and served.resource.stored:
                return served
        return None

    async def _apply(self, served: Served, value: Object) -> None:
        metadata = value["metadata"]
        namespace = (metadata.get("namespace") or "default") if served.resource.namespaced else ""
        query = {"fieldManager": MANAGER, "force": "true"}
        call = Call(served, LOOPBACK, self.reader, namespace, metadata["name"], query=query, now=self.clock())
        await self.patcher.patch(call, APPLY, orjson.dumps(value))
