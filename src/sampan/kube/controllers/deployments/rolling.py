"""Rolling updates: new pods as far as maxSurge allows, old ones away as far as maxUnavailable does. Pure."""

from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments.draft import Draft
from sampan.kube.controllers.deployments.scaling import max_unavailable, replicas_of_new
from sampan.kube.controllers.deployments.sets import active, count, replicas, together, total
from sampan.kube.controllers.deployments.status import is_complete
from sampan.specs.kubernetes.objects import by_creation


def roll(draft: Draft) -> None:
    """One step: the new set grows, or the old ones shrink."""
    draft.need_new()
    assert draft.new is not None
    if _grow(draft, draft.new) or _shrink(draft, draft.new):
        return
    if is_complete(draft.deployment, draft.deployment.get("status") or {}):
        draft.clean_up()


def _grow(draft: Draft, new: Object) -> bool:
    wanted = replicas(draft.deployment)
    if replicas(new) < wanted:
        wanted = replicas_of_new(draft.deployment, together(draft.old, new), new)
    return draft.scale(new, wanted)


def _shrink(draft: Draft, new: Object) -> bool:
    """Pods that are not available may go first: nothing is lost by that, and they would block the rollout.

    New pods that are not available yet count as if they were missing.
    """
    old = active(draft.old)
    if not total(old):
        return False
    least = replicas(draft.deployment) - max_unavailable(draft.deployment)
    unavailable = replicas(new) - count(new, "availableReplicas")
    allowed = total(old) + replicas(new) - least - unavailable
    if allowed <= 0:
        return False
    unhealthy = _drop_unhealthy(draft, allowed)
    return _drop_available(draft, new, least) or unhealthy


def _drop_unhealthy(draft: Draft, allowed: int) -> bool:
    done = 0
    for one in by_creation(active(draft.old)):
        fewer = min(allowed - done, replicas(one) - count(one, "availableReplicas"))
        if fewer > 0:
            draft.scale(one, replicas(one) - fewer)
            done += fewer
    return done > 0


def _drop_available(draft: Draft, new: Object, least: int) -> bool:
    old = by_creation(active(draft.old))
    spare = total(together(old, new), "availableReplicas") - least
    done = 0
    for one in old:
        fewer = min(spare - done, replicas(one))
        if fewer > 0:
            draft.scale(one, replicas(one) - fewer)
            done += fewer
    return done > 0
