"""Which pods stand behind which Services, and when a change of a pod matters to them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sampan.kube.client.informer import Informer, key_of
from sampan.kube.client.requests import Object
from sampan.specs.kubernetes.objects import condition, is_going, labels_of
from sampan.specs.kubernetes.pods import is_finished, is_ready, sidecars
from sampan.specs.kubernetes.time import seconds

SELECTED = "first label of the selector"  # an index of Services
LABELLED = "labels"  # an index of pods
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS = "service.kubernetes.io/headless"


def selector_of(service: Object) -> dict[str, str]:
    """Empty for one that selects nothing, or whose name stands for another."""
    spec = service.get("spec") or {}
    return {} if spec.get("type") == "ExternalName" else spec.get("selector") or {}


def _pair(value: Object, key: str, text: str) -> str:
    return f"{value['metadata']['namespace']}/{key}={text}"


def _first_selected(service: Object) -> list[str]:
    return [_pair(service, *min(selector.items()))] if (selector := selector_of(service)) else []


def _labelled(pod: Object) -> list[str]:
    return [_pair(pod, *one) for one in labels_of(pod).items()]


class Matches:
    """Finds pods by Services and Services by pods, without going through all of either."""

    def __init__(self, services: Informer, pods: Informer) -> None:
        self._services, self._pods = services, pods
        services.index(SELECTED, _first_selected)
        pods.index(LABELLED, _labelled)

    def pods(self, service: Object) -> list[Object]:
        """By name."""
        selector = selector_of(service)
        if not selector:
            return []
        found = [
            pod
            for pod in self._pods.by(LABELLED, _pair(service, *min(selector.items())))
            if selector.items() <= labels_of(pod).items()
        ]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    def services(self, pod: Object) -> Iterator[str]:
        """Their keys."""
        labels = labels_of(pod)
        for pair in _labelled(pod):
            for service in self._services.by(SELECTED, pair):
                if selector_of(service).items() <= labels.items():
                    yield key_of(service)

    def touched(self, pod: Object, old: Object | None) -> set[str]:
        """The Services, by key, for which a change of a pod may matter."""
        if old is None:
            return set(self.services(pod))
        if facts(pod) == facts(old):
            return set()
        return {*self.services(pod), *self.services(old)}


def facts(pod: Object) -> tuple[Any, ...]:
    """What Services see of a pod."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    return (
        metadata["uid"],
        metadata.get("labels"),
        spec.get("nodeName"),
        spec.get("hostname"),
        spec.get("subdomain"),
        is_going(pod),
        is_ready(pod),
        is_finished(pod),
        status.get("podIP"),
        status.get("podIPs"),
    )


def is_endpoint(pod: Object, *, going: bool) -> bool:
    """May it be told of? `going`: also of those on their way out."""
    status = pod.get("status") or {}
    has_address = bool(status.get("podIP") or status.get("podIPs"))
    return has_address and not is_finished(pod) and (going or not is_going(pod))


def hostname(pod: Object, service: Object) -> str | None:
    """By which the pod is found in a Service that is its subdomain."""
    spec = pod.get("spec") or {}
    return spec.get("hostname") or None if spec.get("subdomain") == service["metadata"]["name"] else None


def target_port(pod: Object, port: Object) -> int | None:
    """A Service's target port in a pod: by its number, or by its name in any of the containers that stay."""
    wanted = port.get("targetPort", 0)
    if not isinstance(wanted, str):
        return int(wanted)
    for container in [*((pod.get("spec") or {}).get("containers") or ()), *sidecars(pod)]:
        for one in container.get("ports") or ():
            same = (one.get("protocol") or "TCP") == (port.get("protocol") or "TCP")
            if one.get("name") == wanted and same:
                return int(one["containerPort"])
    return None


def is_headless(service: Object) -> bool:
    return (service.get("spec") or {}).get("clusterIP") in (None, "", "None")


def inherited_labels(service: Object, own: Mapping[str, str]) -> dict[str, str]:
    """What is told of a Service's pods has the Service's labels, `own` ones, and whether it is headless."""
    found = {key: text for key, text in labels_of(service).items() if key != HEADLESS}
    if is_headless(service):
        found[HEADLESS] = ""
    return {**found, **own}


def reference(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }


@dataclass
class _Seen:
    service: str
    pods: dict[str, str]


@dataclass
class Triggers:
    """When what led to a change happened: the earliest that is new since a Service was looked at last.

    kubernetes.io/docs/reference/labels-annotations-taints#endpoints-kubernetes-io-last-change-trigger-time
    """

    _seen: dict[str, _Seen] = field(default_factory=dict)

    def time(self, service: Object, pods: list[Object]) -> str:
        """Empty if nothing has happened."""
        key, created = key_of(service), service["metadata"].get("creationTimestamp") or ""
        times = {pod["metadata"]["name"]: _since_ready(pod) for pod in pods}
        now = _Seen(created, {name: text for name, text in times.items() if text})
        before = self._seen.get(key)
        self._seen[key] = now
        if before is None:
            return created
        new = [text for name, text in now.pods.items() if _is_later(text, before.pods.get(name, ""))]
        if _is_later(created, before.service):
            new.append(created)
        return min(new, key=lambda text: seconds(text) or 0.0, default="")

    def forget(self, key: str) -> None:
        self._seen.pop(key, None)


def _since_ready(pod: Object) -> str:
    return (condition(pod, "Ready") or {}).get("lastTransitionTime") or ""


def _is_later(text: str, before: str) -> bool:
    return (seconds(text) or 0.0) > (seconds(before) or 0.0)
