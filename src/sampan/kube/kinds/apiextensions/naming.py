"""Which names a definition gets, and whether it is served; k8s.io/apiextensions-apiserver
pkg/controller/status/naming_controller.go and pkg/controller/establish
"""

from collections.abc import Iterable
from typing import Any

from sampan.specs.golang.quote import quote

Object = dict[str, Any]
_NOT_ACCEPTED = ("False", "NotAccepted", "not all names are accepted")
_ESTABLISHED = ("True", "InitialNamesAccepted", "the initial names have been accepted")
_NEVER = ("False", "NeverEstablished", "resource was never established")
_REMOVED = ("False", "InstanceDeletionCompleted", "removed all instances")
IN_PROGRESS = ("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


def settled_status(crd: Object, others: Iterable[Object], now: str) -> Object | None:
    """The status that the API server gives a definition; None if that is what it has.

    `others`: all other definitions. To be called again for all of the same group whenever names were given or
    became free; `now` is RFC 3339.
    """
    status = crd.get("status") or {}
    names, accepted = _names(crd["spec"].get("names") or {}), _names(status.get("acceptedNames") or {})
    if names == accepted and _condition(status, "Established").get("status") == "True":
        return None
    found, failure = _accepted(names, accepted, *_taken(crd, others))
    good = ("True", "NoConflicts", "no conflicts found")
    conditions = [dict(one) for one in status.get("conditions") or ()]
    _set(conditions, "NamesAccepted", failure or good, now)
    if _condition(status, "Established").get("status") != "True":
        _set(conditions, "Established", _NOT_ACCEPTED if failure else _ESTABLISHED, now)
    changed = {**status, "conditions": conditions, "acceptedNames": found}
    return None if changed == status else changed


def deleting(crd: Object, now: str) -> Object:
    """A definition whose deletion was asked for: it stays until its resources are gone."""
    metadata = dict(crd["metadata"])
    finalizers = list(metadata.get("finalizers") or ())
    if FINALIZER not in finalizers:
        metadata["finalizers"] = [*finalizers, FINALIZER]
    metadata.setdefault("deletionTimestamp", now)
    what = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    return terminating({**crd, "metadata": metadata}, ("True", "InstanceDeletionPending", what), now)


def terminating(crd: Object, condition: tuple[str, str, str], now: str) -> Object:
    """With another condition Terminating: its status, reason and message."""
    status = dict(crd.get("status") or {})
    conditions = [dict(one) for one in status.get("conditions") or ()]
    _set(conditions, "Terminating", condition, now)
    status["conditions"] = conditions
    return {**crd, "status": status}


def finalized(crd: Object, now: str) -> Object:
    """A definition whose resources are gone; it goes when this is written."""
    done = terminating(crd, _REMOVED if is_true(crd, "Established") else _NEVER, now)
    finalizers = [one for one in crd["metadata"].get("finalizers") or () if one != FINALIZER]
    metadata = {key: one for key, one in crd["metadata"].items() if key != "finalizers"}
    done["metadata"] = {**metadata, "finalizers": finalizers} if finalizers else metadata
    return done


def is_true(crd: Object, kind: str) -> bool:
    """Is this condition True?"""
    return _condition(crd.get("status") or {}, kind).get("status") == "True"


def _names(names: Object) -> Object:
    """In the form of the status: plural and kind are always there."""
    found: Object = {"plural": names.get("plural", ""), "kind": names.get("kind", "")}
    return found | {
        name: names[name] for name in ("singular", "shortNames", "listKind", "categories") if names.get(name)
    }


def _taken(crd: Object, others: Iterable[Object]) -> tuple[set[str], set[str]]:
    """Names of resources and of kinds that definitions of the same group have, this one included."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for one in (crd, *others):
        if one["spec"].get("group") != crd["spec"].get("group"):
            continue
        names = (one.get("status") or {}).get("acceptedNames") or {}
        resources |= {names.get("plural", ""), names.get("singular", ""), *(names.get("shortNames") or ())}
        kinds |= {names.get("kind", ""), names.get("listKind", "")}
    return resources, kinds


def _accepted(
    names: Object, accepted: Object, resources: set[str], kinds: set[str]
) -> tuple[Object, tuple[str, str, str] | None]:
    """The names it gets, and the last conflict if there is one."""
    found = dict(accepted)
    failure: tuple[str, str, str] | None = None
    for name, reason, taken in (
        ("plural", "PluralConflict", resources),
        ("singular", "SingularConflict", resources),
        ("shortNames", "ShortNamesConflict", resources),
        ("kind", "KindConflict", kinds),
        ("listKind", "ListKindConflict", kinds),
    ):
        wanted, had = names.get(name), accepted.get(name)
        messages = _conflicts(wanted, had, taken)
        if messages:
            shown = messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]"
            failure = ("False", reason, shown)
        else:
            _put(found, name, wanted)
    _put(found, "categories", names.get("categories"))
    return _names(found), failure


def _conflicts(wanted: Any, had: Any, taken: set[str]) -> list[str]:
    if isinstance(wanted, list):
        return [
            f"{quote(one)} is already in use" for one in wanted if one not in (had or ()) and one in taken
        ]
    return [f"{quote(wanted)} is already in use"] if wanted and wanted != had and wanted in taken else []


def _put(names: Object, name: str, value: Any) -> None:
    if value:
        names[name] = value
    else:
        names.pop(name, None)


def _condition(status: Object, kind: str) -> Object:
    return next((one for one in status.get("conditions") or () if one.get("type") == kind), {})


def _set(conditions: list[Object], kind: str, value: tuple[str, str, str], now: str) -> None:
    """As SetCRDCondition: the time is that of the last change of `status`."""
    status, reason, message = value
    for one in conditions:
        if one["type"] == kind:
            changed = one.get("status") != status
            one.update(status=status, reason=reason, message=message)
            if changed:
                one["lastTransitionTime"] = now
            return
    conditions.append(
        {"type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}
    )
