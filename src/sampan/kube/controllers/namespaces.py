"""A namespace that is being deleted is emptied, then let go.

kube-controller-manager's namespace controller, with the conditions that tell what it still waits for. Pods go
first: what protects them, such as network policies, stays until they have gone.
"""

from dataclasses import dataclass, field

from sampan.kube.client.discovery import Discovered, survey
from sampan.kube.client.requests import METADATA_LIST, Client, Object
from sampan.kube.client.resources import NAMESPACES, PODS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes import time
from sampan.specs.kubernetes.status import StatusError, is_not_found

FINALIZER = "kubernetes"
AGAIN = 1.0  # seconds until it is looked at whether what was left has gone
AFTER_FAILURE = 10.0  # seconds


@dataclass
class Left:
    """What is still in a namespace: how many of which resource, and how many have which finalizer."""

    resources: dict[str, int] = field(default_factory=dict)
    finalizers: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    stale: tuple[str, ...] = ()  # versions of groups whose servers do not tell what they have


def controller(context: Context) -> Controller:
    client = context.client
    namespaces = context.informers.of(NAMESPACES)

    async def reconcile(name: str) -> float | None:
        namespace = namespaces.get(name)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return None
        finalizers = (namespace.get("spec") or {}).get("finalizers") or []
        if FINALIZER not in finalizers:
            return None
        left = await empty(client, name)
        told = conditions(left, time.text(context.clock()))
        await _tell(client, namespace, told)
        _explain(context, namespace, told)
        if left.failures or left.stale:
            return AFTER_FAILURE
        if left.resources:
            return AGAIN
        rest = [one for one in finalizers if one != FINALIZER]
        finalized = {**namespace, "spec": {**namespace["spec"], "finalizers": rest}}
        finalized["metadata"] = {k: v for k, v in namespace["metadata"].items() if k != "resourceVersion"}
        try:
            await client.update(NAMESPACES, "", finalized, "finalize")
        except StatusError as error:
            if not is_not_found(error):
                raise
        return None

    found = Controller("namespaces", reconcile, [namespaces], workers=5)
    found.watch(namespaces)
    return found


def _explain(context: Context, namespace: Object, told: list[Object]) -> None:
    context.settle(namespace)
    for one in told:
        if one["status"] == "True":
            context.explain(namespace, one["reason"], one["message"])


async def empty(client: Client, namespace: str) -> Left:
    """Ask for the deletion of all that is in it; what is left."""
    found = await survey(client)
    left = Left(stale=tuple(sorted(found.stale)))
    resources = [one for one in found.resources if _can_be_emptied(one)]
    for pods in (True, False):
        for resource in resources:
            if (resource.path == PODS) is pods:
                await _try_to_empty(client, namespace, resource, left)
        if left.resources or left.failures:
            break
    return left


def _can_be_emptied(resource: Discovered) -> bool:
    return resource.path.namespaced and resource.preferred and {"list", "delete"} <= resource.verbs


async def _try_to_empty(client: Client, namespace: str, resource: Discovered, left: Left) -> None:
    try:
        await _empty_of(client, namespace, resource, left)
    except StatusError as error:
        if error.code not in (404, 405):
            left.failures.append(str(error))


async def _empty_of(client: Client, namespace: str, resource: Discovered, left: Left) -> None:
    path = resource.path.path(namespace)
    found = await client.request("GET", path, accept=METADATA_LIST)
    if not found.get("items"):
        return
    if "deletecollection" in resource.verbs:
        await client.request("DELETE", path, {"propagationPolicy": "Background"})
    else:
        for item in found["items"]:
            await client.delete(resource.path, namespace, item["metadata"]["name"])
    found = await client.request("GET", path, accept=METADATA_LIST)
    items = found.get("items") or ()
    if items:
        name = f"{resource.path.plural}.{resource.group}"
        left.resources[name] = len(items)
        for item in items:
            for finalizer in item["metadata"].get("finalizers") or ():
                left.finalizers[finalizer] = left.finalizers.get(finalizer, 0) + 1


def conditions(left: Left, now: str) -> list[Object]:
    """A namespace's conditions while it is being emptied. Pure."""
    failed = ", ".join(sorted(left.failures))
    stale = ", ".join(f"{version}: stale GroupVersion discovery: {version}" for version in left.stale)
    remaining = ", ".join(
        f"{name} has {count} resource instances" for name, count in sorted(left.resources.items())
    )
    held = ", ".join(
        f"{name} in {count} resource instances" for name, count in sorted(left.finalizers.items())
    )
    rows = [
        (
            "DeletionDiscoveryFailure",
            stale,
            "ResourcesDiscovered",
            "All resources successfully discovered",
            "DiscoveryFailed",
            f"Discovery failed for some groups, {len(left.stale)} failing: "
            f"unable to retrieve the complete list of server APIs: {stale}",
        ),
        (
            "DeletionGroupVersionParsingFailure",
            "",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
            "",
            "",
        ),
        (
            "DeletionContentFailure",
            failed,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
            "ContentDeletionFailed",
            f"Failed to delete all resource types, {len(left.failures)} remaining: {failed}",
        ),
        (
            "ContentRemaining",
            remaining,
            "ContentRemoved",
            "All content successfully removed",
            "SomeResourcesRemain",
            f"Some resources are remaining: {remaining}",
        ),
        (
            "FinalizersRemaining",
            held,
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
            "SomeFinalizersRemain",
            f"Some content in the namespace has finalizers remaining: {held}",
        ),
    ]
    return [_condition(now, *row) for row in rows]


def _condition(now: str, name: str, wrong: str, reason: str, text: str, bad_reason: str, bad: str) -> Object:
    return {
        "type": f"Namespace{name}",
        "status": "True" if wrong else "False",
        "lastTransitionTime": now,
        "reason": bad_reason if wrong else reason,
        "message": bad if wrong else text,
    }


async def _tell(client: Client, namespace: Object, wanted: list[Object]) -> None:
    """Write the conditions, if they are news."""
    status = namespace.get("status") or {}
    known = {one["type"]: one for one in status.get("conditions") or ()}
    merged = []
    for one in wanted:
        before = known.pop(one["type"], None)
        if before is not None and before["status"] == one["status"]:
            one = {**one, "lastTransitionTime": before["lastTransitionTime"]}
        merged.append(one)
    merged = [*known.values(), *merged]
    if merged == (status.get("conditions") or []):
        return
    changed = {**namespace, "status": {**status, "conditions": merged}}
    changed["metadata"] = {k: v for k, v in namespace["metadata"].items() if k != "resourceVersion"}
    try:
        await client.update(NAMESPACES, "", changed, "status")
    except StatusError as error:
        if not is_not_found(error):
            raise
