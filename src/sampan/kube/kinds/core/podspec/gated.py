"""What may change of a pod that nobody may schedule yet: it may get narrower, where it could run."""

from sampan.kube.kinds import structs
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes.fielderror import FieldError, invalid

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_TERMS = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"


def changes_errors(munged: Object, before: Object) -> list[FieldError]:
    """Also puts back into `munged` what has been judged here."""
    found: list[FieldError] = []
    new, old = munged.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if new != old:
        if any(new.get(key) != value for key, value in old.items()):
            detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            found.append(invalid("spec.nodeSelector", munged.get("nodeSelector"), detail))
        munged["nodeSelector"] = old
    new_nodes, old_nodes = ((one.get("affinity") or {}).get("nodeAffinity") for one in (munged, before))
    if not same(new_nodes, old_nodes):
        found += _node_affinity_errors(new_nodes or {}, old_nodes or {})
        _put_back(munged, before, old_nodes)
    return found


def _put_back(munged: Object, before: Object, nodes: Object | None) -> None:
    affinity = dict(munged.get("affinity") or {})
    affinity.pop("nodeAffinity", None)
    if nodes is not None:
        affinity["nodeAffinity"] = nodes
    if affinity or before.get("affinity") is not None:
        munged["affinity"] = affinity
    else:
        munged.pop("affinity", None)


def _node_affinity_errors(new: Object, old: Object) -> list[FieldError]:
    old_terms = (old.get(_REQUIRED) or {}).get("nodeSelectorTerms") or []
    new_terms = (new.get(_REQUIRED) or {}).get("nodeSelectorTerms") or []
    if old_terms and len(old_terms) != len(new_terms):
        shown = structs.shown_list("NodeSelectorTerm", new_terms)
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid(_TERMS, shown, detail)]
    return [
        invalid(
            f"{_TERMS}[{at}]",
            structs.shown("NodeSelectorTerm", new_terms[at]),
            "only additions are allowed (no mutations or deletions)",
        )
        for at, term in enumerate(old_terms)
        if not _only_adds(new_terms[at], term)
    ]


def _only_adds(new: Object, old: Object) -> bool:
    lists = ("matchExpressions", "matchFields")
    if not any(old.get(key) for key in lists):
        # No expressions match nothing; any that come would match more.
        return not any(new.get(key) for key in lists)
    return all(same((new.get(key) or [])[: len(old.get(key) or [])], old.get(key) or []) for key in lists)
