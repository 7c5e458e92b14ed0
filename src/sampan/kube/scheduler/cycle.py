"""One pod at a time: the node it gets, or why it gets none and what follows from that. Nothing here waits."""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sampan.kube.client.decisions import Decision, Decisions
from sampan.kube.client.informer import Informer
from sampan.kube.client.recorder import WARNING, Recorder
from sampan.kube.client.requests import Object
from sampan.kube.scheduler import messages, preemption
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.configuration import Configured
from sampan.kube.scheduler.devicebinding import DeviceBinder, Reservation, hindering, reservation
from sampan.kube.scheduler.devices.effort import Unworkable
from sampan.kube.scheduler.devices.podclaims import claims_of
from sampan.kube.scheduler.entries import Entry
from sampan.kube.scheduler.evaluation import judge, score
from sampan.kube.scheduler.evictions import Evictions
from sampan.kube.scheduler.nominations import Nominations, nominated_node
from sampan.kube.scheduler.podinfo import PodInfo
from sampan.kube.scheduler.preemption import Preemptor
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.queue import Queue
from sampan.kube.scheduler.statuses import Statuses, Wish
from sampan.kube.scheduler.trials import NodeTrials
from sampan.kube.scheduler.verdict import Mask, Verdict
from sampan.kube.scheduler.volumebinding import VolumeBinder, Writes, writes
from sampan.kube.scheduler.volumes import plan
from sampan.specs.kubernetes.objects import is_going

log = logging.getLogger("sampan.kube")

BY = "kube-scheduler"
SCHEDULED, UNSCHEDULABLE, ERROR = "PodScheduled", "Unschedulable", "SchedulerError"


@dataclass(frozen=True)
class Placement:
    """A pod that is taken to run on a node; `pod` says so. What else it gets is written before."""

    entry: Entry
    profile: Configured
    pod: Object
    node: str
    volumes: Writes | None = None
    devices: Reservation | None = None


@dataclass
class Cycle:
    """What is decided goes by names of nodes; `start` and `choice` are random."""

    cluster: Cluster
    queue: Queue
    profiles: Mapping[str, Configured]
    recorders: Mapping[str, Recorder]  # by profile
    nominations: Nominations
    statuses: Statuses
    evictions: Evictions
    budgets: Informer
    volumes: VolumeBinder
    devices: DeviceBinder
    decisions: Decisions
    clock: Callable[[], float]
    start: Callable[[int], int] = field(default=random.randrange)
    _next: int = 0  # where the last search among some of the nodes ended

    def attempt(self, entry: Entry) -> Placement | None:
        """A placement is assumed already, and is to be bound."""
        pod = entry.pod
        profile = self.profiles.get((pod.get("spec") or {}).get("schedulerName", ""))
        if profile is None:
            self.queue.remove(entry.uid)
            return None
        if is_going(pod):
            own = pod["metadata"]
            note = f"skip schedule deleting pod: {own.get('namespace')}/{own['name']}"
            self._tell(profile, pod, note)
            self.queue.remove(entry.uid)
            return None
        try:
            return self._attempt(entry, profile)
        except Unworkable as error:
            self.fail(entry, profile, f'running "DynamicResources" filter plugin: {error}')
            return None
        except Exception as error:  # an object that nobody thought of must not stop the others
            log.exception("scheduling %s", entry.key)
            self.fail(entry, profile, str(error) or type(error).__name__)
            return None

    def _attempt(self, entry: Entry, profile: Configured) -> Placement | None:
        nodes = int(np.count_nonzero(self.cluster.rows()))
        if not nodes:
            self._refuse(entry, profile, (), messages.NO_NODES, {"nodes": 0}, nominated="")
            return None
        info = entry.info
        nominated = list(self.nominations.rows(self.cluster))
        verdict = judge(self.cluster, info, profile, nominated)
        if verdict.feasible.any():
            return self._assume(entry, profile, self._choose(info, profile, verdict.feasible))
        trials = NodeTrials(self.cluster, info, profile, nominated)
        self._refuse_by(entry, profile, verdict, nodes, trials)
        return None

    def _choose(self, info: PodInfo, profile: Configured, feasible: Mask) -> int:
        """The node that was promised to it; else the best, or one of several that are as good."""
        promised = self.cluster.row_of(nominated_node(info.object) or self.nominations.node_of(info.uid))
        if promised is not None and feasible[promised]:
            return promised
        feasible = self._sample(profile, feasible)
        rows = np.flatnonzero(feasible)
        if len(rows) > 1 and profile.scores:
            scores = score(self.cluster, info, profile, feasible)[rows]
            rows = rows[scores == scores.max()]
        return int(rows[self.start(len(rows))])

    def _sample(self, profile: Configured, feasible: Mask) -> Mask:
        """Of so many nodes only: `percentageOfNodesToScore`, going round."""
        nodes = int(np.count_nonzero(self.cluster.rows()))
        most = max(nodes * profile.percentage // 100, 100)
        rows = np.flatnonzero(feasible)
        if not profile.percentage or most >= len(rows):
            return feasible
        chosen = np.roll(rows, -int(np.searchsorted(rows, self._next)))[:most]
        self._next = int(chosen[-1]) + 1
        found = np.zeros_like(feasible)
        found[chosen] = True
        return found

    def _assume(self, entry: Entry, profile: Configured, row: int) -> Placement:
        node = self.cluster.node_name(row)
        query = Query(self.cluster, entry.info, profile)
        volumes: Writes | None = None
        devices: Reservation | None = None
        if entry.info.shape.resource_claims and profile.runs("DynamicResources", "reserve"):
            devices = reservation(query, row)
        if entry.info.shape.claims and profile.runs("VolumeBinding", "reserve"):
            volumes = writes(plan(query, row), node)
            self.volumes.assume(volumes)
        if devices is not None:
            self.devices.assume(devices)
        pod = {**entry.pod, "spec": {**entry.pod["spec"], "nodeName": node}}
        self.cluster.place(replace(entry.info, object=pod, node_name=node))
        self.nominations.remove(entry.uid)
        self.queue.done(entry.uid)
        return Placement(entry, profile, pod, node, volumes, devices)

    # --- no node

    def _refuse_by(
        self, entry: Entry, profile: Configured, verdict: Verdict, nodes: int, trials: NodeTrials
    ) -> None:
        refused_by = messages.plugins(verdict)
        more, nominated = self._post_filters(entry, profile, verdict, nodes, trials)
        refusal = verdict.refused.text if verdict.refused is not None else ""
        message = messages.fit_error(nodes, refusal, messages.counts(verdict), more)
        facts = messages.facts(verdict, nodes, self.cluster)
        if nominated:
            facts["nominated"] = nominated
        self._refuse(entry, profile, refused_by, message, facts, nominated)

    def _post_filters(
        self, entry: Entry, profile: Configured, verdict: Verdict, nodes: int, trials: NodeTrials
    ) -> tuple[str, str | None]:
        """What they say, and the node that is promised; None leaves an earlier promise."""
        said = []
        nominated: str | None = None
        for plugin in profile.points.get("postFilter", ()):
            if plugin == "DynamicResources":
                if _came_before(profile, verdict, plugin):
                    # Its PostFilter misses what its PreFilter would have left, and that ends the search.
                    return "not found", None
                said.append(self._free_devices(entry, profile, verdict))
            elif plugin == "DefaultPreemption":
                outcome = self._preempt(entry, profile, verdict, nodes, trials)
                if outcome.candidate is not None:
                    return "", self.cluster.node_name(outcome.candidate.row)
                nominated = "" if outcome.clears else nominated
                said.append(f"preemption: {outcome.message}")
        return ", ".join(said), nominated if said else ""

    def _free_devices(self, entry: Entry, profile: Configured, verdict: Verdict) -> str:
        """Give back those of one claim that nobody uses, and that keep the pod from other nodes."""
        query = Query(self.cluster, entry.info, profile)
        if verdict.refused is not None or not claims_of(query):
            return "no new claims to deallocate"
        claims = hindering(query, verdict)
        if not claims:
            return "still not schedulable"
        self.devices.deallocate(claims[self.start(len(claims))])
        return "deallocation of ResourceClaim completed"

    def _preempt(
        self, entry: Entry, profile: Configured, verdict: Verdict, nodes: int, trials: NodeTrials
    ) -> preemption.Outcome:
        rows, hopeless = _where(verdict)
        promised = self.cluster.row_of(nominated_node(entry.pod))
        there = trials.pods_on(promised) if promised is not None and promised not in hopeless else ()
        why = preemption.ineligible(entry.pod, there)
        if why:
            return preemption.Outcome(message=why)
        budgets = preemption.budgets(self.budgets.objects.values()) if rows else []
        args = profile.args_of("DefaultPreemption")
        outcome = Preemptor(entry.pod, budgets, args, self.clock(), self.start).preempt(trials, rows, nodes)
        if outcome.candidate is not None:
            self._evict(entry, profile, outcome.candidate)
        return outcome

    def _evict(self, entry: Entry, profile: Configured, candidate: preemption.Candidate) -> None:
        node = self.cluster.node_name(candidate.row)
        log.info("%s takes %s from %d pods", entry.key, node, len(candidate.victims))
        for other in self.nominations.lower(node, entry.priority):
            self.nominations.put(other, "")
            self.statuses.wish(other, Wish(nominated=""))
            self.queue.activate(other["metadata"]["uid"])
        self.evictions.begin(entry.pod, candidate.victims, node, self.recorders[profile.name])

    def _refuse(
        self,
        entry: Entry,
        profile: Configured,
        refused_by: frozenset[str] | tuple[str, ...],
        message: str,
        facts: Mapping[str, Any],
        nominated: str | None,
    ) -> None:
        pod = entry.pod
        self.queue.refused(entry, refused_by)
        if nominated is not None:
            self.nominations.put(pod, nominated)
        self._tell(profile, pod, message)
        self.statuses.wish(pod, Wish(SCHEDULED, "False", UNSCHEDULABLE, message, nominated))
        unblock = messages.unblock(refused_by) or "add a node"
        decision = Decision(BY, UNSCHEDULABLE, message, unblock, facts, self.clock())
        self.decisions.note(entry.uid, decision)

    def fail(self, entry: Entry, profile: Configured, message: str) -> None:
        """It could not be found out, or not be done."""
        pod = entry.pod
        self.queue.failed(entry)
        self.nominations.put(pod, "")
        self._tell(profile, pod, message)
        self.statuses.wish(pod, Wish(SCHEDULED, "False", ERROR, message, ""))
        self.decisions.note(entry.uid, Decision(BY, ERROR, message, at=self.clock()))

    def _tell(self, profile: Configured, pod: Object, note: str) -> None:
        self.recorders[profile.name].scheduling(pod, WARNING, "FailedScheduling", "Scheduling", note)


def _came_before(profile: Configured, verdict: Verdict, plugin: str) -> bool:
    """Was the pod refused by a PreFilter before this plugin's was asked?"""
    if verdict.refused is None or verdict.refused.plugin == plugin:
        return False
    asked = profile.points.get("preFilter", ())
    return (
        plugin not in asked[: asked.index(verdict.refused.plugin)]
        if verdict.refused.plugin in asked
        else False
    )


def _where(verdict: Verdict) -> tuple[list[int], set[int]]:
    """The rows where taking pods away could help, and those where it could not."""
    if verdict.refused is not None:
        return [], set(range(len(verdict.feasible)))
    rows: list[int] = []
    hopeless: set[int] = set()
    for failure in verdict.failures:
        rows += np.flatnonzero(failure.rows & ~failure.unresolvable).tolist()
        hopeless.update(np.flatnonzero(failure.rows & failure.unresolvable).tolist())
    return sorted(rows), hopeless
