"""Namespaces; pkg/apis/core/validation, pkg/registry/core/namespace."""

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.resource import Column, Context, Object, Resource, Subresource
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid

NAME_LABEL = "kubernetes.io/metadata.name"
_FINALIZER = "kubernetes"
_STANDARD = ("kubernetes", "orphan", "foregroundDeletion")


def _default(value: Object) -> None:
    if value["metadata"].get("name"):
        _label(value)
    status = value.get("status") or {}
    value["status"] = status
    if not status.get("phase"):
        status["phase"] = "Active"


def _label(value: Object) -> None:
    metadata = value["metadata"]
    labels = metadata.get("labels") or {}
    if labels.get(NAME_LABEL) != metadata["name"]:
        metadata["labels"] = labels | {NAME_LABEL: metadata["name"]}


def _prepare_create(new: Object, _context: Context) -> None:
    new["status"] = {"phase": "Active"}
    spec = new.get("spec") or {}
    new["spec"] = spec
    if _FINALIZER not in (spec.get("finalizers") or ()):
        spec["finalizers"] = [*(spec.get("finalizers") or ()), _FINALIZER]
    if new["metadata"].get("name"):  # it may have been generated since the defaults
        _label(new)


def _prepare_update(new: Object, old: Object, _context: Context) -> None:
    spec, finalizers = new.get("spec") or {}, (old.get("spec") or {}).get("finalizers")
    new["spec"] = spec | {"finalizers": finalizers} if finalizers else {}
    new["status"] = old.get("status", {})


def _prepare_status(new: Object, old: Object, _context: Context) -> None:
    new["spec"] = old.get("spec", {})


def _prepare_finalize(new: Object, old: Object, _context: Context) -> None:
    new["status"] = old.get("status", {})


def _finalizers_errors(value: Object, path: str) -> list[FieldError]:
    """`path` may say which of them it is, by `{}`."""
    found = []
    for at, finalizer in enumerate((value.get("spec") or {}).get("finalizers") or ()):
        where = path.format(at)
        found += [invalid(where, finalizer, message) for message in names.qualified_name(finalizer)]
        if "/" not in finalizer and finalizer not in _STANDARD:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(invalid(where, finalizer, detail))
    return found


def _validate(value: Object, _context: Context) -> list[FieldError]:
    return _finalizers_errors(value, "spec.finalizers")


def _validate_update(_new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return []


def _validate_status(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    phase = (new.get("status") or {}).get("phase", "")
    going = bool(new["metadata"].get("deletionTimestamp"))
    wanted = "Terminating" if going else "Active"
    if phase == wanted:
        return []
    detail = f"may only be '{wanted}' if `deletionTimestamp` is {'not ' if going else ''}empty"
    return [invalid("status.Phase", phase, detail)]


def _validate_finalize(new: Object, _old: Object, _context: Context) -> list[FieldError]:
    return _finalizers_errors(new, "spec.finalizers[{}]")


def _is_held(value: Object) -> bool:
    return bool((value.get("spec") or {}).get("finalizers"))


def _mark_deleted(value: Object, _context: Context) -> None:
    value["status"] = (value.get("status") or {}) | {"phase": "Terminating"}


def _phase(value: Object) -> str:
    return str((value.get("status") or {}).get("phase", ""))


RESOURCE = Resource(
    kind="Namespace",
    plural="namespaces",
    namespaced=False,
    short_names=("ns",),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    names="label",
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    subresources=(
        Subresource(
            "finalize",
            verbs=("update",),
            prepare_update=_prepare_finalize,
            validate_update=_validate_finalize,
        ),
        Subresource("status", prepare_update=_prepare_status, validate_update=_validate_status),
    ),
    reset_fields={"": ("status",), "status": ("spec",), "finalize": ("status",)},
    selectable={"status.phase": _phase},
    namespace_selectable=False,
    empty={"spec": {}, "status": {}},
    deletion_returns_object=True,
    held=_is_held,
    mark_deleted=_mark_deleted,
    columns=(Column("Status", description="The status of the namespace"), AGE),
    cells=lambda value, now: [_phase(value), age_of(value, now)],
)
