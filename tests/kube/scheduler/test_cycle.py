"""One pod at a time: which node it gets, and what is said when it gets none."""

from dataclasses import replace
from typing import Any, cast

import pytest

from sampan.kube.client.decisions import Decisions
from sampan.kube.scheduler import configuration, cycle
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.cycle import Cycle
from sampan.kube.scheduler.entries import BACKOFF, WAITING, Entry
from sampan.kube.scheduler.hints import Rules
from sampan.kube.scheduler.nominations import Nominations
from sampan.kube.scheduler.queue import Queue
from sampan.kube.scheduler.statuses import Wish

Object = dict[str, Any]


class Notes:
    """Takes the place of recorders, statuses and evictions: what they were told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.wishes: list[Wish] = []
        self.victims: list[str] = []

    def scheduling(self, regarding: Object, kind: str, reason: str, action: str, note: str) -> None:
        self.events.append(f"{kind} {reason} {action}: {note}")

    def wish(self, pod: Object, wish: Wish) -> None:
        self.wishes.append(wish)

    def begin(self, pod: Object, victims: list[Object], node: str, recorder: Any) -> None:
        self.victims += [victim["metadata"]["name"] for victim in victims]


class NoBudgets:
    objects: dict[str, Object] = {}


class World:
    """Nodes by name and CPUs, and a cycle on them; the first of equals is chosen."""

    def __init__(self, percentage: int = 0, **nodes: int) -> None:
        config = configuration.default().profiles[0]
        self.notes = Notes()
        self.cluster = Cluster()
        self.queue = Queue(lambda: 0.0, Rules(lambda info, plugin, node: True), lambda entry: "")
        self.decisions = Decisions()
        self.nominations = Nominations()
        notes = cast(Any, self.notes)
        profile = replace(config, percentage=percentage)
        self.cycle = Cycle(
            self.cluster,
            self.queue,
            {profile.name: profile},
            {profile.name: notes},
            self.nominations,
            notes,
            notes,
            cast(Any, NoBudgets()),
            notes,
            notes,
            self.decisions,
            lambda: 0.0,
            lambda below: 0,
        )
        for name, cpu in nodes.items():
            allocatable = {"cpu": str(cpu), "pods": "10"}
            self.cluster.put_node({"metadata": {"name": name}, "status": {"allocatable": allocatable}})

    def attempt(self, pod: Object) -> str:
        self.queue.add(pod)
        entry = self.queue.pop()
        assert entry is not None
        placement = self.cycle.attempt(entry)
        return placement.node if placement is not None else ""

    def entry(self, name: str) -> Entry:
        found = self.queue.get(name)
        assert found is not None
        return found


def pod(name: str, cpu: int = 1, priority: int = 0, **more: Any) -> Object:
    containers = [{"name": "c", "resources": {"requests": {"cpu": str(cpu)}}}]
    spec = {"schedulerName": "default-scheduler", "containers": containers, "priority": priority}
    metadata = {"name": name, "namespace": "n", "uid": name}
    return {"metadata": metadata, "spec": spec, "status": {}, **more}


def test_an_assumed_pod_takes_its_room() -> None:
    world = World(a=2, b=1)
    assert world.attempt(pod("x", 2)) == "a"
    assert world.attempt(pod("y", 1)) == "b"
    assert world.attempt(pod("z", 1)) == ""
    assert world.entry("z").refused_by == {"NodeResourcesFit"}
    assert world.entry("z").place == WAITING


def test_without_nodes_it_is_tried_again_after_a_while() -> None:
    world = World()
    assert world.attempt(pod("x")) == ""
    [wish] = world.notes.wishes
    assert (wish.reason, wish.message) == ("Unschedulable", "no nodes available to schedule pods")
    assert world.entry("x").place == BACKOFF


def test_a_pod_gets_the_node_that_was_promised_to_it() -> None:
    world = World(a=4, b=4)
    assert world.attempt(pod("x", status={"nominatedNodeName": "b"})) == "b"
    world.nominations.put(pod("y"), "b")
    assert world.attempt(pod("y")) == "b"
    # Unless it has no room.
    assert world.attempt(pod("z", 3, status={"nominatedNodeName": "b"})) == "a"


def test_a_promise_keeps_others_away() -> None:
    world = World(a=2)
    world.nominations.put(pod("promised", 2, 5), "a")
    assert world.attempt(pod("x", 1, 5)) == ""
    assert world.attempt(pod("important", 1, 9)) == "a"


def test_victims_are_driven_away_and_the_node_promised() -> None:
    world = World(a=2)
    low = pod("low", 2)
    low["spec"]["nodeName"] = "a"
    world.cluster.put_pod(low)
    assert world.attempt(pod("high", 1, 9)) == ""
    assert world.notes.victims == ["low"]
    assert world.nominations.node_of("high") == "a"
    assert world.notes.wishes[-1].nominated == "a"
    # Success says nothing more than what the nodes said.
    assert world.notes.wishes[-1].message == "0/1 nodes are available: 1 Insufficient cpu."


def test_one_that_was_promised_the_node_and_matters_less_loses_it() -> None:
    world = World(a=2)
    low = pod("low", 2)
    low["spec"]["nodeName"] = "a"
    world.cluster.put_pod(low)
    world.attempt(pod("middle", 2, 5))
    world.attempt(pod("high", 2, 9))
    assert (world.nominations.node_of("middle"), world.nominations.node_of("high")) == ("", "a")


def test_a_deleting_pod_is_left_alone() -> None:
    world = World(a=2)
    going = pod("x")
    going["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
    assert world.attempt(going) == ""
    assert world.notes.events == ["Warning FailedScheduling Scheduling: skip schedule deleting pod: n/x"]
    assert world.queue.get("x") is None and not world.notes.wishes


def test_what_nobody_thought_of_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(*_args: Any) -> None:
        raise KeyError("odd")

    monkeypatch.setattr(cycle, "judge", judge)
    world = World(a=2)
    assert world.attempt(pod("x")) == ""
    assert world.notes.wishes[-1].reason == "SchedulerError"
    assert world.entry("x").place == BACKOFF
    assert world.decisions.of("x")[0].reason == "SchedulerError"


def test_only_a_share_of_the_nodes_is_scored() -> None:
    """Going round; and never fewer than a hundred."""
    world = World(percentage=50, **{f"n{number:03}": 4 for number in range(300)})
    chosen = [world.attempt(pod(f"p{number}")) for number in range(4)]
    rows = [world.cluster.row_of(name) for name in chosen]
    assert len({row // 100 for row in rows if row is not None}) > 1


def test_the_verdict_is_kept_for_explanations() -> None:
    world = World(a=1, b=1)
    world.attempt(pod("x", 3))
    [decision] = world.decisions.of("x")
    assert decision.by == "kube-scheduler"
    [told] = decision.facts["filters"]
    assert (told["plugin"], told["count"], sorted(told["nodes"])) == ("NodeResourcesFit", 2, ["a", "b"])
    assert "ask for less" in decision.unblock
