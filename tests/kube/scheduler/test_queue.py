"""The scheduling queue with a clock of its own: order, back-off, hints, gates, what happens meanwhile."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.scheduler.entries import BACKOFF, FLYING, WAITING, Entry
from sampan.kube.scheduler.happenings import OWN_GATES, POD_DELETE, Happening
from sampan.kube.scheduler.queue import Queue

FIT = ("NodeResourcesFit",)


def pod(name: str, priority: int = 0, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}"}
    return {"metadata": metadata, "spec": {"priority": priority, **spec}}


@dataclass
class World:
    """A queue whose clock stands still and whose hints are a table: plugin -> happenings that wake."""

    now: float = 1000.0
    wakes: dict[str, set[str]] = field(default_factory=lambda: {FIT[0]: {POD_DELETE}})

    def __post_init__(self) -> None:
        self.queue = Queue(lambda: self.now, self, gate)

    def interested(self, kind: str) -> Collection[str]:
        return [plugin for plugin, kinds in self.wakes.items() if kind in kinds]

    def concerns(self, entry: Entry, plugins: Collection[str], one: Happening) -> bool:
        return any(one.kind in self.wakes.get(plugin, ()) for plugin in plugins)

    def popped(self) -> str:
        entry = self.queue.pop()
        return entry.pod["metadata"]["name"] if entry is not None else ""

    def place(self, name: str) -> str:
        entry = self.queue.get(f"uid-{name}")
        return entry.place if entry is not None else ""

    def entry(self) -> Entry:
        found = self.queue.pop()
        assert found is not None
        return found


def gate(entry: Entry) -> str:
    return "SchedulingGates" if entry.pod["spec"].get("schedulingGates") else ""


def test_higher_priority_goes_first_then_who_came_first() -> None:
    world = World()
    for name, priority in (("a", 0), ("b", 5), ("c", 5), ("d", -1)):
        world.queue.add(pod(name, priority))
        world.now += 1
    assert [world.popped() for _ in range(5)] == ["b", "c", "a", "d", ""]


def test_a_refused_pod_waits_for_what_its_plugins_have_a_use_for() -> None:
    world = World()
    world.queue.add(pod("a"))
    world.queue.refused(world.entry(), FIT)
    world.now += 100
    assert world.popped() == ""
    world.queue.happened(Happening("Node/Label"))
    assert world.popped() == ""
    world.queue.happened(Happening(POD_DELETE))
    assert world.popped() == "a"


@pytest.mark.parametrize(
    ("refusals", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (60, 10), (5000, 10)]
)
def test_back_off_doubles_to_ten_seconds(refusals: int, seconds: float) -> None:
    world = World()
    entry = Entry(pod("a"), 0, 0, refusals=refusals)
    assert world.queue.backoff(entry) == seconds
    entry.errors = 1
    assert world.queue.backoff(entry) == 1


def test_a_pod_backs_off_behind_those_that_are_ready() -> None:
    world = World()
    world.queue.add(pod("a", 9))
    world.queue.refused(world.entry(), FIT)
    world.queue.happened(Happening(POD_DELETE))
    assert world.place("a") == BACKOFF
    world.queue.add(pod("b"))
    assert world.popped() == "b"
    assert world.popped() == "a"  # nothing else is to be done


def test_after_its_back_off_a_pod_takes_its_turn_by_priority() -> None:
    world = World()
    world.queue.add(pod("a", 9))
    world.queue.refused(world.entry(), FIT)
    world.queue.happened(Happening(POD_DELETE))
    world.queue.add(pod("b"))
    world.now += 1
    assert [world.popped(), world.popped()] == ["a", "b"]


def test_a_failure_backs_off_in_full() -> None:
    world = World()
    world.queue.add(pod("a"))
    world.queue.failed(world.entry())
    assert world.popped() == ""
    world.now += 0.9
    assert world.popped() == ""
    world.now += 0.2
    world.queue.failed(world.entry())
    world.now += 1.1
    assert world.popped() == ""
    world.now += 1
    assert world.popped() == "a"


def test_refused_by_nobody_is_tried_after_its_back_off() -> None:
    world = World()
    world.queue.add(pod("a"))
    world.queue.refused(world.entry(), ())
    assert world.place("a") == BACKOFF


def test_a_pod_in_flight_sees_what_happens_meanwhile() -> None:
    world = World()
    world.queue.add(pod("a"))
    world.queue.happened(Happening(POD_DELETE))  # before: of no concern
    entry = world.entry()
    assert world.place("a") == FLYING
    world.queue.refused(entry, FIT)
    assert world.place("a") == WAITING
    world.queue.happened(Happening(POD_DELETE))
    entry = world.entry()
    world.queue.happened(Happening(POD_DELETE))
    world.queue.refused(entry, FIT)
    assert world.place("a") == BACKOFF


def test_what_happened_is_forgotten_once_nobody_is_in_flight() -> None:
    world = World()
    for name in ("a", "b"):
        world.queue.add(pod(name))
    first = world.entry()
    world.queue.happened(Happening(POD_DELETE))
    second = world.entry()
    world.queue.happened(Happening("Node/Label"))
    world.queue.done(first.uid)
    world.queue.refused(second, FIT)  # has seen only the label
    assert world.place("b") == WAITING
    assert world.queue._happened == []


def test_a_gated_pod_waits_until_its_gates_are_gone() -> None:
    world = World(wakes={"SchedulingGates": {OWN_GATES}})
    gated = pod("a", schedulingGates=[{"name": "g"}])
    world.queue.add(gated)
    world.queue.happened(Happening(POD_DELETE))
    world.now += 1000
    world.queue.flush()
    assert world.popped() == ""
    free = pod("a")
    world.queue.update(free, [Happening(OWN_GATES, gated, free)])
    assert world.popped() == "a"


def test_nobody_waits_longer_than_five_minutes() -> None:
    world = World()
    world.queue.add(pod("a"))
    world.queue.refused(world.entry(), FIT)
    world.now += 299
    world.queue.flush()
    assert world.popped() == ""
    world.now += 1
    world.queue.flush()
    assert world.popped() == "a"


def test_a_pod_that_has_gone_is_tried_no_more() -> None:
    world = World()
    world.queue.add(pod("a"))
    world.queue.remove("uid-a")
    assert world.popped() == ""
    world.queue.add(pod("b"))
    entry = world.entry()
    world.queue.remove("uid-b")
    world.queue.refused(entry, FIT)  # it was in flight
    world.queue.failed(entry)
    world.now += 1000
    assert world.popped() == ""
    assert len(world.queue) == 0


def test_an_activated_pod_does_not_wait() -> None:
    world = World()
    world.queue.add(pod("a"))
    world.queue.refused(world.entry(), FIT)
    world.queue.activate("uid-a")
    assert world.popped() == "a"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "pop", "refuse", "fail", "remove", "happen", "later", "flush", "activate"]),
        st.integers(0, 4),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_pod_is_lost_or_handed_out_twice(steps: list[tuple[str, int]]) -> None:
    world = World()
    flying: dict[str, Entry] = {}
    there: set[str] = set()
    for what, number in steps:
        name = f"p{number}"
        if what == "add":
            world.queue.add(pod(name, number % 2))
            there.add(name)
        elif what == "pop":
            entry = world.queue.pop()
            if entry is not None:
                assert entry.uid not in flying
                flying[entry.uid] = entry
        elif what in ("refuse", "fail") and flying:
            _, entry = flying.popitem()
            if what == "refuse":
                world.queue.refused(entry, FIT)
            else:
                world.queue.failed(entry)
        elif what == "remove":
            world.queue.remove(f"uid-{name}")
            flying.pop(f"uid-{name}", None)
            there.discard(name)
        elif what == "happen":
            world.queue.happened(Happening(POD_DELETE))
        elif what == "later":
            world.now += number
        elif what == "flush":
            world.queue.flush()
        else:
            world.queue.activate(f"uid-{name}")
    for entry in flying.values():
        world.queue.refused(entry, FIT)
    world.now += 1000
    world.queue.flush()
    left = set()
    while name := world.popped():
        left.add(name)
    assert left == there
