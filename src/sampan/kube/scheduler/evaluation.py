"""All nodes at once for one pod: which can have it, why not the others, and which are best."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial

import numpy as np

from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.filters.filter import Filter
from sampan.kube.scheduler.filters.roster import FILTERS
from sampan.kube.scheduler.findings import Findings, Index
from sampan.kube.scheduler.memory import recall
from sampan.kube.scheduler.podinfo import PodInfo
from sampan.kube.scheduler.profile import DEFAULT, Profile
from sampan.kube.scheduler.query import Query
from sampan.kube.scheduler.scores.roster import SCORES
from sampan.kube.scheduler.verdict import ALL, Mask, Reason, Refusal, Rows, Scores, Verdict

Nominated = Sequence[tuple[PodInfo, int]]
NOT_NAMED = "node(s) didn't satisfy plugin(s) [{}]"


def judge(
    cluster: Cluster,
    pod: PodInfo,
    profile: Profile = DEFAULT,
    nominated: Nominated = (),
    *,
    explain: bool = False,
) -> Verdict:
    """`nominated`: pods that were promised a row, by preemption; those as important as this one count.

    Failures are found out if nothing is feasible, or if they are asked for.
    """
    query = Query(cluster, pod, profile)
    filters = _filters(query)
    refused = _refused(query, filters)
    if refused:
        return Verdict(np.zeros(cluster.size, np.bool_), refused=refused)
    plugins, names = _named(query, filters)
    if not plugins:
        feasible = cluster.rows() & _passing(query, filters)
    else:
        feasible = np.zeros(cluster.size, np.bool_)
        index = np.array(sorted(_rows_of(cluster, names)), np.intp)
        feasible[index] = _passes(query, filters, index)
    promised = _promised(pod, nominated)
    for row, infos in promised.items():
        with cluster.supposing(row, more=infos):
            feasible[row] &= _passes(query, filters, np.array([row]))[0]
    if feasible.any() and not explain:
        return Verdict(feasible)
    return Verdict(feasible, _explained(query, filters, plugins, names, promised).failures())


def _filters(query: Query) -> list[Filter]:
    found = (FILTERS[name] for name in query.profile.filters if name in FILTERS)
    return [one for one in found if one.applies(query)]


def _refused(query: Query, filters: Iterable[Filter]) -> Refusal | None:
    for one in filters:
        text = one.refuses(query)
        if text is not None:
            return Refusal(one.name, text)
    return None


def _named(query: Query, filters: Iterable[Filter]) -> tuple[list[str], frozenset[str]]:
    """The plugins that know by name where the pod can be, and the names that all of them know."""
    found = [(one.name, names) for one in filters if (names := one.names(query)) is not None]
    if not found:
        return [], frozenset()
    return [name for name, _ in found], frozenset.intersection(*(names for _, names in found))


def _rows_of(cluster: Cluster, names: Iterable[str]) -> Iterable[int]:
    return (row for name in names if (row := cluster.row_of(name)) is not None)


def _promised(pod: PodInfo, nominated: Nominated) -> dict[int, list[PodInfo]]:
    found: dict[int, list[PodInfo]] = {}
    for info, row in nominated:
        if info.priority >= pod.priority and info.uid != pod.uid:
            found.setdefault(row, []).append(info)
    return found


def _passes(query: Query, filters: Iterable[Filter], rows: Rows) -> Mask:
    """Those of the rows that no filter refuses."""
    found: Mask = np.ones(query.cluster.size, np.bool_)[rows]
    for one in filters:
        if not one.last:
            for reason in one.reasons(query, rows):
                found &= ~reason.rows
    return _past_last(query, filters, rows, found)


def _past_last(query: Query, filters: Iterable[Filter], rows: Rows, found: Mask) -> Mask:
    """Those that also the filters let pass which come last; the others are not asked about."""
    for one in filters:
        if one.last and found.any():
            left = np.flatnonzero(found)
            for reason in one.reasons(query, np.arange(query.cluster.size)[rows][left]):
                found[left[reason.rows]] = False
    return found


def _passing(query: Query, filters: Sequence[Filter]) -> Mask:
    """The same for all rows; only those are looked at that changed since the last pod of this shape."""
    local = [one for one in filters if one.local]
    key = ("passes", query.shape, query.profile)
    found = recall(query.cluster, key, {"": lambda rows: _passes(query, local, rows)})[""]
    others = [one for one in filters if not one.local]
    found = query.cluster.rows() & found & _passes(query, [one for one in others if not one.last], ALL)
    return _past_last(query, others, ALL, found)


def _explained(
    query: Query,
    filters: Sequence[Filter],
    plugins: Sequence[str],
    names: Collection[str],
    promised: dict[int, list[PodInfo]],
) -> Findings:
    cluster = query.cluster
    findings = Findings(cluster.size)
    asked = cluster.rows()
    if plugins:
        asked = np.zeros(cluster.size, np.bool_)
        asked[list(_rows_of(cluster, names))] = True
        others = np.flatnonzero(cluster.rows() & ~asked)
        text = NOT_NAMED.format(" ".join(sorted(plugins)))
        findings.add(plugins[0], others, [Reason(text, np.ones(len(others), np.bool_), True)])
    _explain(query, filters, np.flatnonzero(asked), findings)
    for row, infos in promised.items():
        here = np.array([row])
        with cluster.supposing(row, more=infos):
            if asked[row] and not _passes(query, filters, here)[0]:
                findings.forget(row)
                _explain(query, filters, here, findings)
    return findings


def _explain(query: Query, filters: Iterable[Filter], index: Index, findings: Findings) -> None:
    """Each row is asked of until a filter refuses it."""
    for one in filters:
        if not len(index):
            return
        found = list(one.reasons(query, index))
        findings.add(one.name, index, found)
        refused = np.zeros(len(index), np.bool_)
        for reason in found:
            refused |= reason.rows
        index = index[~refused]


def score(cluster: Cluster, pod: PodInfo, profile: Profile, feasible: Mask) -> Scores:
    """Weighted and normalised among the feasible rows; the others have -1."""
    query = Query(cluster, pod, profile)
    plugins = [
        (one, weight)
        for name, weight in profile.scores.items()
        if (one := SCORES.get(name)) and one.applies(query)
    ]
    raws = recall(
        cluster,
        ("scores", query.shape, profile),
        {one.name: partial(one.raw, query) for one, _ in plugins if one.raw},
    )
    nothing = np.zeros(cluster.size, np.int64)
    total = nothing.copy()
    for one, weight in plugins:
        total += weight * one.finish(query, raws.get(one.name, nothing), feasible)
    total[~feasible] = -1
    return total
