"""One metric of an autoscaler: measured, compared with its target, and shown in the status."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sampan.errors import Failed, SampanError
from sampan.kube.client.requests import Object
from sampan.kube.controllers.autoscaling.metrics import Metrics, metric_selector
from sampan.kube.controllers.autoscaling.usage import (
    Proposal,
    Target,
    Tolerance,
    propose,
    propose_by_ratio,
    propose_per_pod,
    requests,
)
from sampan.specs.kubernetes import quantity
from sampan.specs.kubernetes.labels import Selector
from sampan.specs.kubernetes.labelselector import printed
from sampan.specs.kubernetes.quantity import Quantity
from sampan.specs.kubernetes.status import StatusError

_FAILURES = (SampanError, StatusError)


@dataclass(frozen=True)
class Scaled:
    """What is scaled: `wanted` replicas by its spec, `there` by its status, and its pods."""

    namespace: str
    wanted: int
    there: int
    selector: Selector
    pods: Sequence[Object]
    tolerance: Tolerance
    now: float


@dataclass(frozen=True)
class Found:
    """`name` as messages have it; `status` for the autoscaler's status."""

    replicas: int
    name: str
    status: Object


class Unmeasured(Exception):
    """`reason` is the condition's, `message` the event's; itself as the sum of all metrics tells of it."""

    def __init__(self, reason: str, message: str, whole: str) -> None:
        super().__init__(whole)
        self.reason = reason
        self.message = message


class Measure:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def of(self, spec: Object, scaled: Scaled) -> Found:
        """Raises Unmeasured."""
        kind = spec.get("type", "")
        source = spec.get(kind[:1].lower() + kind[1:]) or {}
        ways: dict[str, Any] = {
            "Resource": (self._resource, "resource metric", source.get("name")),
            "ContainerResource": (self._container, "container metric", source.get("container")),
            "Pods": (self._of_pods, "pods metric", ""),
            "Object": (self._of_object, "object metric", ""),
            "External": (self._external, "external metric", (source.get("metric") or {}).get("name")),
        }
        if kind not in ways:
            text = f'unknown metric source type "{kind}"'
            raise Unmeasured("InvalidMetricSourceType", text, text)
        measure, what, name = ways[kind]
        try:
            found: Found = await measure(source, scaled)
        except _FAILURES as error:
            named = f"{name} {what}" if name else what
            raise Unmeasured(
                f"FailedGet{kind}Metric", str(error), f"failed to get {named} value: {error}"
            ) from error
        return found

    async def _resource(self, source: Object, scaled: Scaled) -> Found:
        proposal, name = await self._used(source, "", scaled)
        status = {"name": source["name"], "current": _current(proposal)}
        return Found(proposal.replicas, name, {"type": "Resource", "resource": status})

    async def _container(self, source: Object, scaled: Scaled) -> Found:
        container = source["container"]
        proposal, name = await self._used(source, container, scaled)
        status = {"name": source["name"], "container": container, "current": _current(proposal)}
        return Found(proposal.replicas, name, {"type": "ContainerResource", "containerResource": status})

    async def _used(self, source: Object, container: str, scaled: Scaled) -> tuple[Proposal, str]:
        resource, target = source["name"], source.get("target") or {}
        value, percent = target.get("averageValue"), target.get("averageUtilization")
        if value is None and percent is None:
            which = "neither an average utilization target nor an average value (usage) target was set"
            raise Failed(f"invalid resource metric source: {which}")
        try:
            found = await self._samples(resource, container, scaled)
            aim = Target(_milli(value)) if value is not None else None
            if aim is None:
                aim = Target(percent or 0, requests(scaled.pods, container, resource))
            proposal = propose(scaled.wanted, scaled.pods, found, aim, scaled.tolerance, resource, scaled.now)
        except _FAILURES as error:
            what = "usage" if value is not None else "utilization"
            raise Failed(f"failed to get {resource} {what}: {error}") from error
        if value is not None:
            return proposal, f"{resource} resource"
        of = "container resource" if container else "resource"
        return proposal, f"{resource} {of} utilization (percentage of request)"

    async def _samples(self, resource: str, container: str, scaled: Scaled) -> Any:
        try:
            return await self._metrics.of_pods(resource, scaled.namespace, scaled.selector, container)
        except _FAILURES as error:
            raise Failed(f"unable to get metrics for resource {resource}: {error}") from error

    async def _of_pods(self, source: Object, scaled: Scaled) -> Found:
        metric, target = source["metric"], _milli((source.get("target") or {}).get("averageValue"))
        name = metric["name"]
        try:
            found = await self._metrics.custom_of_pods(
                name, scaled.namespace, scaled.selector, metric_selector(metric)
            )
        except _FAILURES as error:
            raise Failed(f"unable to get metric {name}: {error}") from error
        aim = Target(target)
        proposal = propose(scaled.wanted, scaled.pods, found, aim, scaled.tolerance, "", scaled.now)
        status = {"metric": metric, "current": {"averageValue": _text(proposal.average)}}
        return Found(proposal.replicas, f"pods metric {name}", {"type": "Pods", "pods": status})

    async def _of_object(self, source: Object, scaled: Scaled) -> Found:
        metric, described, target = source["metric"], source["describedObject"], source.get("target") or {}
        name = metric["name"]
        by_value = target.get("type") == "Value" and target.get("value") is not None
        if not by_value and not (
            target.get("type") == "AverageValue" and target.get("averageValue") is not None
        ):
            which = "neither a value target nor an average value target was set"
            raise Failed(f"invalid object metric source: {which}")
        value = await self._object_value(metric, described, scaled, by_value)
        status: Object = {"metric": metric}
        if by_value:
            proposal = _by_value(value, target["value"], scaled)
            status |= {"describedObject": described, "current": {"value": _text(value)}}
            shown = f"{described.get('kind')} metric {name}"
        else:
            proposal = propose_per_pod(scaled.there, value, _milli(target["averageValue"]), scaled.tolerance)
            status |= {"describedObject": described, "current": {"averageValue": _text(proposal.average)}}
            shown = f"external metric {name}({printed(metric.get('selector'))})"
        return Found(proposal.replicas, shown, {"type": "Object", "object": status})

    async def _object_value(self, metric: Object, described: Object, scaled: Scaled, by_value: bool) -> int:
        name = metric["name"]
        try:
            return await self._metrics.of_object(name, scaled.namespace, described, metric_selector(metric))
        except _FAILURES as error:
            # Upstream's words stand in another order than its sentence; people search for them as they are.
            on = f"{described.get('kind')} on {scaled.namespace} {described.get('name')}"
            text = f"unable to get metric {name}: {on}/{error}"
            raise Failed(text if by_value else f"failed to get {name} object metric: {text}") from error

    async def _external(self, source: Object, scaled: Scaled) -> Found:
        metric, target = source["metric"], source.get("target") or {}
        name, per_pod, whole = metric["name"], target.get("averageValue"), target.get("value")
        if per_pod is None and whole is None:
            which = "neither a value target nor an average value target was set"
            raise Failed(f"invalid external metric source: {which}")
        selector = printed(metric.get("selector"))
        try:
            value = await self._metrics.external(name, scaled.namespace, metric_selector(metric))
        except _FAILURES as error:
            text = f"unable to get external metric {scaled.namespace}/{name}/{selector}: {error}"
            what = f"{name} external metric" if per_pod is not None else f"external metric {name}"
            raise Failed(f"failed to get {what}: {text}") from error
        if per_pod is not None:
            proposal = propose_per_pod(scaled.there, value, _milli(per_pod), scaled.tolerance)
            current = {"averageValue": _text(proposal.average)}
        else:
            proposal = _by_value(value, whole, scaled)
            current = {"value": _text(value)}
        status = {"metric": metric, "current": current}
        return Found(
            proposal.replicas, f"external metric {name}({selector})", {"type": "External", "external": status}
        )


def _by_value(value: int, target: Any, scaled: Scaled) -> Proposal:
    return propose_by_ratio(scaled.wanted, value, _milli(target), scaled.pods, scaled.tolerance)


def _current(proposal: Proposal) -> Object:
    found: Object = {"averageValue": _text(proposal.average)}
    if proposal.utilization is not None:
        found["averageUtilization"] = proposal.utilization
    return found


def _text(value: int) -> str:
    return str(Quantity(value, -3))


def _milli(text: object) -> int:
    """Never nothing, which nobody could divide by."""
    return max(quantity.parse(str(text)).milli_value(), 1)
