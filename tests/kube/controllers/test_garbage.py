"""What the collector follows: what is served, and what only cannot be asked for at the moment."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from sampan.kube.client.recorder import Recorder
from sampan.kube.client.requests import Client, Object, ResourcePath
from sampan.kube.controllers.garbage import Collector

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
WIDGETS = ResourcePath("example.com/v1", "widgets")


class Fake:
    """One aggregated group with one widget, whose server may be away."""

    def __init__(self) -> None:
        self.versions: list[Object] = []

    async def request(self, _method: str, path: str, *_: Any, **__: Any) -> Mapping[str, Any]:
        if path == "/apis":
            return {"items": [{"metadata": {"name": "example.com"}, "versions": self.versions}]}
        if path == "/api":
            return {"items": []}
        widget = {"metadata": {"name": "w", "namespace": "n", "uid": "1", "resourceVersion": "1"}}
        return {
            "kind": "WidgetList",
            "apiVersion": "example.com/v1",
            "metadata": {"resourceVersion": "1"},
            "items": [widget],
        }

    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[Object]:
        await asyncio.get_running_loop().create_future()
        yield {}


CURRENT = {
    "version": "v1",
    "freshness": "Current",
    "resources": [
        {"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced", "verbs": VERBS}
    ],
}
STALE = {"version": "v1", "freshness": "Stale"}


async def followed(*versions: list[Object]) -> tuple[bool, bool]:
    """Are widgets followed after these answers, and is the widget taken to be there?"""
    fake = Fake()
    collector = Collector(cast(Client, fake), Recorder(cast(Client, fake), "collector"))
    async with asyncio.TaskGroup() as group:
        for answer in versions:
            fake.versions = answer
            await collector._discover(group)
            for informer, _ in collector._informers.values():
                await informer.synced.wait()
        result = WIDGETS in collector._informers, "1" in collector._graph.vertices
        for _, task in collector._informers.values():
            task.cancel()
    return result


async def test_what_is_served_is_followed() -> None:
    assert await followed([CURRENT]) == (True, True)


async def test_what_is_served_no_more_is_not_known() -> None:
    assert await followed([CURRENT], []) == (False, False)


async def test_what_a_server_that_is_away_has_is_still_there() -> None:
    """Else all that belongs to it would be deleted whenever an aggregated API is out of reach."""
    assert await followed([CURRENT], [STALE]) == (True, True)
    assert await followed([CURRENT], [STALE], [CURRENT]) == (True, True)
