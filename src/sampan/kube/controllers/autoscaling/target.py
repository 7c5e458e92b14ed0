"""What an autoscaler scales: the scale of an object of any kind, and the pods that it selects."""

from dataclasses import dataclass

from sampan.errors import Invalid, NotFound, SampanError
from sampan.kube.client.informer import Informer
from sampan.kube.client.informers import NAMESPACE
from sampan.kube.client.requests import Client, Object, ResourcePath
from sampan.kube.client.scales import Kinds, group_of
from sampan.specs.kubernetes import labels
from sampan.specs.kubernetes.objects import labels_of
from sampan.specs.kubernetes.status import StatusError


@dataclass(frozen=True)
class Scale:
    """The subresource as it was read, and where it is."""

    path: ResourcePath
    value: Object

    @property
    def wanted(self) -> int:
        return (self.value.get("spec") or {}).get("replicas") or 0

    @property
    def there(self) -> int:
        return (self.value.get("status") or {}).get("replicas") or 0

    @property
    def selector(self) -> str:
        return (self.value.get("status") or {}).get("selector") or ""

    def with_replicas(self, replicas: int) -> Object:
        return {**self.value, "spec": {**(self.value.get("spec") or {}), "replicas": replicas}}


async def read(client: Client, kinds: Kinds, autoscaler: Object) -> Scale:
    """Of the versions that the reference can mean, the first that has a scale; raises what the first said."""
    reference = autoscaler["spec"]["scaleTargetRef"]
    if str(reference.get("apiVersion") or "").count("/") > 1:
        raise Invalid(f"unexpected GroupVersion string: {reference['apiVersion']}")
    group, kind = group_of(reference), reference["kind"]
    first: Exception = NotFound(f'no matches for kind "{kind}" in group "{group}"')
    for number, path in enumerate(await kinds.of(group, kind)):
        at = path.path(autoscaler["metadata"]["namespace"], reference["name"], "scale")
        try:
            return Scale(path, await client.request("GET", at))
        except (StatusError, SampanError) as error:
            first = error if number == 0 else first
    raise first


class Unfit(Invalid):
    """A selector by which nothing can be scaled: `reason` and `told` are the condition's."""

    def __init__(self, message: str, reason: str, event: str = "", told: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.event = event or reason
        self.told = told or message


class Selectors:
    """Which pods each autoscaler scales: no pod may be scaled by two."""

    def __init__(self, pods: Informer) -> None:
        self._pods = pods
        self._known: dict[str, labels.Selector] = {}  # by the autoscalers' keys

    def forget(self, key: str) -> None:
        self._known.pop(key, None)

    def of(self, key: str, scale: Scale) -> labels.Selector:
        """Raises Unfit."""
        if not scale.selector:
            told = "the HPA target's scale is missing a selector"
            raise Unfit("selector is required", "InvalidSelector", "SelectorRequired", told)
        try:
            selector = labels.parse(scale.selector)
        except labels.BadSelector as error:
            why = f"couldn't convert selector into a corresponding internal selector object: {error}"
            raise Unfit(why, "InvalidSelector") from error
        self._known[key] = selector
        rivals = self._rivals(key.rpartition("/")[0], selector)
        if len(rivals) > 1:
            why = f"pods by selector {selector} are controlled by multiple HPAs: [{' '.join(rivals)}]"
            raise Unfit(why, "AmbiguousSelector")
        return selector

    def pods(self, namespace: str, selector: labels.Selector) -> list[Object]:
        of_namespace = self._pods.by(NAMESPACE, namespace)
        return [pod for pod in of_namespace if selector.matches(labels_of(pod))]

    def _rivals(self, namespace: str, selector: labels.Selector) -> list[str]:
        """The autoscalers that scale any of these pods."""
        others = {key: one for key, one in self._known.items() if key.startswith(f"{namespace}/")}
        if len(others) < 2:
            return list(others)
        own = [labels_of(pod) for pod in self.pods(namespace, selector)]
        return sorted(key for key, one in others.items() if any(one.matches(each) for each in own))
