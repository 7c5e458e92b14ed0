"""Events: what is remembered, who hears what."""

import asyncio
from typing import Any

import pytest

from sampan.engine import events as module
from sampan.engine.eventfilter import make_match, parse_moment
from sampan.engine.events import Events
from sampan.errors import Invalid


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000_000_000_000

    def __call__(self) -> int:
        self.now += 1_000_000_000
        return self.now


def everything(event: dict[str, Any]) -> bool:
    return True


def test_an_event_has_dockers_form() -> None:
    events = Events(Clock())
    events.emit("container", "die", "abc", {"image": "busybox", "exitCode": "0", "a": "b"})
    (event,) = events.past(everything, 0, None)
    assert event == {
        "status": "die", "id": "abc", "from": "busybox", "Type": "container", "Action": "die",
        "Actor": {"ID": "abc", "Attributes": {"a": "b", "exitCode": "0", "image": "busybox"}},
        "scope": "local", "time": 1_000_000_001, "timeNano": 1_000_000_001_000_000_000,
    }  # fmt: skip
    assert list(event["Actor"]["Attributes"]) == ["a", "exitCode", "image"]


def test_the_last_256_are_remembered() -> None:
    events = Events(Clock())
    for number in range(300):
        events.emit("volume", "create", str(number))
    past = events.past(everything, 0, None)
    assert [past[0]["Actor"]["ID"], past[-1]["Actor"]["ID"], len(past)] == ["44", "299", 256]


def test_since_and_until_bound_the_past() -> None:
    events = Events(Clock())
    for number in range(5):
        events.emit("volume", "create", str(number))
    second = 1_000_000_000
    start = 1_000_000_001 * second
    found = events.past(everything, start + second, start + 3 * second)
    assert [event["Actor"]["ID"] for event in found] == ["1", "2", "3"]


async def test_a_subscriber_hears_what_it_asked_for() -> None:
    events = Events(Clock())
    subscription = events.subscribe(make_match({"type": ["volume"]}))
    events.emit("network", "create", "n")
    events.emit("volume", "create", "v")
    event = await subscription.get()
    assert event is not None and event["Actor"]["ID"] == "v"
    await events.stop()
    assert await subscription.get() is None


async def test_a_slow_subscriber_is_cut_off_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG", 3)
    events = Events(Clock())
    slow = events.subscribe(everything)
    for number in range(5):
        events.emit("volume", "create", str(number))
    async with asyncio.timeout(1):
        heard = [event["Actor"]["ID"] async for event in slow]
    assert heard == ["0", "1", "2"]


def container(action: str = "start", **attributes: str) -> dict[str, Any]:
    attributes |= {"image": "busybox:1", "name": "web", "l": "v"}
    actor = {"ID": "abcdef", "Attributes": attributes}
    return {"Type": "container", "Action": action, "scope": "local", "Actor": actor}


NETWORK = {"Type": "network", "Action": "connect", "scope": "local",
           "Actor": {"ID": "n1", "Attributes": {"name": "front", "container": "abcdef"}}}  # fmt: skip
IMAGE = {"Type": "image", "Action": "tag", "scope": "local",
         "Actor": {"ID": "sha256:1", "Attributes": {"name": "busybox:1"}}}  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "event", "expected"),
    [
        ({}, container(), True),
        ({"event": ["start"]}, container(), True),
        ({"event": ["exec_start"]}, container("exec_start: ls -l"), True),
        ({"event": ["health_status"]}, container("health_status: healthy"), True),
        ({"event": ["stop"]}, container(), False),
        ({"container": ["web"]}, container(), True),
        ({"container": ["abc"]}, container(), True),
        ({"container": ["db"]}, container(), False),
        ({"container": ["abcdef"]}, NETWORK, True),
        ({"container": ["web"]}, IMAGE, False),
        ({"image": ["busybox"]}, container(), True),
        ({"image": ["busybox:1"]}, IMAGE, True),
        ({"image": ["debian"]}, IMAGE, False),
        ({"label": ["l"]}, container(), True),
        ({"label": ["l=v"]}, container(), True),
        ({"label": ["l=w"]}, container(), False),
        ({"network": ["front"]}, NETWORK, True),
        ({"network": ["front"]}, container(), False),
        ({"type": ["network", "image"]}, IMAGE, True),
        ({"scope": ["swarm"]}, IMAGE, False),
        ({"event": ["start"], "container": ["db"]}, container(), False),
    ],
)
def test_filters(filters: dict[str, list[str]], event: dict[str, Any], expected: bool) -> None:
    assert make_match(filters)(event) == expected


def test_an_unknown_filter_is_passed_over() -> None:
    assert make_match({"foo": ["x"]})(container())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("10", 10 * 10**9),
        ("10.5", 10_500_000_000),
        ("1970-01-01T00:00:01.000000001Z", 1_000_000_001),
    ],
)
def test_moments(text: str, expected: int | None) -> None:
    assert parse_moment("since", text) == expected


def test_a_bad_moment_is_refused() -> None:
    with pytest.raises(Invalid):
        parse_moment("since", "yesterday")
