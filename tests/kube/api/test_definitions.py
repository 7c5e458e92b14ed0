"""Custom resources from their definition to its end, through the same objects that serve requests."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from sampan.kube.access.user import LOOPBACK, Attributes
from sampan.kube.api.admitting import Chain
from sampan.kube.api.calls import Call
from sampan.kube.api.catalog import CacheReader, Catalog
from sampan.kube.api.definitions import DEFINITIONS, Definitions
from sampan.kube.api.options import DeleteOptions, WriteOptions
from sampan.kube.api.ownwrites import OwnWrites
from sampan.kube.api.patching import Patcher
from sampan.kube.api.reading import Lister
from sampan.kube.api.scales import Scales
from sampan.kube.api.served import Served
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.table import builtin_resources
from sampan.kube.store.cache import Cache
from sampan.kube.store.sqlite import SqliteStore
from sampan.specs.kubernetes.status import StatusError

PATIENCE = 10.0


async def allow(_asked: Attributes) -> None:
    pass


class Api:
    """What is behind the requests."""

    def __init__(self, cache: Cache, webhook: Callable[[Any], Any]) -> None:
        self.cache = cache
        self.catalog = Catalog(builtin_resources())
        self.reader = CacheReader(cache, self.catalog)
        self.writer = Writer(
            cache, Chain(()), self.catalog.by_name, lambda _resource, _key, value: value, allow
        )
        self.lister = Lister(cache)
        self.special: Any = {}
        scales = Scales(self.lister, self.writer, Patcher(self.writer))

        async def call(_config: Any, review: Any, _seconds: int) -> Any:
            return webhook(review)

        own = OwnWrites(self.writer, self.reader)
        self.definitions = Definitions(self.catalog, cache, own, scales, self.special, call)

    def call(self, served: Served, name: str = "", namespace: str = "") -> Call:
        return Call(served, LOOPBACK, self.reader, namespace, name, now=1.0)

    def custom(self, version: str) -> Served:
        found = self.catalog.find("example.com", version, "foos")
        assert found is not None
        return found

    async def create(self, served: Served, value: Any, namespace: str = "") -> None:
        new = served.decode(value).object
        new |= {"kind": served.kind, "apiVersion": served.api_version}
        served.resource.default(new)
        await self.writer.create(self.call(served, namespace=namespace), new, WriteOptions())

    async def get(self, version: str, name: str) -> Any:
        served = self.custom(version)
        return served.object(await self.lister.get(self.call(served, name, "ns")))

    async def until(self, holds: Callable[[], bool]) -> None:
        """The cache has something new for whatever is waited for."""
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 (nothing tells when the catalog has followed)
                await asyncio.sleep(0)


def run(test: Callable[[Api], Awaitable[None]], webhook: Callable[[Any], Any] = lambda _: None) -> None:
    async def main(path: Path) -> None:
        store = await SqliteStore.open(path)
        cache = Cache(store)
        await cache.start()
        api = Api(cache, webhook)
        task = asyncio.ensure_future(api.definitions.run())
        try:
            await test(api)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await cache.stop()
            await store.close()

    with TemporaryDirectory() as directory:
        asyncio.run(main(Path(directory, "store")))


def definition(**spec: Any) -> Any:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    versions = [
        {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}}
        for name in ("v1", "v2")
    ]
    return {
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": versions,
            **spec,
        },
    }


async def define(api: Api, crd: Any) -> Served:
    served = api.catalog.by_name(DEFINITIONS)
    assert served is not None
    await api.create(served, crd)
    await api.until(lambda: api.catalog.find("example.com", "v1", "foos") is not None)
    return served


def test_what_is_defined_is_served_and_goes_with_its_definition() -> None:
    async def test(api: Api) -> None:
        crds = await define(api, definition())
        await api.create(api.custom("v1"), {"metadata": {"name": "a"}, "spec": {"n": 1}}, "ns")
        assert (await api.get("v2", "a"))["apiVersion"] == "example.com/v2"
        written = await api.writer.delete(api.call(crds, "foos.example.com"), DeleteOptions())
        assert written.object["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
        await api.until(lambda: api.catalog.find("example.com", "v1", "foos") is None)
        assert api.cache.items("/registry/example.com/foos/") == []
        assert api.cache.items(crds.prefix) == []

    run(test)


def test_names_are_given_to_the_next_one_when_they_become_free() -> None:
    async def test(api: Api) -> None:
        crds = await define(api, definition())
        other = definition(names={"plural": "bars", "kind": "Bar", "listKind": "FooList"})
        other["metadata"]["name"] = "bars.example.com"
        await api.create(crds, other)
        await api.until(lambda: _condition(api, "bars.example.com", "NamesAccepted") == "False")
        assert api.catalog.find("example.com", "v1", "bars") is None
        await api.writer.delete(api.call(crds, "foos.example.com"), DeleteOptions())
        await api.until(lambda: api.catalog.find("example.com", "v1", "bars") is not None)

    run(test)


def _condition(api: Api, name: str, kind: str) -> str:
    crd = api.reader.get(DEFINITIONS, "", name) or {}
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return next((one["status"] for one in conditions if one["type"] == kind), "")


CONVERSION = {
    "strategy": "Webhook",
    "webhook": {"clientConfig": {"url": "https://a.example.com/"}, "conversionReviewVersions": ["v1"]},
}


def test_a_webhook_converts_each_revision_once() -> None:
    asked: list[str] = []

    def webhook(review: Any) -> Any:
        request = review["request"]
        asked.append(request["desiredAPIVersion"])
        found = [
            {**one, "apiVersion": request["desiredAPIVersion"], "seen": True} for one in request["objects"]
        ]
        response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": found}
        return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}

    async def test(api: Api) -> None:
        await define(api, definition(conversion=CONVERSION))
        await api.create(api.custom("v1"), {"metadata": {"name": "a"}}, "ns")
        await api.create(api.custom("v2"), {"metadata": {"name": "b"}}, "ns")
        assert "seen" not in await api.get("v1", "a")
        assert (await api.get("v2", "a"))["seen"] is True
        assert (await api.get("v2", "a"))["seen"] is True
        assert (await api.get("v1", "b"))["seen"] is True
        assert "seen" not in await api.get("v2", "b")

    run(test, webhook)
    assert asked == ["example.com/v1", "example.com/v2"]


def test_a_webhook_that_fails_is_told_of() -> None:
    def webhook(_review: Any) -> Any:
        raise OSError("connection refused")

    async def test(api: Api) -> None:
        await define(api, definition(conversion=CONVERSION))
        await api.create(api.custom("v1"), {"metadata": {"name": "a"}}, "ns")
        with pytest.raises(StatusError) as caught:
            await api.get("v2", "a")
        assert caught.value.code == 500
        assert caught.value.message == (
            "conversion webhook for example.com/v1, Kind=Foo failed: connection refused"
        )

    run(test, webhook)
