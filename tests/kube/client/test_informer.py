"""A copy of what there is, whatever odd things come."""

import logging
from typing import Any

import pytest

from sampan.errors import Unavailable
from sampan.kube.client.discovery import discover
from sampan.kube.client.informer import Informer
from sampan.kube.client.requests import Object, ResourcePath

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
