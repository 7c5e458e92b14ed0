"""Scales that are changed while somebody else changes the object behind them."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.access.user import LOOPBACK, Attributes
from sampan.kube.api.admitting import Chain
from sampan.kube.api.calls import Call
from sampan.kube.api.catalog import CacheReader, Catalog
from sampan.kube.api.options import WriteOptions
from sampan.kube.api.patching import Patcher
from sampan.kube.api.paths import Target
from sampan.kube.api.reading import Lister
from sampan.kube.api.scales import Scales
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.table import builtin_resources
from sampan.kube.store.cache import Cache
from sampan.kube.store.sqlite import SqliteStore
from sampan.specs.kubernetes.status import StatusError

LABELS = {"app": "x"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
SPEC = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": TEMPLATE}
PATCH = "application/merge-patch+json"


async def allow(_asked: Attributes) -> None:
    pass


class Meddler(Plugin):
    """Somebody who is faster, once for each write of a scale."""

    def __init__(self) -> None:
        self.meddle: Any = None

    async def mutate(self, request: AdmissionRequest) -> None:
        if request.subresource == "scale" and self.meddle is not None:
            meddle, self.meddle = self.meddle, None
            await meddle()


class Request:
    """As much of one as a scale asks for."""

    can_read_body = True

    def __init__(self, body: bytes, media: str) -> None:
        self.headers = {"Content-Type": media}
        self.content = SimpleNamespace(iter_any=self._parts)
        self._body = body

    async def _parts(self) -> Any:
        yield self._body

    def get(self, _key: Any) -> None:
        return None


async def scale(path: Path, verb: str, body: bytes, media: str) -> Any:
    """What is answered, with the object's annotations that somebody else has written meanwhile."""
    cache = Cache(await SqliteStore.open(path))
    await cache.start()
    catalog, meddler = Catalog(builtin_resources()), Meddler()
    reader = CacheReader(cache, catalog)
    writer = Writer(cache, Chain([meddler]), catalog.by_name, lambda _resource, _key, value: value, allow)
    served = catalog.by_name("deployments.apps")
    assert served is not None

    def call(name: str = "", subresource: str = "") -> Call:
        return Call(served, LOOPBACK, reader, "ns", name, subresource, now=1.0)

    async def meddle() -> None:
        def marked(old: Any) -> Any:
            return {**old, "metadata": {**old["metadata"], "annotations": {"by": "another"}}}

        await writer.update(call("x"), marked, WriteOptions())

    new = served.decode({"metadata": {"name": "x"}, "spec": SPEC}).object
    new |= {"kind": "Deployment", "apiVersion": "apps/v1"}
    served.resource.default(new)
    await writer.create(call(), new, WriteOptions())
    meddler.meddle = meddle
    scales = Scales(Lister(cache), writer, Patcher(writer))
    try:
        request: Any = Request(body, media)
        answer: Any = await scales.perform(request, call("x", "scale"), verb, Target(""))
        return orjson.loads(answer.body), reader.get("deployments.apps", "ns", "x")
    finally:
        await cache.stop()


def test_a_patch_is_tried_again(tmp_path: Path) -> None:
    shown, whole = asyncio.run(scale(tmp_path / "db", "patch", b'{"spec":{"replicas":3}}', PATCH))
    assert shown["spec"] == {"replicas": 3}
    assert whole["spec"]["replicas"] == 3 and whole["metadata"]["annotations"] == {"by": "another"}


def test_but_not_if_it_names_a_version(tmp_path: Path) -> None:
    body = b'{"metadata":{"resourceVersion":"2"},"spec":{"replicas":3}}'
    with pytest.raises(StatusError) as caught:
        asyncio.run(scale(tmp_path / "db", "patch", body, PATCH))
    assert caught.value.reason == "Conflict"
