"""How many pods of some kind run on each row, counted as they come and go and not when somebody asks.

Pods with the same labels in the same namespace are one group, so that whether they are meant is asked once.
What a pod says of others (its terms) is counted the same way: a term is carried by so many pods on a row.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampan.kube.scheduler.interning import Recent, Stamped
from sampan.kube.scheduler.podinfo import PodInfo, Shape
from sampan.kube.scheduler.podterms import Predicate, Term

Counts = NDArray[np.int32]
KEPT = 1024  # counts that are kept up to date, of 4 bytes a row

NEAR, APART, LIKED = "required", "forbidden", "preferred"  # what kind of term it is


class Kin(NamedTuple):
    """Pods that no selector tells apart."""

    namespace: str
    labels: frozenset[tuple[str, str]]
    terminating: bool


@dataclass(eq=False)
class Counter:
    """Pods that match all of the predicates; `living`: without those that are being deleted."""

    predicates: tuple[Predicate, ...]
    living: bool
    counts: Counts
    dropped: bool = False

    @property
    def anywhere(self) -> bool:
        return any(one.anywhere for one in self.predicates)


@dataclass(eq=False)
class Group:
    """`rows`: how many of them run there."""

    kin: Kin
    labels: Mapping[str, str]
    rows: dict[int, int] = field(default_factory=dict)
    counters: list[Counter] = field(default_factory=list)


@dataclass(eq=False)
class Carried:
    """A term that pods have; `counts` as long as somebody is interested."""

    kind: str
    term: Term
    rows: dict[int, int] = field(default_factory=dict)
    counts: Counts | None = None


class Counting:
    """`namespace_labels`, and `version` of all of them: another one when any may have changed."""

    def __init__(
        self,
        size: int,
        namespace_labels: Callable[[str], Mapping[str, str]],
        version: Callable[[], Hashable],
    ) -> None:
        self._size = size
        self._namespace_labels = namespace_labels
        self._version = version
        self._seen = version()
        self._groups: dict[str, dict[Kin, Group]] = {}
        self._counters: Recent[Counter] = Recent(KEPT, self._lose)
        self._carried: dict[tuple[str, Term], Carried] = {}
        self._dense: Recent[Carried] = Recent(KEPT, _thin)
        self._by_namespace: dict[str, dict[Carried, None]] = {}
        self._anywhere: dict[Carried, None] = {}
        self._terms_changed = 0  # times that a term came or went
        self._meant = Stamped(KEPT)

    def charge(self, info: PodInfo, row: int, sign: int) -> None:
        """A pod has come to a row (1) or has left it (-1)."""
        self._count(info, row, sign)
        affinity = info.shape.affinity
        for kind, terms in (
            (NEAR, affinity.required),
            (APART, affinity.forbidden),
            (LIKED, affinity.preferred),
        ):
            for term in terms:
                self._carry(kind, term, row, sign)

    def counts(self, predicates: tuple[Predicate, ...], *, living: bool) -> Counts:
        """Of pods that match all of these, by row."""
        self._refresh()
        counter = self._counters.get((predicates, living), lambda: self._new_counter(predicates, living))
        return counter.counts

    def meaning(self, shape: Shape) -> list[Carried]:
        """The terms of pods out there that mean such a pod."""
        self._refresh()
        key = (shape.namespace, shape.kin)
        return self._meant.get(key, self._terms_changed, lambda: self._find_meaning(shape))

    def carriers(self, carried: Carried) -> Counts:
        """How many pods on each row have the term."""
        self._dense.get(carried, lambda: self._thicken(carried))
        assert carried.counts is not None
        return carried.counts

    def grow(self, size: int) -> None:
        more = (0, size - self._size)
        for counter in self._counters.values():
            counter.counts = np.pad(counter.counts, more)
        for carried in self._dense.values():
            if carried.counts is not None:
                carried.counts = np.pad(carried.counts, more)
        self._size = size

    # Pods

    def _count(self, info: PodInfo, row: int, sign: int) -> None:
        kin = Kin(info.shape.namespace, info.shape.kin, info.terminating)
        there = self._groups.setdefault(kin.namespace, {})
        group = there.get(kin)
        if group is None:
            group = there[kin] = self._new_group(kin, info.shape.labels)
        if not _add(group.rows, row, sign) and not group.rows:
            del there[kin]
            if not there:
                del self._groups[kin.namespace]
        for counter in group.counters:
            counter.counts[row] += sign
        if any(counter.dropped for counter in group.counters):
            group.counters = [counter for counter in group.counters if not counter.dropped]

    def _new_group(self, kin: Kin, labels: Mapping[str, str]) -> Group:
        group = Group(kin, labels)
        group.counters = [counter for counter in self._counters.values() if self._counted(counter, group)]
        return group

    def _new_counter(self, predicates: tuple[Predicate, ...], living: bool) -> Counter:
        counter = Counter(predicates, living, np.zeros(self._size, np.int32))
        for group in self._candidates(predicates[0]):
            if self._counted(counter, group):
                group.counters.append(counter)
                for row, number in group.rows.items():
                    counter.counts[row] += number
        return counter

    def _candidates(self, predicate: Predicate) -> Iterable[Group]:
        namespaces = self._groups if predicate.anywhere else predicate.namespaces
        for namespace in namespaces:
            yield from self._groups.get(namespace, {}).values()

    def _counted(self, counter: Counter, group: Group) -> bool:
        if counter.living and group.kin.terminating:
            return False
        return all(self.matches(one, group.kin.namespace, group.labels) for one in counter.predicates)

    def matches(self, predicate: Predicate, namespace: str, labels: Mapping[str, str]) -> bool:
        if not predicate.anywhere:
            return namespace in predicate.namespaces and predicate.selector.matches(labels)
        return predicate.matches(namespace, labels, self._namespace_labels(namespace))

    def _lose(self, counter: Counter) -> None:
        counter.dropped = True

    def _refresh(self) -> None:
        """When labels of namespaces change, whatever was found out by them is found out anew."""
        version = self._version()
        if version == self._seen:
            return
        self._seen = version
        self._terms_changed += 1
        for key, counter in list(self._counters.items()):
            if counter.anywhere:
                self._lose(counter)
                self._counters.drop(key)

    # Terms

    def _carry(self, kind: str, term: Term, row: int, sign: int) -> None:
        key = (kind, term)
        carried = self._carried.get(key)
        if carried is None:
            carried = self._carried[key] = Carried(kind, term)
            self._terms_changed += 1
            for table in self._tables(term.predicate):
                table[carried] = None
        if carried.counts is not None:
            carried.counts[row] += sign
        if not _add(carried.rows, row, sign) and not carried.rows:
            del self._carried[key]
            self._terms_changed += 1
            self._dense.drop(carried)
            for table in self._tables(term.predicate):
                del table[carried]

    def _tables(self, predicate: Predicate) -> list[dict[Carried, None]]:
        if predicate.anywhere:
            return [self._anywhere]
        return [self._by_namespace.setdefault(one, {}) for one in predicate.namespaces]

    def _find_meaning(self, shape: Shape) -> list[Carried]:
        candidates = (*self._by_namespace.get(shape.namespace, ()), *self._anywhere)
        return [one for one in candidates if self.matches(one.term.predicate, shape.namespace, shape.labels)]

    def _thicken(self, carried: Carried) -> Carried:
        carried.counts = np.zeros(self._size, np.int32)
        for row, number in carried.rows.items():
            carried.counts[row] = number
        return carried


def _thin(carried: Carried) -> None:
    carried.counts = None


def _add(rows: dict[int, int], row: int, sign: int) -> int:
    """What is there now."""
    found = rows.get(row, 0) + sign
    if found:
        rows[row] = found
    else:
        rows.pop(row, None)
    return found
