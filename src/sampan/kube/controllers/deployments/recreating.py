"""Recreate: all old pods go before the first new one comes. Pure."""

from collections.abc import Mapping, Sequence

from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments.draft import Draft
from sampan.kube.controllers.deployments.sets import active, replicas, total
from sampan.kube.controllers.deployments.status import is_complete
from sampan.specs.kubernetes.pods import is_finished


def recreate(draft: Draft) -> None:
    """One step: the old ones away, or once they have gone, the new ones here."""
    shrinking = active(draft.old)
    for one in shrinking:
        draft.scale(one, 0)
    if shrinking or _run_still(draft.new, draft.old, draft.view.pods):
        return
    draft.need_new()
    assert draft.new is not None
    draft.scale(draft.new, replicas(draft.deployment))
    if is_complete(draft.deployment, draft.deployment.get("status") or {}):
        draft.clean_up()


def _run_still(new: Object | None, old: Sequence[Object], pods: Mapping[str, Sequence[Object]]) -> bool:
    """Do old pods? Those that are only on their way out do as well."""
    if total(old, "replicas"):
        return True
    own = new["metadata"]["uid"] if new is not None else ""
    return any(not is_finished(pod) for uid, those in pods.items() if uid != own for pod in those)
