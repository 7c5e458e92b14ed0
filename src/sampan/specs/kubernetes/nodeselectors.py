"""NodeSelectors: terms of requirements on a node's labels and fields. Pure; component-helpers' nodeaffinity.

One of the terms must hold; all requirements of a term. An empty term holds for no node, and neither does one
that does not parse.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sampan.specs.kubernetes.labels import Selector

# Of operators of label selectors.
WORDS = {"in": "In", "notin": "NotIn", "=": "In", "exists": "Exists", "!": "DoesNotExist"}
NAME_FIELD = "metadata.name"  # the one field that nodes can be selected by


class Requirement(NamedTuple):
    """`operator`: In, NotIn, Exists, DoesNotExist, Gt or Lt. `field`: on a field instead of a label."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()
    field: bool = False

    def holds(self, value: str | None) -> bool:
        if self.operator == "In":
            return value in self.values
        if self.operator == "NotIn":
            return value is None or value not in self.values
        if self.operator in ("Exists", "DoesNotExist"):
            return (value is not None) == (self.operator == "Exists")
        return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        number, bound = _integer(value), _integer(next(iter(self.values)))
        if number is None or bound is None:
            return False
        return number > bound if self.operator == "Gt" else number < bound


Term = tuple[Requirement, ...]
Terms = tuple[Term, ...]


def _integer(text: str | None) -> int | None:
    """As strconv.ParseInt reads 64 bits in decimal."""
    digits = (text or "").removeprefix("-") if not (text or "").startswith("+") else (text or "")[1:]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        return None
    found = int(text or "")
    return found if -(2**63) <= found < 2**63 else None


def terms_of(selector: Mapping[str, Any] | None) -> Terms:
    """Of a NodeSelector."""
    found = (term_of(one) for one in (selector or {}).get("nodeSelectorTerms") or ())
    return tuple(term for term in found if term)


def term_of(term: Mapping[str, Any]) -> Term:
    """Without requirements, which nothing meets, if it is empty or makes no sense."""
    labels = [_requirement(one, False) for one in term.get("matchExpressions") or ()]
    fields = [_requirement(one, True) for one in term.get("matchFields") or ()]
    found = [one for one in (*labels, *fields) if one is not None]
    return tuple(found) if len(found) == len(labels) + len(fields) else ()


def _requirement(value: Mapping[str, Any], field: bool) -> Requirement | None:
    values = frozenset(value.get("values") or ())
    found = Requirement(value.get("key", ""), value.get("operator", ""), values, field)
    if field and found.key != NAME_FIELD:
        return None
    if found.operator in ("In", "NotIn"):
        return found if values and (not field or len(values) == 1) else None
    if field:
        return None
    if found.operator in ("Gt", "Lt"):
        return found if len(values) == 1 and _integer(next(iter(values))) is not None else None
    return found if found.operator in ("Exists", "DoesNotExist") and not values else None


def labels_term(labels: Mapping[str, str]) -> Term:
    """What a nodeSelector or a map of labels asks for."""
    return tuple(Requirement(key, "In", frozenset((value,))) for key, value in labels.items())


def selector_term(selector: Selector) -> Term:
    """What a label selector asks for; one that selects everything comes out empty."""
    return tuple(Requirement(one.key, WORDS[one.operator], one.values) for one in selector.requirements)


def names_of(selector: Mapping[str, Any]) -> set[str] | None:
    """The only nodes that can be meant, if every term tells names; else None (NodeAffinity's PreFilter)."""
    found: set[str] = set()
    terms = selector.get("nodeSelectorTerms") or ()
    for term in terms:
        wanted = [
            set(one.get("values") or ())
            for one in term.get("matchFields") or ()
            if one.get("key") == NAME_FIELD and one.get("operator") == "In"
        ]
        if not wanted:
            return None
        found |= set.intersection(*wanted)
    return found if terms else None


def matches(terms: Iterable[Term], name: str, labels: Mapping[str, str]) -> bool:
    """One node at a time."""
    return any(
        all(one.holds(name if one.field else labels.get(one.key)) for one in term) for term in terms if term
    )
