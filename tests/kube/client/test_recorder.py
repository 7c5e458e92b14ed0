"""Events: one object for equal ones, bounds for many, and nobody waits."""

import asyncio
from typing import Any

import pytest

from sampan.kube.client import recorder as module
from sampan.kube.client.recorder import NORMAL, WAITING, Recorder, cut
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import EVENT_SERIES, EVENTS
from sampan.specs.kubernetes.names import dns1123_subdomain
from sampan.specs.kubernetes.status import StatusError
from tests.kube.controllers.world import World, clock, run

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "default", "uid": "u", "resourceVersion": "7"},
}


async def written(*told: tuple[str, str], twice: bool = False, api: str = "event") -> list[Object]:
    """The events there are after (reason, message) were told of the one pod."""
    world = World()
    world.start()
    recorder = Recorder(world._process.client, "tester", clock)  # type: ignore[union-attr]
    task = asyncio.ensure_future(recorder.run())
    for reason, message in told:
        if api == "event":
            recorder.event(POD, NORMAL, reason, message)
        else:
            recorder.scheduling(POD, NORMAL, reason, "Acting", message)
    await world.settle()
    task.cancel()
    await asyncio.wait([task])
    await world.stop()
    return world.all(EVENTS if api == "event" else EVENT_SERIES)


def check(events: list[Object]) -> list[tuple[str, int]]:
    return [(one["message"], one["count"]) for one in events]


def test_equal_events_are_counted_up_in_one_object() -> None:
    events = run(written(("A", "one"), ("A", "two"), ("A", "one"), ("A", "one")))
    assert check(events) == [("one", 3), ("two", 1)]
    first = events[0]
    assert first["involvedObject"] == {
        "kind": "Pod",
        "namespace": "default",
        "name": "p",
        "uid": "u",
        "apiVersion": "v1",
        "resourceVersion": "7",
    }
    assert first["source"] == {"component": "tester"}
    assert first["metadata"]["name"].startswith("p.")


def test_of_many_that_are_alike_one_is_kept_on() -> None:
    events = run(written(*(("A", f"attempt {number}") for number in range(13))))
    assert [one["message"] for one in events[:10]] == [f"attempt {number}" for number in range(10)]
    assert check(events[10:]) == [("(combined from similar events): attempt 12", 3)]


def test_an_object_has_25_events_in_a_burst() -> None:
    events = run(written(*((f"Reason{number}", "text") for number in range(40))))
    assert len(events) == 25


def test_scheduling_events_are_series() -> None:
    events = run(written(*(("Failed", f"note {number}") for number in range(4)), api="scheduling"))
    assert [(one["note"], one["series"]["count"]) for one in events] == [("note 0", 2)]
    assert events[0]["reportingController"] == "tester"


def test_an_event_that_has_expired_is_written_anew() -> None:
    async def check() -> list[Object]:
        world = World()
        world.start()
        recorder = Recorder(world._process.client, "tester", clock)  # type: ignore[union-attr]
        task = asyncio.ensure_future(recorder.run())
        recorder.event(POD, NORMAL, "A", "one")
        await world.settle()
        world.objects[EVENTS].clear()
        recorder.event(POD, NORMAL, "A", "one")
        await world.settle()
        task.cancel()
        await asyncio.wait([task])
        await world.stop()
        return world.all(EVENTS)

    assert [one["count"] for one in run(check())] == [2]


def test_a_server_that_refuses_stops_nobody() -> None:
    async def check() -> int:
        world = World(
            refuse=lambda *_: StatusError("Forbidden", "no", None, 403) if world.writes == 0 else None
        )
        world.start()
        recorder = Recorder(world._process.client, "tester", clock)  # type: ignore[union-attr]
        task = asyncio.ensure_future(recorder.run())
        recorder.event(POD, NORMAL, "A", "one")
        await world.settle()
        world.refuse = lambda *_: None
        recorder.event(POD, NORMAL, "B", "two")
        await world.settle()
        task.cancel()
        await asyncio.wait([task])
        await world.stop()
        return len(world.all(EVENTS))

    assert run(check()) == 1


async def test_a_flood_is_dropped_and_not_kept() -> None:
    unused: Any = None
    recorder = Recorder(unused, "tester")
    for _ in range(WAITING * module.WRITERS + 10):
        recorder.event(POD, NORMAL, "A", "one")
    assert sum(queue.qsize() for queue in recorder._queues) <= WAITING * module.WRITERS


def test_long_messages_are_cut_between_letters() -> None:
    assert cut("a" * 1024) == "a" * 1024
    assert cut("a" * 1025) == "a" * 1021 + "..."
    assert cut("é" * 600) == "é" * 510 + "..."


def test_an_object_may_have_a_name_that_no_event_can_have() -> None:
    recorder = Recorder(None, "tester")  # type: ignore[arg-type]
    assert recorder._name({"name": "p"}, 1.0).startswith("p.")
    for name in ("x" * 253, "system:node", "Q"):
        made = [recorder._name({"name": name}, 1.0) for _ in range(2)]
        assert not any(dns1123_subdomain(one) for one in made) and len({*made}) == 2


async def test_a_flood_is_told_of_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    recorder = Recorder(None, "tester", lambda: now, waiting=1)  # type: ignore[arg-type]
    for _ in range(100):
        recorder.event(POD, NORMAL, "A", "one")
    now -= 3600  # the clock is set back
    recorder.event(POD, NORMAL, "A", "one")
    assert [one.getMessage() for one in caplog.records] == [
        "too many events of tester: 1 dropped",
        "too many events of tester: 99 dropped",
    ]


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, -1e9, 1e9])
def test_a_clock_that_is_set_anew_silences_nobody(jump: float) -> None:
    """Neither the object's budget nor what is alike is counted by a time that never was."""
    recorder = Recorder(None, "tester")  # type: ignore[arg-type]
    group = ("u", "p", NORMAL, "A")
    now = 2e9
    for number in range(5):
        assert recorder._combined(group, f"m{number}", now) == f"m{number}"
        assert recorder._allowed("u", now)
    now += jump
    for number in range(10):
        assert recorder._combined(group, f"n{number}", now) == f"n{number}"
        assert recorder._allowed("u", now)
