"""The subresource by which containers are added to a running pod, to have a look inside."""

from sampan.kube.kinds import structs
from sampan.kube.kinds.core.podspec.spec import pod_errors
from sampan.kube.kinds.core.podupdate import metadata_errors
from sampan.kube.kinds.equality import same
from sampan.kube.kinds.resource import Context, Object, Subresource
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.fielderror import FieldError, forbidden
from sampan.specs.kubernetes.pods import MIRROR

_KEPT = ("resourceVersion", "managedFields")


def keep_metadata(new: Object, old: Object) -> None:
    """Only the version and the owners of fields are the new object's."""
    meta = new.setdefault("metadata", {})  # in place: who called goes on with it
    kept = {key: meta[key] for key in _KEPT if key in meta}
    before = {key: value for key, value in (old.get("metadata") or {}).items() if key not in _KEPT}
    meta.clear()
    meta.update(before, **kept)


def _prepare(new: Object, old: Object, _context: Context) -> None:
    containers = (new.get("spec") or {}).get("ephemeralContainers")
    keep_metadata(new, old)
    new["spec"] = {
        key: value for key, value in (old.get("spec") or {}).items() if key != "ephemeralContainers"
    }
    if containers:
        new["spec"]["ephemeralContainers"] = containers
    new["status"] = old.get("status") or {}


def _errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    if MIRROR in ((old.get("metadata") or {}).get("annotations") or {}):
        return [forbidden("", "static pods do not support ephemeral containers")]
    found = pod_errors(new) + metadata_errors(new, old)
    path = "spec.ephemeralContainers"
    ours = {one.get("name", ""): one for one in (new.get("spec") or {}).get("ephemeralContainers") or ()}
    for one in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = quote(one.get("name", ""))
        current = ours.get(one.get("name", ""))
        if current is None:
            detail = f"existing ephemeral containers {name} may not be removed\n"
            found.append(forbidden(path, detail))
        elif not same(one, current):
            what = structs.difference("EphemeralContainer", one, current)
            found.append(forbidden(path, f"existing ephemeral containers {name} may not be changed\n{what}"))
    return found


EPHEMERAL_CONTAINERS = Subresource("ephemeralcontainers", prepare_update=_prepare, validate_update=_errors)
