"""Pods that are taken away because of their node: first their status says why, then they are deleted."""

from dataclasses import dataclass

from sampan.kube.client.requests import STRATEGIC_PATCH, Client, Object
from sampan.kube.client.resources import PODS
from sampan.specs.kubernetes import disruption
from sampan.specs.kubernetes.pods import is_finished


@dataclass(frozen=True)
class Removal:
    """`reason` and `message` of the condition DisruptionTarget, if there is to be one."""

    pod: Object
    reason: str = ""
    message: str = ""
    failed: bool = False  # nobody is left who could tell how it ended
    grace: int | None = None  # seconds, if not what the pod says


def status_patch(removal: Removal, now: float) -> Object | None:
    """For a strategic merge; None if nothing is to be told."""
    pod = removal.pod
    change: Object = {}
    if removal.failed:
        if is_finished(pod):
            return None
        change["phase"] = "Failed"
    condition = disruption.target(pod, removal.reason, removal.message, now) if removal.reason else None
    if condition is not None:
        change["conditions"] = [condition]
    return {"metadata": {"uid": pod["metadata"]["uid"]}, "status": change} if change else None


async def remove(client: Client, removal: Removal, now: float) -> None:
    """May be done again; raises what the server says, a pod that has gone being a 404."""
    metadata = removal.pod["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    patch = status_patch(removal, now)
    if patch is not None:
        await client.patch(PODS, namespace, name, patch, subresource="status", content_type=STRATEGIC_PATCH)
    options: Object = {"preconditions": {"uid": metadata["uid"]}}
    if removal.grace is not None:
        options["gracePeriodSeconds"] = removal.grace
    await client.delete(PODS, namespace, name, options)
