"""Claims that pods bring with them: one for each `ephemeral` volume, which lives and goes with its pod."""

from collections.abc import Callable

from sampan.errors import Conflict, SampanError
from sampan.kube.client.informer import key_of
from sampan.kube.client.recorder import WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CLAIMS, PODS
from sampan.kube.controllers.claims import owner_reference
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.volumes.controller import CLAIM_USERS
from sampan.specs.kubernetes.objects import is_controlled_by, is_going
from sampan.specs.kubernetes.podreferences import claim_keys, ephemeral_claim
from sampan.specs.kubernetes.pods import is_finished
from sampan.specs.kubernetes.status import StatusError


def claim_for(pod: Object, volume: Object) -> Object:
    """Pure."""
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate") or {}
    given = template.get("metadata") or {}
    metadata: Object = {key: given[key] for key in ("labels", "annotations") if given.get(key)}
    metadata["name"] = ephemeral_claim(pod, volume)
    metadata["namespace"] = pod["metadata"]["namespace"]
    metadata["ownerReferences"] = [owner_reference(pod)]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template.get("spec") or {},
    }


def stranger(pod: Object, claim: Object) -> str:
    """What is wrong with a claim that has the name and is not the pod's; "" if it is. Pure."""
    if is_controlled_by(claim, pod["metadata"]["uid"]):
        return ""
    return f"PVC {key_of(claim)} was not created for pod {key_of(pod)} (pod is not owner)"


def controller(context: Context) -> Controller:
    pods, claims = context.informers.of(PODS), context.informers.of(CLAIMS)
    pods.index(CLAIM_USERS, claim_keys)

    async def reconcile(key: str) -> None:
        pod = pods.get(key)
        if pod is None or is_going(pod) or is_finished(pod):
            return
        for volume in (pod.get("spec") or {}).get("volumes") or ():
            if volume.get("ephemeral") is not None:
                await _provide(context, pod, volume, claims.get)

    found = Controller("ephemeral-volume", reconcile, [pods, claims], workers=5)
    found.watch(pods)
    # When a claim goes, its pod may need another.
    found.watch(claims, lambda claim: map(key_of, pods.by(CLAIM_USERS, key_of(claim))))
    return found


async def _provide(
    context: Context, pod: Object, volume: Object, known: Callable[[str], Object | None]
) -> None:
    """See that the volume has its claim. Raises what is wrong, and tells of it."""
    wanted = claim_for(pod, volume)
    namespace, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
    found = known(f"{namespace}/{name}")
    try:
        if found is None:
            await context.client.create(CLAIMS, namespace, wanted)
        elif why := stranger(pod, found):
            raise Conflict(why)
    except (StatusError, SampanError) as error:
        why = f"create PVC {name}: {error}" if isinstance(error, StatusError) else str(error)
        message = f"ephemeral volume {volume.get('name')}: {why}"
        context.recorder.event(pod, WARNING, "FailedBinding", message)
        context.explain(pod, "FailedBinding", message)
        raise
    context.settle(pod)
