"""The metrics APIs, asked for what an autoscaler wants to know. Raises Failed in upstream's words."""

from typing import Any

from sampan.errors import Failed, SampanError
from sampan.kube.client.requests import Client, Object
from sampan.kube.client.scales import Kinds, group_of
from sampan.kube.controllers.autoscaling import samples
from sampan.kube.controllers.autoscaling.samples import Sample
from sampan.specs.kubernetes import labels
from sampan.specs.kubernetes.labels import Selector
from sampan.specs.kubernetes.status import StatusError, is_not_found

RESOURCE = "/apis/metrics.k8s.io/v1beta1"
CUSTOM, CUSTOM_GROUP = "/apis/custom.metrics.k8s.io", "custom.metrics.k8s.io"
CUSTOM_VERSIONS = ("v1beta2", "v1beta1")
EXTERNAL, EXTERNAL_GROUP = "/apis/external.metrics.k8s.io/v1beta1", "external.metrics.k8s.io"
_NO_RESOURCE = "the server could not find the requested resource"


class Metrics:
    def __init__(self, client: Client, kinds: Kinds) -> None:
        self._client = client
        self._kinds = kinds

    async def of_pods(
        self, resource: str, namespace: str, selector: Selector, container: str
    ) -> dict[str, Sample]:
        """What the pods use of a resource, or one container of each."""
        path = f"{RESOURCE}/namespaces/{namespace}/pods"
        query = {"labelSelector": str(selector)}
        api = "resource metrics API"
        items = await self._items(api, path, query, "pods.metrics.k8s.io")
        if not container:
            return samples.of_pods(items, resource)
        try:
            return samples.of_container(items, resource, container)
        except Failed as error:
            raise Failed(f"failed to get container metrics: {error.message}") from error

    async def custom_of_pods(
        self, name: str, namespace: str, selector: Selector, metric: Selector
    ) -> dict[str, Sample]:
        path = f"{await self._custom()}/namespaces/{namespace}/pods/*/{name}"
        query = _queried(labelSelector=selector, metricLabelSelector=metric)
        return samples.of_objects(
            await self._items("custom metrics API", path, query, f"pods.{CUSTOM_GROUP}")
        )

    async def of_object(self, name: str, namespace: str, described: Object, metric: Selector) -> int:
        """Of one object in the autoscaler's namespace, or of the namespace."""
        root, api = await self._custom(), "custom metrics API"
        if described.get("kind") == "Namespace" and not group_of(described):
            path, resource = f"{root}/namespaces/{namespace}/metrics/{name}", "namespaces"
        else:
            resource = await self._resource(described)
            path = f"{root}/namespaces/{namespace}/{resource}/{described.get('name')}/{name}"
        query = _queried(metricLabelSelector=metric)
        answer = await self._get(api, path, query, f"{resource}.{CUSTOM_GROUP}")
        values = samples.values_of(samples.items_of(answer))
        if not values:
            asked = "results when we asked for exactly one"
            raise Failed(
                f"unable to fetch metrics from {api}: the custom metrics API server returned 0 {asked}"
            )
        return values[0]

    async def external(self, name: str, namespace: str, metric: Selector) -> int:
        """The sum of all series."""
        path = f"{EXTERNAL}/namespaces/{namespace}/{name}"
        items = await self._items(
            "external metrics API", path, _queried(labelSelector=metric), f"{name}.{EXTERNAL_GROUP}"
        )
        return sum(samples.values_of(items))

    async def _resource(self, described: Object) -> str:
        """As the custom metrics API names it: with its group."""
        group, kind = group_of(described), str(described.get("kind") or "")
        paths = await self._kinds.of(group, kind)
        if not paths:
            raise Failed(
                "unable to fetch metrics from custom metrics API: "
                f'unable to map kind {kind} to resource: no matches for kind "{kind}" in group "{group}"'
            )
        return f"{paths[0].plural}.{group}" if group else paths[0].plural

    async def _custom(self) -> str:
        """The API in the best version that is served."""
        try:
            group = await self._client.request("GET", CUSTOM)
        except StatusError as error:
            if not is_not_found(error):
                raise Failed(f"unable to fetch metrics from custom metrics API: {error}") from error
            group = {}
        served = [one.get("version") for one in group.get("versions") or ()]
        for version in CUSTOM_VERSIONS:
            if version in served:
                return f"{CUSTOM}/{version}"
        raise Failed(
            "unable to fetch metrics from custom metrics API: "
            f"no custom metrics API ({CUSTOM_GROUP}) registered"
        )

    async def _items(self, api: str, path: str, query: dict[str, str], resource: str) -> list[Object]:
        items = samples.items_of(await self._get(api, path, query, resource))
        if not items:
            raise Failed(f"no metrics returned from {api}")
        return items

    async def _get(self, api: str, path: str, query: dict[str, str], resource: str) -> Any:
        try:
            return await self._client.request("GET", path, query=query)
        except (StatusError, SampanError) as error:
            text = str(error)
            if is_not_found(error) and not (error.details or {}).get("name"):
                text = f"{_NO_RESOURCE} (get {resource})"
            raise Failed(f"unable to fetch metrics from {api}: {text}") from error


def _queried(**selectors: Selector) -> dict[str, str]:
    return {name: str(one) for name, one in selectors.items()}


def metric_selector(metric: Object) -> Selector:
    """Of the series of a metric; without one, all."""
    selector = metric.get("selector")
    return labels.from_object(selector) if selector is not None else labels.EVERYTHING
