"""Every namespace has the certificates of this cluster's authority in a ConfigMap, for its pods to trust."""

from sampan.kube.client.informers import namespace_of
from sampan.kube.client.requests import Client
from sampan.kube.client.resources import CONFIG_MAPS, NAMESPACES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.serviceaccounts import is_ending
from sampan.specs.kubernetes.objects import annotations_of, is_going
from sampan.specs.kubernetes.status import StatusError, is_already_there

NAME = "kube-root-ca.crt"
KEY = "ca.crt"
ANNOTATION = "kubernetes.io/description"
# Part of what clients compare: the same words as kube-controller-manager's.
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints "
    "such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
    "distributions of Kubernetes clusters."
)


def controller(context: Context) -> Controller:
    client, bundle = context.client, context.options.bundle
    namespaces = context.informers.of(NAMESPACES)
    maps = context.informers.of(CONFIG_MAPS)

    async def reconcile(name: str) -> None:
        namespace = namespaces.get(name)
        if namespace is None or is_going(namespace):
            return
        found = maps.get(f"{name}/{NAME}")
        if found is None:
            await _create(client, name, bundle)
        elif found.get("data") != {KEY: bundle} or _described(found) != DESCRIPTION:
            annotations = {**annotations_of(found), ANNOTATION: DESCRIPTION}
            changed = {**found, "data": {KEY: bundle}}
            changed["metadata"] = {**found["metadata"], "annotations": annotations}
            await client.update(CONFIG_MAPS, name, changed)

    result = Controller("root-ca", reconcile, [namespaces, maps])
    result.watch(namespaces)
    result.watch(maps, lambda value: namespace_of(value) if value["metadata"]["name"] == NAME else [])
    return result


def _described(value: dict[str, object]) -> object:
    metadata = value["metadata"]
    assert isinstance(metadata, dict)
    return (metadata.get("annotations") or {}).get(ANNOTATION)


async def _create(client: Client, namespace: str, bundle: str) -> None:
    metadata = {"name": NAME, "namespace": namespace, "annotations": {ANNOTATION: DESCRIPTION}}
    try:
        await client.create(CONFIG_MAPS, namespace, {"metadata": metadata, "data": {KEY: bundle}})
    except StatusError as error:
        if not is_already_there(error) and not is_ending(error):
            raise
