"""A copy of what there is, whatever odd things come."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.errors import Unavailable
from sampan.kube.client.discovery import discover
from sampan.kube.client.informer import Informer
from sampan.kube.client.requests import Object, ResourcePath
from sampan.specs.kubernetes.status import StatusError
from tests.kube.controllers.world import run

MAPS = ResourcePath("v1", "configmaps")


def informer() -> Informer:
    return Informer(None, MAPS)  # type: ignore[arg-type]


def event(what: str, name: str, **more: Any) -> Object:
    return {"type": what, "object": {"metadata": {"name": name, "resourceVersion": "1"}, **more}}


def test_one_that_fails_keeps_nobody_else_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    found, heard = informer(), []

    def fails(what: str, value: Object, _old: Object | None) -> None:
        raise KeyError(value["metadata"]["name"])

    found.on_change(fails)
    found.on_change(lambda what, value, _old: heard.append((what, value["metadata"]["name"])))
    for what in ("ADDED", "DELETED"):
        found._handle(event(what, "odd"))
    assert heard == [("add", "odd"), ("delete", "odd")]
    assert [one.levelno for one in caplog.records] == [logging.ERROR] * 2


def test_what_an_index_cannot_make_out_is_under_nothing() -> None:
    found = informer()
    found.index("colour", lambda value: [value["data"]["colour"]])
    found._handle(event("ADDED", "odd"))
    found._handle(event("ADDED", "even", data={"colour": "red"}))
    assert [one["metadata"]["name"] for one in found.by("colour", "red")] == ["even"]
    found._handle({"type": "MODIFIED", "object": {"metadata": {"name": "even", "resourceVersion": "2"}}})
    assert found.by("colour", "red") == []


class Careless:
    """A server that sends what it likes."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def request(self, *_: Any, **__: Any) -> Any:
        return self.answers.pop(0)


@pytest.mark.parametrize(
    "answer", [None, [], {"items": [1]}, {"items": [{"versions": [{"resources": [{}]}]}]}]
)
async def test_discovery_that_is_none_is_no_more_than_a_failure(answer: Any) -> None:
    with pytest.raises(Unavailable):
        await discover(Careless(answer, {}))  # type: ignore[arg-type]


class Enough(BaseException):
    """Ends an informer that would go on for ever."""


async def test_a_list_that_is_none_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {
        "metadata": {"resourceVersion": "5"},
        "items": [event("ADDED", "a")["object"]],
        "kind": "L",
        "apiVersion": "v1",
    }
    client: Any = Careless([], {"items": [{}]}, {"metadata": None, "items": []}, good)
    monkeypatch.setattr("sampan.kube.client.informer.FIRST_PAUSE", 0.0)
    client.watch = None
    found = Informer(client, MAPS)

    async def watch() -> None:
        raise Enough

    monkeypatch.setattr(found, "_watch", watch)
    with pytest.raises(Enough):
        await found.run()
    assert list(found.objects) == ["a"] and found.synced.is_set()


class Cut:
    """A server that lists, and ends every watch after so many seconds, with an error or without."""

    def __init__(self, lasts: float, error: Exception | None) -> None:
        self.lasts, self.error = lasts, error
        self.lists = self.watches = 0

    async def request(self, *_: Any, **__: Any) -> Object:
        self.lists += 1
        return {"metadata": {"resourceVersion": "5"}, "items": []}

    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[Object]:
        self.watches += 1
        await asyncio.sleep(self.lasts)
        if self.error is not None:
            raise self.error
        return
        yield {}


@pytest.mark.parametrize(
    ("lasts", "error", "watches"),
    [
        (0.0, StatusError("Expired", "too old", None, 410), 27),  # it is always too late
        (0.0, None, 27),  # an aggregated API whose server knows no watches
        (60.0, None, 10),
        (60.0, StatusError("Expired", "too old", None, 410), 10),
    ],
)
def test_a_watch_that_is_cut_again_and_again_is_no_flood(
    lasts: float, error: Exception | None, watches: int
) -> None:
    """Within ten minutes; whoever was told that it is too late lists anew each time."""

    async def check() -> Cut:
        server = Cut(lasts, error)
        task = asyncio.ensure_future(Informer(server, MAPS).run())  # type: ignore[arg-type]
        await asyncio.sleep(600.0)
        task.cancel()
        await asyncio.wait([task])
        return server

    found = run(check())
    assert found.watches == watches
    assert found.lists == (watches if error else 1)
