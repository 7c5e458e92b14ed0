"""Which pods are meant: terms of pod affinity and anti-affinity, and constraints of topology spread. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sampan.specs.kubernetes import labelselector
from sampan.specs.kubernetes.labels import NOTHING, Requirement, Selector, from_object
from sampan.specs.kubernetes.nodeselectors import WORDS

Labels = Mapping[str, str]
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NEVER = ("never",)  # the key of a selector that selects nothing

Key = tuple[Any, ...]


def selector_key(selector: Selector) -> Key:
    """Equal for selectors that say the same."""
    if selector is NOTHING:
        return NEVER
    return tuple(sorted((one.key, WORDS[one.operator], *sorted(one.values)) for one in selector.requirements))


def selector_of(value: Mapping[str, Any] | None, more: Iterable[Requirement] = ()) -> Selector:
    """One that makes no sense selects nothing."""
    if not labelselector.can_select(dict(value) if value else None):
        return NOTHING
    found, more = from_object(value), tuple(more)
    return Selector((*found.requirements, *more)) if more else found


class Predicate:
    """Pods of some namespaces with some labels. Equal if they say the same."""

    __slots__ = ("_hash", "key", "namespace_selector", "namespaces", "selector")

    def __init__(self, namespaces: frozenset[str], namespace_selector: Selector, selector: Selector) -> None:
        self.namespaces = namespaces
        self.namespace_selector = namespace_selector
        self.selector = selector
        self.key: Key = (namespaces, selector_key(namespace_selector), selector_key(selector))
        self._hash = hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Predicate) and self.key == other.key

    def __hash__(self) -> int:
        return self._hash

    @property
    def anywhere(self) -> bool:
        """May it select pods of namespaces that it does not name?"""
        return self.namespace_selector is not NOTHING

    def matches(self, namespace: str, labels: Labels, namespace_labels: Labels) -> bool:
        there = namespace in self.namespaces or self.namespace_selector.matches(namespace_labels)
        return there and self.selector.matches(labels)


class Term(NamedTuple):
    """Of pod affinity or anti-affinity; `weight` if it is only preferred, negative for anti-affinity."""

    predicate: Predicate
    topology_key: str
    weight: int = 0


class Affinity(NamedTuple):
    """All that a pod says of other pods."""

    required: tuple[Term, ...] = ()
    forbidden: tuple[Term, ...] = ()  # required anti-affinity
    preferred: tuple[Term, ...] = ()

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """Of the required terms: a pod is one to be near to if it matches them all."""
        return tuple(term.predicate for term in self.required)


class Constraint(NamedTuple):
    """Of topology spread."""

    max_skew: int
    topology_key: str
    hard: bool
    predicate: Predicate
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False

    @property
    def empty(self) -> bool:
        """Selects everything: such a constraint counts no pods, upstream's countPodsMatchSelector."""
        return not self.predicate.selector


def affinity_of(value: Mapping[str, Any] | None, namespace: str, labels: Labels) -> Affinity:
    """Of a pod's spec.affinity."""
    near, apart = (value or {}).get("podAffinity") or {}, (value or {}).get("podAntiAffinity") or {}
    required, preferred = (
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
    )
    weighted = [
        _term(one.get("podAffinityTerm") or {}, namespace, labels, sign * (one.get("weight") or 0))
        for sign, side in ((1, near), (-1, apart))
        for one in side.get(preferred) or ()
    ]
    return Affinity(
        tuple(_term(one, namespace, labels) for one in near.get(required) or ()),
        tuple(_term(one, namespace, labels) for one in apart.get(required) or ()),
        tuple(weighted),
    )


def _term(value: Mapping[str, Any], namespace: str, labels: Labels, weight: int = 0) -> Term:
    namespaces, selector = value.get("namespaces") or (), value.get("namespaceSelector")
    if not namespaces and selector is None:
        namespaces = (namespace,)
    more = _keys(value, labels) if value.get("labelSelector") is not None else []
    predicate = Predicate(
        frozenset(namespaces), selector_of(selector), selector_of(value.get("labelSelector"), more)
    )
    return Term(predicate, value.get("topologyKey") or "", weight)


def _keys(value: Mapping[str, Any], labels: Labels) -> list[Requirement]:
    """What matchLabelKeys and mismatchLabelKeys stand for.

    The API server has put it into the selector when the pod was made, and what it put there counts.
    """
    selector = value.get("labelSelector") or {}
    said = {one.get("key") for one in selector.get("matchExpressions") or ()}
    said.update(selector.get("matchLabels") or ())
    return [
        Requirement(key, operator, (labels[key],))
        for name, operator in (("matchLabelKeys", "in"), ("mismatchLabelKeys", "notin"))
        for key in value.get(name) or ()
        if key in labels and key not in said
    ]


def constraints_of(
    values: Iterable[Mapping[str, Any]] | None, namespace: str, labels: Labels
) -> tuple[Constraint, ...]:
    """Of a pod's spec.topologySpreadConstraints."""
    found = []
    for one in values or ():
        selector = selector_of(one.get("labelSelector"), _keys(one, labels))
        found.append(
            Constraint(
                one.get("maxSkew") or 0,
                one.get("topologyKey") or "",
                one.get("whenUnsatisfiable") == "DoNotSchedule",
                Predicate(frozenset((namespace,)), NOTHING, selector),
                one.get("minDomains") or 1,
                one.get("nodeAffinityPolicy") != "Ignore",
                one.get("nodeTaintsPolicy") == "Honor",
            )
        )
    return tuple(found)
