"""Whom a pod may drive away to get a node: upstream's DefaultPreemption. Pure, but for a random start.

On each node where that could help, all pods of lower priority are taken away in thought; if the pod fits
then, as many as possible are let back, those whose disruption budget would be violated first. Of the nodes
found the one is chosen that violates budgets least, then whose victims matter least.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sampan.kube.client.requests import Object
from sampan.kube.scheduler import messages
from sampan.specs.kubernetes import labels, labelselector
from sampan.specs.kubernetes.objects import condition, is_going
from sampan.specs.kubernetes.time import seconds

REASON = "PreemptionByScheduler"
OFFSET = 1 << 31  # makes all priorities positive, so that two victims weigh more than one


class Emptied(Protocol):
    """A node where some pods are gone."""

    def reasons(self) -> Sequence[str]:
        """Why the preemptor does not fit there; none if it does."""

    def spares(self, pod: Object) -> bool:
        """Can this one be let back, so that the preemptor still fits? Then it is."""


class Trial(Protocol):
    """What can be tried with the nodes and one pod."""

    def pods_on(self, row: int) -> Sequence[Object]: ...

    def without(self, row: int, pods: Sequence[Object]) -> AbstractContextManager[Emptied]:
        """The node as if these pods, which are on it, were not."""


@dataclass(frozen=True)
class Candidate:
    """`victims`: the most important first."""

    row: int
    victims: tuple[Object, ...]
    violations: int = 0


@dataclass(frozen=True)
class Outcome:
    """A candidate, or why there is none. `clears`: the pod's nomination is of no use any more."""

    candidate: Candidate | None = None
    message: str = ""
    clears: bool = False


@dataclass(frozen=True)
class Budget:
    """What counts of a PodDisruptionBudget."""

    namespace: str
    selector: labels.Selector
    allowed: int
    disrupted: frozenset[str]  # names of pods whose eviction has been granted

    def covers(self, pod: Object) -> bool:
        own = pod["metadata"]
        matches = own.get("namespace") == self.namespace and self.selector.matches(own.get("labels") or {})
        return matches and own["name"] not in self.disrupted


def budgets(objects: Iterable[Object]) -> list[Budget]:
    """Those that select anything; what cannot be read selects nothing."""
    found = []
    for value in objects:
        given = (value.get("spec") or {}).get("selector")
        if given is None or not labelselector.can_select(given):
            continue
        selector = labels.from_object(given)
        status = value.get("status") or {}
        if selector:
            allowed = status.get("disruptionsAllowed") or 0
            disrupted = frozenset(status.get("disruptedPods") or ())
            found.append(Budget(value["metadata"].get("namespace", ""), selector, allowed, disrupted))
    return found


def priority(pod: Object) -> int:
    return int((pod.get("spec") or {}).get("priority") or 0)


def importance(pod: Object, now: float) -> tuple[int, float]:
    """The most important pod has the least: of high priority, and running for long."""
    return -priority(pod), started(pod, now)


def started(pod: Object, now: float) -> float:
    found = _seconds((pod.get("status") or {}).get("startTime"))
    return now if found is None else found


@lru_cache(4096)
def _seconds(text: str | None) -> float | None:
    return seconds(text)


def ineligible(pod: Object, on_nominated: Iterable[Object]) -> str:
    """Why a pod may not drive others away, "" if it may; the pods are those on its nominated node."""
    if (pod.get("spec") or {}).get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    own = priority(pod)
    if any(priority(other) < own and _goes_for_another(other) for other in on_nominated):
        return "not eligible due to a terminating pod on the nominated node."
    return ""


def _goes_for_another(pod: Object) -> bool:
    found = condition(pod, "DisruptionTarget") or {}
    return is_going(pod) and found.get("status") == "True" and found.get("reason") == REASON


@dataclass(frozen=True)
class Preemptor:
    """A pod that fits nowhere, and how it is to look for victims."""

    pod: Object
    budgets: Sequence[Budget]
    args: Any  # DefaultPreemptionArgs
    now: float
    start: Callable[[int], int]  # below a number: where to begin

    def preempt(self, trial: Trial, rows: Sequence[int], nodes: int) -> Outcome:
        """`rows`: where taking pods away could help, of so many nodes."""
        candidates, refused = self._candidates(trial, rows)
        if candidates:
            return Outcome(best(candidates, self.now))
        if len(rows) < nodes:
            refused[messages.NOT_HELPFUL] = refused.get(messages.NOT_HELPFUL, 0) + nodes - len(rows)
        return Outcome(message=messages.fit_error(nodes, "", refused), clears=True)

    def _candidates(self, trial: Trial, rows: Sequence[int]) -> tuple[list[Candidate], dict[str, int]]:
        """As many as are wanted, those that violate no budget first; and the reasons of other nodes."""
        found: list[Candidate] = []
        refused: dict[str, int] = {}
        enough = self._wanted(len(rows))
        offset = self.start(len(rows)) if rows else 0
        for at in range(len(rows)):
            row = rows[(offset + at) % len(rows)]
            candidate, reasons = self._on_node(trial, row)
            if candidate is None:
                for reason in reasons:
                    refused[reason] = refused.get(reason, 0) + 1
                continue
            found.append(candidate)
            if len(found) >= enough and any(not one.violations for one in found):
                break
        return sorted(found, key=lambda one: one.violations > 0), refused

    def _wanted(self, nodes: int) -> int:
        share = nodes * int(self.args["minCandidateNodesPercentage"]) // 100
        return min(max(share, int(self.args["minCandidateNodesAbsolute"])), nodes)

    def _on_node(self, trial: Trial, row: int) -> tuple[Candidate | None, Sequence[str]]:
        own = priority(self.pod)
        lower = [other for other in trial.pods_on(row) if priority(other) < own]
        if not lower:
            return None, (messages.NO_VICTIMS,)
        lower.sort(key=lambda other: importance(other, self.now))
        with trial.without(row, lower) as emptied:
            reasons = emptied.reasons()
            if reasons:
                return None, reasons
            violating, harmless = divide(lower, self.budgets)
            kept_back = [other for other in violating if not emptied.spares(other)]
            victims = [*kept_back, *(other for other in harmless if not emptied.spares(other))]
        if not victims:  # it fits as it is: another try will find that out
            return None, ()
        victims.sort(key=lambda other: importance(other, self.now))
        return Candidate(row, tuple(victims), len(kept_back)), ()


def divide(pods: Sequence[Object], budgets: Sequence[Budget]) -> tuple[list[Object], list[Object]]:
    """Those whose going would violate a budget, and the others, each in their order."""
    left = [budget.allowed for budget in budgets]
    violating: list[Object] = []
    harmless: list[Object] = []
    for pod in pods:
        violates = False
        for at, budget in enumerate(budgets):
            if pod["metadata"].get("labels") and budget.covers(pod):
                left[at] -= 1
                violates = violates or left[at] < 0
        (violating if violates else harmless).append(pod)
    return violating, harmless


def best(candidates: Sequence[Candidate], now: float) -> Candidate:
    """Fewest violations, lowest highest priority, least sum, fewest victims, latest start; then the first."""

    def cost(one: Candidate) -> tuple[int, int, int, int, float]:
        priorities = [priority(victim) for victim in one.victims]
        highest = max(priorities)
        earliest = min(started(victim, now) for victim in one.victims if priority(victim) == highest)
        weight = sum(value + OFFSET for value in priorities)
        return one.violations, highest, weight, len(one.victims), -earliest

    return min(candidates, key=cost)
