"""Autoscalers before a server whose metrics stand still."""

import asyncio
from typing import Any

import pytest

from sampan.kube.client.decisions import Decisions
from sampan.kube.client.informers import Informers
from sampan.kube.client.requests import Client, Object, ResourcePath
from sampan.kube.client.resources import AUTOSCALERS, PODS
from sampan.kube.controllers import autoscaling
from sampan.kube.controllers.context import Context, Options
from sampan.specs.kubernetes import time as times
from sampan.specs.kubernetes.status import StatusError, no_such_path, not_found
from tests.kube.controllers.autoscaling.test_usage import NOW, pod
from tests.kube.controllers.world import EPOCH, Recorded, clock, run

HPA = "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/h/status"
SCALE = "/apis/example.com/v1/namespaces/n/boats/b/scale"
USED = "/apis/metrics.k8s.io/v1beta1/namespaces/n/pods"
CUSTOM = "/apis/custom.metrics.k8s.io"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces/n"
CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}


def discovered(group: str, plural: str, kind: str) -> Object:
    resource = {"resource": plural, "scope": "Namespaced", "responseKind": {"kind": kind}, "verbs": ["get"]}
    return {"metadata": {"name": group}, "versions": [{"version": "v1", "resources": [resource]}]}


class Server(Client):
    """Answers by path, and keeps what is written."""

    def __init__(self, answers: dict[str, Any]) -> None:
        scale = {
            "metadata": {"name": "b", "namespace": "n", "resourceVersion": "1"},
            "spec": {"replicas": 2},
            "status": {"replicas": 2, "selector": "app=x"},
        }
        kinds = [discovered("example.com", "boats", "Boat"), discovered("apps", "deployments", "Deployment")]
        self.answers: dict[str, Any] = {"/api": {}, "/apis": {"items": kinds}, SCALE: scale, **answers}
        self.written: dict[str, Object] = {}
        self.asked: dict[str, Any] = {}

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if method == "PUT":
            self.written[path] = body
            if path == SCALE:
                self.answers[SCALE] = body
            return body
        self.asked[path] = options.get("query")
        found = self.answers.get(path, no_such_path())
        if isinstance(found, StatusError):
            raise found
        return found


class Still(Informers):
    """Informers that know what they are given."""

    def put(self, resource: ResourcePath, *values: Object) -> None:
        informer = self.of(resource)
        for value in values:
            value["metadata"].setdefault("resourceVersion", "1")
            informer._handle({"type": "ADDED", "object": value})
        informer.synced.set()


def autoscaler(*metrics: Object, name: str = "h", **spec: Any) -> Object:
    target = {"apiVersion": "example.com/v1", "kind": "Boat", "name": "b"}
    wanted = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 10, "metrics": list(metrics), **spec}
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "n", "uid": name},
        "spec": wanted,
    }


def use(name: str, cpu: str) -> Object:
    container = {"name": "c", "usage": {"cpu": cpu, "memory": "1Gi"}}
    return {
        "metadata": {"name": name, "namespace": "n"},
        "timestamp": times.text(NOW),
        "window": "30s",
        "containers": [container],
    }


class Play:
    """One turn of an autoscaler, or more of them."""

    def __init__(self, answers: dict[str, Any], *found: Object, turns: int = 1) -> None:
        self.server, self.recorded, self.decisions = Server(answers), Recorded(), Decisions()
        assert NOW == EPOCH

        async def scenario() -> None:
            informers = Still(self.server)
            own = [pod("a"), pod("b")]
            for one in own:
                one["metadata"].update(namespace="n", labels={"app": "x"}, uid=one["metadata"]["name"])
            informers.put(PODS, *own)
            informers.put(AUTOSCALERS, *found)
            recorder: Any = self.recorded
            context = Context("hpa", self.server, informers, recorder, self.decisions, clock, Options())
            task = asyncio.ensure_future(autoscaling.controller(context).run())
            await asyncio.sleep(15.0 * turns + 1.0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        run(scenario())

    @property
    def status(self) -> Object:
        found: Object = self.server.written[HPA]["status"]
        return found

    def conditions(self) -> dict[str, tuple[str, str]]:
        return {one["type"]: (one["status"], one["reason"]) for one in self.status["conditions"]}

    def message(self, kind: str) -> str:
        return str(next(one["message"] for one in self.status["conditions"] if one["type"] == kind))


def test_what_is_above_its_target_is_scaled_up() -> None:
    play = Play({USED: {"items": [use("a", "900m"), use("b", "700m")]}}, autoscaler(CPU))
    assert play.server.written[SCALE]["spec"] == {"replicas": 4}
    assert play.server.asked[USED] == {"labelSelector": "app=x"}
    status = play.status
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 4)
    current = {"averageUtilization": 80, "averageValue": "800m"}
    assert status["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    assert play.conditions() == {
        "AbleToScale": ("True", "SucceededRescale"),
        "ScalingActive": ("True", "ValidMetricFound"),
        "ScalingLimited": ("False", "DesiredWithinRange"),
    }
    why = "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    assert play.recorded.events == [("h", "Normal", "SuccessfulRescale", why)]
    assert status["lastScaleTime"] == times.text(NOW + 15)


def test_what_holds_it_back_is_kept() -> None:
    play = Play({USED: {"items": [use("a", "4"), use("b", "4")]}}, autoscaler(CPU, maxReplicas=3))
    assert play.server.written[SCALE]["spec"] == {"replicas": 3}
    assert play.conditions()["ScalingLimited"] == ("True", "TooManyReplicas")
    assert play.decisions.of("h")[0].reason == "TooManyReplicas"


def test_what_is_on_target_stays() -> None:
    play = Play({USED: {"items": [use("a", "500m"), use("b", "500m")]}}, autoscaler(CPU))
    assert SCALE not in play.server.written
    assert play.conditions()["AbleToScale"] == ("True", "ReadyForNewScale")
    assert (play.status["desiredReplicas"], play.recorded.events) == (2, [])


POD_METRIC = {
    "type": "Pods",
    "pods": {"metric": {"name": "qps"}, "target": {"type": "AverageValue", "averageValue": "10"}},
}
DESCRIBED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "front"}


def of_object(**target: str) -> Object:
    return {
        "type": "Object",
        "object": {"metric": {"name": "qps"}, "describedObject": DESCRIBED, "target": target},
    }


def external(**target: str) -> Object:
    selector = {"matchLabels": {"queue": "q"}}
    return {
        "type": "External",
        "external": {"metric": {"name": "jobs", "selector": selector}, "target": target},
    }


def measured(name: str, value: str) -> Object:
    return {"describedObject": {"name": name}, "timestamp": times.text(NOW), "value": value}


SERVED = {CUSTOM: {"versions": [{"version": "v1beta1"}, {"version": "v1beta2"}]}}
OBJECT = f"{CUSTOM}/v1beta2/namespaces/n/deployments.apps/front/qps"


@pytest.mark.parametrize(
    ("metric", "answers", "wanted", "why"),
    [
        (
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c", "target": {"averageValue": "100m"}}},
            {USED: {"items": [use("a", "300m"), use("b", "300m")]}},
            4,  # six, but no more than twice as many at once
            "cpu resource above target",
        ),
        (
            POD_METRIC,
            {**SERVED, f"{CUSTOM}/v1beta2/namespaces/n/pods/*/qps": {"items": [measured("a", "15"), measured("b", "15")]}},
            3,
            "pods metric qps above target",
        ),
        (of_object(type="Value", value="10"), {**SERVED, OBJECT: {"items": [measured("front", "20")]}}, 4, "Deployment metric qps above target"),
        (of_object(type="AverageValue", averageValue="10"), {**SERVED, OBJECT: {"items": [measured("front", "25")]}}, 3, "external metric qps(nil) above target"),
        (external(type="Value", value="10"), {f"{EXTERNAL}/jobs": {"items": [{"value": "9"}, {"value": "6"}]}}, 3,
         "external metric jobs(&LabelSelector{MatchLabels:map[string]string{queue: q,},MatchExpressions:[]LabelSelectorRequirement{},}) above target"),
        (external(type="AverageValue", averageValue="5"), {f"{EXTERNAL}/jobs": {"items": [{"value": "15"}]}}, 3,
         "external metric jobs(&LabelSelector{MatchLabels:map[string]string{queue: q,},MatchExpressions:[]LabelSelectorRequirement{},}) above target"),
    ],
)  # fmt: skip
def test_every_kind_of_metric(metric: Object, answers: dict[str, Any], wanted: int, why: str) -> None:
    play = Play(answers, autoscaler(metric))
    assert play.server.written[SCALE]["spec"]["replicas"] == wanted
    assert play.recorded.events == [
        ("h", "Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
    ]
    assert play.status["currentMetrics"][0]["type"] == metric["type"]


@pytest.mark.parametrize(
    ("metric", "reason", "message"),
    [
        (
            CPU,
            "FailedGetResourceMetric",
            "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource "
            "metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",
        ),
        (
            POD_METRIC,
            "FailedGetPodsMetric",
            "unable to get metric qps: unable to fetch metrics from custom metrics API: no custom metrics API "
            "(custom.metrics.k8s.io) registered",
        ),
        (
            of_object(type="Value", value="10"),
            "FailedGetObjectMetric",
            "unable to get metric qps: Deployment on n front/unable to fetch metrics from custom metrics API: no custom "
            "metrics API (custom.metrics.k8s.io) registered",
        ),
        (
            external(type="Value", value="10"),
            "FailedGetExternalMetric",
            "failed to get external metric jobs: unable to get external metric n/jobs/&LabelSelector{MatchLabels:map[string]"
            "string{queue: q,},MatchExpressions:[]LabelSelectorRequirement{},}: unable to fetch metrics from external metrics "
            "API: the server could not find the requested resource (get jobs.external.metrics.k8s.io)",
        ),
    ],
)
def test_metrics_that_are_not_there(metric: Object, reason: str, message: str) -> None:
    play = Play({}, autoscaler(metric))
    assert play.conditions()["ScalingActive"] == ("False", reason)
    assert play.message("ScalingActive") == f"the HPA was unable to compute the replica count: {message}"
    assert play.recorded.events[0] == ("h", "Warning", reason, message)
    assert play.recorded.events[1][2] == "FailedComputeMetricsReplicas"
    assert play.recorded.events[1][3].startswith(
        "invalid metrics (1 invalid out of 1), first error is: failed to get "
    )
    assert (play.status["currentMetrics"], play.status["currentReplicas"]) == ([{"type": ""}], 2)
    assert play.decisions.of("h")[0].reason == "Failed"


def test_with_one_metric_missing_it_only_grows() -> None:
    high = {USED: {"items": [use("a", "900m"), use("b", "700m")]}}
    play = Play(high, autoscaler(CPU, POD_METRIC))
    assert play.server.written[SCALE]["spec"]["replicas"] == 4
    low = {USED: {"items": [use("a", "100m"), use("b", "100m")]}}
    play = Play(low, autoscaler(CPU, POD_METRIC))
    assert SCALE not in play.server.written
    assert play.conditions()["ScalingActive"] == ("False", "FailedGetPodsMetric")


@pytest.mark.parametrize(
    ("replicas", "spec", "wanted", "told"),
    [
        (12, {}, 10, "New size: 10; reason: Current number of replicas above Spec.MaxReplicas"),
        (2, {"minReplicas": 5}, 5, "New size: 5; reason: Current number of replicas below Spec.MinReplicas"),
    ],
)
def test_bounds_come_before_metrics(replicas: int, spec: Object, wanted: int, told: str) -> None:
    scale = {
        "metadata": {"name": "b", "namespace": "n"},
        "spec": {"replicas": replicas},
        "status": {"selector": "app=x"},
    }
    play = Play({SCALE: scale}, autoscaler(CPU, **spec))
    assert play.server.written[SCALE]["spec"]["replicas"] == wanted
    assert play.recorded.events == [("h", "Normal", "SuccessfulRescale", told)]


@pytest.mark.parametrize(
    ("scale", "kind", "reason"),
    [
        ({"spec": {"replicas": 0}}, "ScalingActive", "ScalingDisabled"),
        ({"spec": {"replicas": 2}}, "ScalingActive", "InvalidSelector"),
        ({"spec": {"replicas": 2}, "status": {"selector": "a in"}}, "ScalingActive", "InvalidSelector"),
        (not_found("example.com", "boats", "b"), "AbleToScale", "FailedGetScale"),
    ],
)
def test_targets_that_cannot_be_scaled(scale: Any, kind: str, reason: str) -> None:
    answer = {"metadata": {"name": "b", "namespace": "n"}, **scale} if isinstance(scale, dict) else scale
    play = Play({SCALE: answer}, autoscaler(CPU))
    assert play.conditions()[kind] == ("False", reason)
    assert SCALE not in play.server.written


def test_a_kind_that_nobody_serves() -> None:
    play = Play({}, autoscaler(CPU, scaleTargetRef={"apiVersion": "x.y/v1", "kind": "Z", "name": "b"}))
    text = 'the HPA controller was unable to get the target\'s current scale: no matches for kind "Z" in group "x.y"'
    assert play.message("AbleToScale") == text


def test_no_pod_is_scaled_by_two() -> None:
    answers = {USED: {"items": [use("a", "500m"), use("b", "500m")]}}
    play = Play(answers, autoscaler(CPU), autoscaler(CPU, name="i"), turns=2)
    assert play.conditions()["ScalingActive"] == ("False", "AmbiguousSelector")
    assert (
        play.message("ScalingActive") == "pods by selector app=x are controlled by multiple HPAs: [n/h n/i]"
    )


def test_it_comes_down_only_after_a_while() -> None:
    answers = {USED: {"items": [use("a", "10m"), use("b", "10m")]}}
    assert SCALE not in Play(answers, autoscaler(CPU), turns=19).server.written
    play = Play(answers, autoscaler(CPU), turns=23)
    assert play.server.written[SCALE]["spec"]["replicas"] == 1
    assert (
        "h",
        "Normal",
        "SuccessfulRescale",
        "New size: 1; reason: All metrics below target",
    ) in play.recorded.events
