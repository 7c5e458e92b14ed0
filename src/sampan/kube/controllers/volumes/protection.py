"""Claims and volumes that are used go only when they are not any more.

Each has a finalizer, which is taken away here: from a claim when no pod with a node uses it, from a volume
when it is not bound. kubernetes.io/docs/concepts/storage/persistent-volumes, "Object in Use Protection"
"""

from collections.abc import Iterable

from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import Object, ResourcePath
from sampan.kube.client.resources import ATTRIBUTES_CLASSES, CLAIMS, PODS, VOLUMES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.volumes.controller import CLAIM_USERS
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.podreferences import claim_keys, uses_claim
from sampan.specs.kubernetes.pods import is_finished, node_name

OF_CLAIMS, OF_VOLUMES = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"
OF_CLASSES = "kubernetes.io/vac-protection"
CLASS_USERS = (
    "attributes class"  # the index of claims and volumes by the VolumeAttributesClasses that they have
)


def finalizers_of(value: Object) -> list[str]:
    return list(value["metadata"].get("finalizers") or ())


def users(claim: Object, pods: Iterable[Object]) -> list[str]:
    """The names of pods that use a claim and have a node: none is started for a claim that is going. Pure."""
    scheduled = (pod for pod in pods if node_name(pod))
    return sorted(str(pod["metadata"]["name"]) for pod in scheduled if uses_claim(pod, claim))


async def _write(context: Context, resource: ResourcePath, value: Object, finalizers: list[str]) -> None:
    metadata = {**value["metadata"], "finalizers": finalizers}
    namespace = value["metadata"].get("namespace", "")
    await context.client.update(resource, namespace, {**value, "metadata": metadata})


async def _protect(context: Context, resource: ResourcePath, value: Object, finalizer: str) -> None:
    """Give it the finalizer that it should have had from the start."""
    if finalizer not in finalizers_of(value) and not is_going(value):
        await _write(context, resource, value, [*finalizers_of(value), finalizer])


async def _let_go(context: Context, resource: ResourcePath, value: Object, finalizer: str) -> None:
    rest = [one for one in finalizers_of(value) if one != finalizer]
    await _write(context, resource, value, rest)
    context.settle(value)


def claims(context: Context) -> Controller:
    known, pods = context.informers.of(CLAIMS), context.informers.of(PODS)
    pods.index(CLAIM_USERS, claim_keys)

    async def reconcile(key: str) -> None:
        claim = known.get(key)
        if claim is None or not is_going(claim) or OF_CLAIMS not in finalizers_of(claim):
            if claim is not None:
                await _protect(context, CLAIMS, claim, OF_CLAIMS)
            return
        found = users(claim, pods.by(CLAIM_USERS, key))
        if not found:
            # A pod that we have not seen yet may use it.
            path = PODS.path(claim["metadata"]["namespace"])
            found = users(claim, (await context.client.request("GET", path)).get("items") or ())
        if found:
            message = f"Pods use it: {', '.join(found)}."
            context.explain(claim, "InUse", message, "Delete the pods, or wait for their end.")
            return
        await _let_go(context, CLAIMS, claim, OF_CLAIMS)

    def freed(pod: Object) -> Iterable[str]:
        """Only a pod that is over, or never had a node, can let a claim go."""
        gone = pods.get(key_of(pod)) is not pod
        unused = is_finished(pod) or not node_name(pod)
        return claim_keys(pod) if gone or unused else ()

    found = Controller("pvc-protection", reconcile, [known, pods])
    found.watch(known)
    found.watch(pods, freed)
    return found


def volumes(context: Context) -> Controller:
    known = context.informers.of(VOLUMES)

    async def reconcile(name: str) -> None:
        volume = known.get(name)
        if volume is None:
            return
        if not is_going(volume) or OF_VOLUMES not in finalizers_of(volume):
            await _protect(context, VOLUMES, volume, OF_VOLUMES)
        elif (volume.get("status") or {}).get("phase") == "Bound":
            said = volume["spec"].get("claimRef") or {}
            message = f"It is bound to the claim {said.get('namespace')}/{said.get('name')}."
            context.explain(volume, "InUse", message, "Delete the claim.")
        else:
            await _let_go(context, VOLUMES, volume, OF_VOLUMES)

    found = Controller("pv-protection", reconcile, [known])
    found.watch(known)
    return found


def attributes_of(value: Object) -> list[str]:
    """The VolumeAttributesClasses that a volume or a claim has, wants or is on its way to. Pure."""
    status = value.get("status") or {}
    found = (
        (value.get("spec") or {}).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return [str(name) for name in dict.fromkeys(found) if name]


def attributes_classes(context: Context) -> Controller:
    known = context.informers.of(ATTRIBUTES_CLASSES)
    holders = [context.informers.of(CLAIMS), context.informers.of(VOLUMES)]
    for one in holders:
        one.index(CLASS_USERS, attributes_of)

    async def reconcile(name: str) -> None:
        value = known.get(name)
        if value is None:
            return
        if not is_going(value) or OF_CLASSES not in finalizers_of(value):
            await _protect(context, ATTRIBUTES_CLASSES, value, OF_CLASSES)
        elif any(one.by(CLASS_USERS, name) for one in holders):
            context.explain(value, "InUse", "Volumes or claims have it.", "Let them have another.")
        else:
            await _let_go(context, ATTRIBUTES_CLASSES, value, OF_CLASSES)

    found = Controller("vac-protection", reconcile, [known, *holders])
    found.watch(known)
    for one in holders:
        found.watch(one, attributes_of)
    return found
