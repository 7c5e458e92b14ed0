"""What of a pod may change while it lives, by a write of the pod itself: little."""

from sampan.kube.kinds import structs
from sampan.kube.kinds.core.podspec import gated
from sampan.kube.kinds.core.podspec.annotations import annotation_changes_errors
from sampan.kube.kinds.core.podspec.containers import image_padding_errors
from sampan.kube.kinds.core.podspec.scheduling import tolerations_errors
from sampan.kube.kinds.core.podspec.security import INT32
from sampan.kube.kinds.core.podspec.spec import pod_errors
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Context, Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required
from sampan.specs.kubernetes.objects import copied

_CHANGEABLE = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)


def metadata_errors(new: Object, old: Object) -> list[FieldError]:
    """Of the annotations that say something about the pod."""
    written, before = ((one.get("metadata") or {}).get("annotations") or {} for one in (new, old))
    if not written and not before:
        return []
    return annotation_changes_errors(written, before, new.get("spec") or {}, "metadata.annotations")


def update_errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    found = pod_errors(new) + metadata_errors(new, old)
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    for kind in ("containers", "initContainers"):
        ours, theirs = spec.get(kind) or [], before.get(kind) or []
        if len(ours) != len(theirs):
            return [*found, forbidden(f"spec.{kind}", "pod updates may not add or remove containers")]
        found += _images_errors(ours, f"spec.{kind}")
    errors, stop = _deadline_errors(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    found += errors
    if stop:
        return found
    found += _tolerations_errors(spec.get("tolerations") or [], before.get("tolerations") or [])
    found += _gates_errors(spec.get("schedulingGates") or [], before.get("schedulingGates") or [])
    if same(spec, before):
        return found
    return found + _fixed_errors(spec, before)


def _images_errors(containers: list[Object], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for at, container in enumerate(containers):
        if not container.get("image"):
            found.append(required(f"{path}[{at}].image"))
        found += image_padding_errors(container, f"{path}[{at}]")
    return found


def _deadline_errors(new: int | None, old: int | None) -> tuple[list[FieldError], bool]:
    """It may come nearer only. The second says whether there is no sense in looking further."""
    path = "spec.activeDeadlineSeconds"
    if new is None:
        if old is None:
            return [], False
        return [invalid(path, None, "must not update from a positive integer to nil value")], False
    if not 0 <= new <= INT32:
        return [invalid(path, new, names.range_error(0, INT32))], True
    if old is not None and old < new:
        return [invalid(path, new, "must be less than or equal to previous value")], True
    return [], False


def _tolerations_errors(new: list[Object], old: list[Object]) -> list[FieldError]:
    path = "spec.tolerations"
    known = [_without_seconds(one) for one in new]
    if any(_without_seconds(one) not in known for one in old):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        return [forbidden(path, detail)]
    return tolerations_errors(new, path)


def _without_seconds(toleration: Object) -> Object:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds" and value != ""}


def _gates_errors(new: list[Object], old: list[Object]) -> list[FieldError]:
    known = {one.get("name", "") for one in old}
    return [
        forbidden(
            f"spec.schedulingGates[{at}].name",
            f"only deletion is allowed, but found new scheduling gate '{one.get('name', '')}'",
        )
        for at, one in enumerate(new)
        if one.get("name", "") not in known
    ]


def _fixed_errors(spec: Object, before: Object) -> list[FieldError]:
    """The new spec, with what may change put back, must be the old one."""
    munged = copied(spec)
    for kind in ("containers", "initContainers"):
        for ours, theirs in zip(munged.get(kind) or (), before.get(kind) or (), strict=True):
            ours["image"] = theirs.get("image", "")
    for name in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _put_back(munged, before, name)
    was_negative = (before.get("terminationGracePeriodSeconds") or 0) < 0
    if was_negative and munged.get("terminationGracePeriodSeconds") == 1:
        _put_back(munged, before, "terminationGracePeriodSeconds")
    found = gated.changes_errors(munged, before) if before.get("schedulingGates") else []
    if not same(munged, before):
        what = structs.difference("PodSpec", before, munged)
        detail = f"pod updates may not change fields other than {_CHANGEABLE}\n{what}"
        found.append(forbidden("spec", detail))
    return found


def _put_back(munged: Object, before: Object, name: str) -> None:
    if name in before:
        munged[name] = before[name]
    else:
        munged.pop(name, None)
