"""Who is driven away for whom: upstream's rules on nodes that only know a number of places."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kube.scheduler.preemption import (
    Budget,
    Candidate,
    Outcome,
    Preemptor,
    best,
    budgets,
    divide,
    ineligible,
)
from sampan.specs.kubernetes import labels

NOW = 10_000.0
ARGS = {"minCandidateNodesPercentage": 10, "minCandidateNodesAbsolute": 100}


def pod(
    name: str, priority: int, size: int = 1, *, start: str = "", app: str = "", **spec: Any
) -> dict[str, Any]:
    status = {"startTime": start} if start else {}
    metadata = {"name": name, "namespace": "n", "uid": name, "labels": {"app": app} if app else {}}
    return {"metadata": metadata, "spec": {"priority": priority, "size": size, **spec}, "status": status}


@dataclass
class Nodes:
    """Each has as many places as pods of size 1 fill; a row per node."""

    places: int
    pods: Sequence[Sequence[dict[str, Any]]]
    wanted: int

    def pods_on(self, row: int) -> Sequence[dict[str, Any]]:
        return self.pods[row]

    @contextmanager
    def without(self, row: int, pods: Sequence[dict[str, Any]]) -> Iterator["Node"]:
        gone = [one["metadata"]["uid"] for one in pods]
        left = [one for one in self.pods[row] if one["metadata"]["uid"] not in gone]
        yield Node(self.places - self.wanted, left)


@dataclass
class Node:
    """What is left of one, for others than the preemptor."""

    places: int
    pods: list[dict[str, Any]]

    def reasons(self) -> Sequence[str]:
        used = sum(one["spec"]["size"] for one in self.pods)
        return () if used <= self.places else ("Insufficient places",)

    def spares(self, pod: dict[str, Any]) -> bool:
        self.pods.append(pod)
        if self.reasons():
            self.pods.remove(pod)
            return False
        return True


def fits(nodes: Nodes, row: int, without: Collection[str] = ()) -> bool:
    gone = [one for one in nodes.pods[row] if one["metadata"]["uid"] in without]
    with nodes.without(row, gone) as node:
        return not node.reasons()


def preempt(
    nodes: Nodes, priority: int = 10, allowed: Sequence[Budget] = (), args: Mapping[str, int] = ARGS
) -> Outcome:
    preemptor = Preemptor(pod("p", priority), allowed, args, NOW, lambda below: 0)
    rows = [row for row in range(len(nodes.pods)) if not fits(nodes, row)]
    return preemptor.preempt(nodes, rows, len(nodes.pods))


def budget(app: str, allowed: int, *disrupted: str) -> Budget:
    return Budget("n", labels.from_object({"matchLabels": {"app": app}}), allowed, frozenset(disrupted))


@pytest.mark.parametrize(
    ("pods", "wanted", "victims"),
    [
        # Only as many as are needed, the least important ones.
        ([[("a", 1), ("b", 2), ("c", 3)]], 1, ["a"]),
        # Two small ones or a large one of lower priority: the more important are let back first.
        ([[("a", 1, 2), ("b", 2, 1)]], 2, ["a"]),
        # Equal or higher priority is left alone.
        ([[("a", 10), ("b", 11), ("c", 1)]], 1, ["c"]),
        # The node whose most important victim matters least.
        ([[("a", 5, 3)], [("b", 4, 3)]], 3, ["b"]),
        # Then the least sum: one victim rather than two of the same priority.
        ([[("a", 4, 1), ("b", 4, 1), ("c", 20, 1)], [("d", 4, 2), ("e", 20, 1)]], 2, ["d"]),
        # Negative priorities count as well: one is better than two.
        ([[("a", -5, 1), ("b", -5, 2)], [("c", -5, 3)]], 3, ["c"]),
    ],
)
def test_victims(pods: list[list[tuple[Any, ...]]], wanted: int, victims: list[str]) -> None:
    there = [[pod(name, priority, *size) for name, priority, *size in node] for node in pods]
    outcome = preempt(Nodes(3, there, wanted))
    assert outcome.candidate is not None
    assert [one["metadata"]["name"] for one in outcome.candidate.victims] == victims


@pytest.mark.parametrize(
    ("pods", "wanted", "message"),
    [
        ([[("a", 10, 3)]], 1, "0/1 nodes are available: 1 No preemption victims found for incoming pod."),
        ([[("a", 1, 3)]], 4, "0/1 nodes are available: 1 Insufficient places."),
        (
            [[("a", 10, 3)], [("b", 20, 1), ("c", 1, 2)]],
            3,
            "0/2 nodes are available: 1 Insufficient places, 1 No preemption victims found for incoming pod.",
        ),
    ],
)
def test_no_victims(pods: list[list[tuple[Any, ...]]], wanted: int, message: str) -> None:
    there = [[pod(name, priority, *size) for name, priority, *size in node] for node in pods]
    outcome = preempt(Nodes(3, there, wanted))
    assert (outcome.candidate, outcome.message, outcome.clears) == (None, message, True)


def test_nodes_where_nothing_helps_are_counted() -> None:
    outcome = Preemptor(pod("p", 1), (), ARGS, NOW, lambda below: 0).preempt(Nodes(0, [[], []], 1), [], 2)
    assert outcome.message == "0/2 nodes are available: 2 Preemption is not helpful for scheduling."


def test_a_budget_is_violated_only_if_there_is_no_other_way() -> None:
    guarded, free = pod("guarded", 1, 3, app="db"), pod("free", 2, 3)
    outcome = preempt(Nodes(3, [[guarded], [free]], 1), allowed=[budget("db", 0)])
    assert outcome.candidate is not None and outcome.candidate.victims == (free,)
    outcome = preempt(Nodes(3, [[guarded]], 1), allowed=[budget("db", 0)])
    assert outcome.candidate == Candidate(0, (guarded,), 1)


def test_of_two_on_a_node_the_guarded_one_is_let_back() -> None:
    guarded, free = pod("guarded", 1, app="db"), pod("free", 5)
    outcome = preempt(Nodes(2, [[guarded, free]], 1), allowed=[budget("db", 0)])
    assert outcome.candidate == Candidate(0, (free,), 0)


@pytest.mark.parametrize(
    ("allowed", "violating"),
    [
        ([budget("db", 1)], ["b"]),  # the first is allowed
        ([budget("db", 2)], []),
        ([budget("db", 0, "a")], ["b"]),  # the eviction of the first has been granted already
        ([budget("db", 2), budget("db", 0)], ["a", "b"]),
        ([budget("web", 0)], []),
        ([Budget("other", labels.from_object({"matchLabels": {"app": "db"}}), 0, frozenset())], []),
    ],
)
def test_budgets_divide(allowed: list[Budget], violating: list[str]) -> None:
    found, harmless = divide([pod("a", 2, app="db"), pod("b", 1, app="db")], allowed)
    assert [one["metadata"]["name"] for one in found] == violating
    assert len(found) + len(harmless) == 2


def test_budgets_that_select_nothing_or_cannot_be_read_are_left_out() -> None:
    def of(spec: dict[str, Any], **status: Any) -> dict[str, Any]:
        return {"metadata": {"namespace": "n", "name": "b"}, "spec": spec, "status": status}

    some = {"selector": {"matchLabels": {"app": "db"}}}
    bad = {"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}
    found = budgets([of({}), of({"selector": {}}), of(bad), of(some, disruptionsAllowed=3)])
    assert [one.allowed for one in found] == [3]


def test_who_runs_longest_stays() -> None:
    old = pod("old", 1, start="1970-01-01T00:00:01Z")
    young = pod("young", 1, start="1970-01-01T00:00:02Z")
    outcome = preempt(Nodes(2, [[young, old]], 1))
    assert outcome.candidate is not None and outcome.candidate.victims == (young,)
    one, other = Candidate(0, (old,)), Candidate(1, (young,))
    assert best([one, other], NOW) is other


@pytest.mark.parametrize(
    ("policy", "there", "why"),
    [
        (None, [], ""),
        ("Never", [], "not eligible due to preemptionPolicy=Never."),
        ("PreemptLowerPriority", [(1, True)], "not eligible due to a terminating pod on the nominated node."),
        (None, [(1, False)], ""),
        (None, [(10, True)], ""),  # not of lower priority
    ],
)
def test_eligibility(policy: str | None, there: list[tuple[int, bool]], why: str) -> None:
    others = []
    for priority, preempted in there:
        other = pod("o", priority)
        other["metadata"]["deletionTimestamp"] = "1970-01-01T00:00:01Z"
        reason = "PreemptionByScheduler" if preempted else "EvictionByEvictionAPI"
        other["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": reason}]
        others.append(other)
    assert ineligible(pod("p", 10, preemptionPolicy=policy), others) == why


def test_the_search_ends_when_there_are_candidates_enough() -> None:
    nodes = Nodes(1, [[pod(f"v{number}", 1)] for number in range(50)], 1)
    few = {"minCandidateNodesPercentage": 0, "minCandidateNodesAbsolute": 3}
    asked: list[int] = []
    original = nodes.pods_on
    nodes.pods_on = lambda row: asked.append(row) or original(row)  # type: ignore[method-assign,func-returns-value]
    assert preempt(nodes, args=few).candidate is not None
    assert asked == [0, 1, 2]


PODS = st.lists(st.tuples(st.integers(-3, 12), st.integers(1, 3)), max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.lists(PODS, min_size=1, max_size=4), st.integers(1, 4))
def test_the_pod_fits_once_the_victims_are_gone_and_not_with_one_of_them(
    sizes: list[list[tuple[int, int]]], wanted: int
) -> None:
    there = [
        [pod(f"{row}-{at}", priority, size) for at, (priority, size) in enumerate(node)]
        for row, node in enumerate(sizes)
    ]
    nodes = Nodes(4, there, wanted)
    candidate = preempt(nodes).candidate
    if candidate is None:
        return
    gone = frozenset(one["metadata"]["uid"] for one in candidate.victims)
    assert gone and fits(nodes, candidate.row, gone)
    assert all(one["spec"]["priority"] < 10 for one in candidate.victims)
    for one in gone:
        assert not fits(nodes, candidate.row, gone - {one})
