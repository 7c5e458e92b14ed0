"""The subresource by which running containers get more cpu and memory, or less."""

from sampan.kube.kinds.core.podephemeral import keep_metadata
from sampan.kube.kinds.core.podspec.resources import qos_class
from sampan.kube.kinds.core.podspec.spec import pod_errors
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Context, Object, Subresource
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid
from sampan.specs.kubernetes.objects import copied
from sampan.specs.kubernetes.pods import MIRROR

_KINDS = ("containers", "initContainers")
_RESIZABLE = ("cpu", "memory")
_POD_LEVEL = (
    "resize of pods with pod-level resources is forbidden "
    "when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled"
)


def _prepare(new: Object, old: Object, _context: Context) -> None:
    given, before = new.get("spec") or {}, old.get("spec") or {}
    if any(_names(given.get(kind)) != _names(before.get(kind)) for kind in _KINDS):
        return  # for the validation to refuse
    keep_metadata(new, old)
    new["status"] = old.get("status") or {}
    new["spec"] = dict(before)
    for kind in _KINDS:
        if given.get(kind):
            new["spec"][kind] = [
                _merged(ours, theirs) for ours, theirs in zip(given[kind], before[kind], strict=True)
            ]


def _names(containers: list[Object] | None) -> list[str]:
    return [one.get("name", "") for one in containers or ()]


def _merged(given: Object, before: Object) -> Object:
    found = {key: value for key, value in before.items() if key not in ("resources", "resizePolicy")}
    found.update({key: given[key] for key in ("resources", "resizePolicy") if key in given})
    return found


def _errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if MIRROR in ((old.get("metadata") or {}).get("annotations") or {}):
        return [forbidden("", "static pods cannot be resized")]
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden("", "windows pods cannot be resized")]
    found = pod_errors(new)
    status = old.get("status") or {}
    current = status.get("qosClass") or qos_class(before)
    if current != qos_class(spec):
        shown = (new.get("status") or {}).get("qosClass", "")
        found.append(invalid("spec", shown, "Pod QOS Class may not change as a result of resizing"))
    if not _node_can(status):
        found.append(forbidden("spec", "Pod running on node without support for resize"))
    if any(
        (one.get("resources") or {}).get(kind) for one in (spec, before) for kind in ("requests", "limits")
    ):
        return [*found, forbidden("", _POD_LEVEL)]
    if errors := _order_errors(spec, before):
        return found + errors
    found += _containers_errors(spec, before)
    if not found and not same(_without(spec), _without(before)):
        found.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return found


def _node_can(status: Object) -> bool:
    for one in status.get("containerStatuses") or ():
        if (one.get("state") or {}).get("running") is not None:
            return one.get("resources") is not None
    return True  # nothing runs yet: nobody knows


def _without(spec: Object) -> Object:
    return {key: value for key, value in spec.items() if key not in _KINDS}


def _order_errors(spec: Object, before: Object) -> list[FieldError]:
    found: list[FieldError] = []
    for kind in _KINDS:
        ours, theirs = _names(spec.get(kind)), _names(before.get(kind))
        if len(ours) != len(theirs):
            found.append(forbidden(f"spec.{kind}", f"{kind} may not be added or removed on resize"))
            continue
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if one != other:
                detail = f"{kind} may not be renamed or reordered on resize"
                found.append(forbidden(f"spec.{kind}[{at}].name", detail))
    return found


def _containers_errors(spec: Object, before: Object) -> list[FieldError]:
    found: list[FieldError] = []
    pairs = {kind: list(zip(spec.get(kind) or (), before.get(kind) or (), strict=True)) for kind in _KINDS}
    for kind in reversed(_KINDS):
        for at, (ours, theirs) in enumerate(pairs[kind]):
            if kind == "containers" or theirs.get("restartPolicy") == "Always":
                found += _removed_errors(ours, theirs, f"spec.{kind}[{at}].resources")
    for ours, theirs in pairs["containers"]:
        if not same(_masked(ours, theirs), theirs):
            found.append(forbidden("spec", "only cpu and memory resources are mutable"))
    for ours, theirs in pairs["initContainers"]:
        if ours.get("restartPolicy") == "Always":
            if not same(_masked(ours, theirs), theirs):
                detail = "only cpu and memory resources for sidecar containers are mutable"
                found.append(forbidden("spec", detail))
        elif not same(ours, theirs):
            detail = "resources for non-sidecar init containers are immutable"
            found.append(forbidden("spec", detail))
    return found


def _removed_errors(new: Object, old: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for kind in ("requests", "limits"):
        ours, theirs = ((one.get("resources") or {}).get(kind) or {} for one in (new, old))
        if theirs.keys() - ours.keys():
            found.append(forbidden(f"{path}.{kind}", f"resource {kind} cannot be removed"))
    return found


def _masked(new: Object, old: Object) -> Object:
    """The new container with the old one's cpu and memory; what it claims besides is not looked at."""
    masked = copied(new)
    resources: Object = {}
    for kind in ("limits", "requests"):
        ours, theirs = ((one.get("resources") or {}).get(kind) for one in (new, old))
        if ours is None and theirs is None:
            continue
        amounts = {name: amount for name, amount in (ours or {}).items() if name not in _RESIZABLE}
        amounts |= {name: amount for name, amount in (theirs or {}).items() if name in _RESIZABLE}
        resources[kind] = amounts
    masked["resources"] = resources
    if claims := (old.get("resources") or {}).get("claims"):
        resources["claims"] = claims
    masked["resizePolicy"] = old.get("resizePolicy")
    return masked


RESIZE = Subresource("resize", prepare_update=_prepare, validate_update=_errors)
