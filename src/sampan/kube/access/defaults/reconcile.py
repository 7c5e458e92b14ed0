"""What a start does to default objects that are there already. Pure: the new object, or None for no change.

Kubernetes: pkg/registry/rbac/reconciliation, pkg/registry/flowcontrol/ensurer,
pkg/controlplane/controller/kubernetesservice.
"""

from typing import Any

from sampan.kube.access.defaults.flowcontrol import AUTO_UPDATE as AUTO_UPDATE_SPEC
from sampan.kube.access.defaults.flowcontrol import MANDATORY
from sampan.kube.access.defaults.roles import AUTO_UPDATE
from sampan.kube.access.rules import uncovered
from sampan.kube.kinds.resource import Object


def role(live: Object, wanted: Object) -> Object | None:
    """Rules that are missing come back; further ones stay, and so does all of a role that opted out."""
    changed = _with_metadata(live, wanted)
    if _opted_out(live):
        return None
    if wanted.get("aggregationRule"):
        changed["aggregationRule"] = wanted["aggregationRule"]
    else:
        there = live.get("rules") or []
        missing = uncovered(there, wanted["rules"])
        if missing:
            changed["rules"] = [*there, *missing]
    return changed if changed != live else None


def binding(live: Object, wanted: Object) -> Object | None:
    """Subjects that are missing come back; further ones stay."""
    if _opted_out(live):
        return None
    if live.get("roleRef") != wanted["roleRef"]:
        return wanted
    changed = _with_metadata(live, wanted)
    there = live.get("subjects") or []
    missing = [subject for subject in wanted.get("subjects", ()) if subject not in there]
    if missing:
        changed["subjects"] = [*there, *missing]
    return changed if changed != live else None


def spec(live: Object, wanted: Object) -> Object | None:
    """Of flow schemas and levels: ours, unless somebody took over."""
    name = wanted["metadata"]["name"]
    said = (live["metadata"].get("annotations") or {}).get(AUTO_UPDATE_SPEC)
    ours = said == "true" or (said is None and live["metadata"].get("generation") == 1)
    if not ours and name not in MANDATORY:
        return None
    if live.get("spec") == wanted["spec"]:
        return None
    return {**live, "spec": wanted["spec"]}


def service(live: Object, wanted: Object) -> Object | None:
    """The service `kubernetes` has this server's port; its address stays."""
    live_spec: Object = live.get("spec") or {}
    keys = ("ports", "type", "sessionAffinity")
    if all(live_spec.get(key) == wanted["spec"][key] for key in keys):
        return None
    return {**live, "spec": {**live_spec, **{key: wanted["spec"][key] for key in keys}}}


def endpoints(live: Object, wanted: Object) -> Object | None:
    """Endpoints and EndpointSlices lead to this server and nowhere else."""
    keys = [key for key in wanted if key not in ("kind", "apiVersion", "metadata")]
    if all(live.get(key) == wanted[key] for key in keys):
        return None
    return {**_with_metadata(live, wanted), **{key: wanted[key] for key in keys}}


def data(live: Object, wanted: Object) -> Object | None:
    """A ConfigMap's entries are ours, but for the day since when legacy tokens are tracked."""
    there: dict[str, Any] = live.get("data") or {}
    if "since" in there or all(there.get(key) == value for key, value in wanted["data"].items()):
        return None
    return {**live, "data": {**there, **wanted["data"]}}


def _opted_out(live: Object) -> bool:
    return (live["metadata"].get("annotations") or {}).get(AUTO_UPDATE) == "false"


def _with_metadata(live: Object, wanted: Object) -> Object:
    """A copy of the live object with the labels and annotations it lacks."""
    metadata = dict(live["metadata"])
    for field in ("labels", "annotations"):
        if wanted["metadata"].get(field):
            metadata[field] = {**wanted["metadata"][field], **(metadata.get(field) or {})}
    return {**live, "metadata": metadata}
