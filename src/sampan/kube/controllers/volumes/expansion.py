"""Claims that ask for more than they have: told that somebody else is to enlarge their volumes."""

from sampan.kube.client.recorder import NORMAL
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CLAIMS, VOLUMES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.volumes import is_bound, size_of, wanted_size

EXTERNAL = "waiting for an external controller to expand this PVC"


def wants_more(claim: Object) -> bool:
    """Of a bound claim. Pure."""
    status = claim.get("status") or {}
    if not is_bound(claim) or status.get("phase") != "Bound" or is_going(claim):
        return False
    return wanted_size(claim) > size_of({"spec": {"capacity": status.get("capacity")}})


def controller(context: Context) -> Controller:
    claims, volumes = context.informers.of(CLAIMS), context.informers.of(VOLUMES)
    told: dict[str, str] = {}  # by claim, the size that was told of last

    async def reconcile(key: str) -> None:
        claim = claims.get(key)
        if claim is None or not wants_more(claim):
            told.pop(key, None)
            return
        volume = volumes.get(claim["spec"]["volumeName"])
        said = (volume or {"spec": {}})["spec"].get("claimRef") or {}
        if said.get("uid") != claim["metadata"]["uid"] or told.get(key) == str(wanted_size(claim)):
            return
        told[key] = str(wanted_size(claim))
        context.recorder.event(claim, NORMAL, "ExternalExpanding", EXTERNAL)
        context.explain(claim, "ExternalExpanding", f"It is {EXTERNAL}.")

    found = Controller("expand", reconcile, [claims, volumes])
    found.watch(claims)
    return found
