"""What objects count for quotas."""

import pytest

from sampan.specs.kubernetes.podamounts import of_pod
from sampan.specs.kubernetes.quotas import countable, in_scope, unsaid, usage


def used(resource, value):
    return {name: str(amount) for name, amount in usage(resource, value).items()}


def container(name="c", requests=None, limits=None, **rest):
    return {"name": name, "resources": {"requests": requests or {}, "limits": limits or {}}, **rest}


def pod(*containers, **spec):
    return {"spec": {"containers": list(containers), **spec}}


@pytest.mark.parametrize(
    ("spec", "requests"),
    [
        (pod(container(requests={"cpu": "1"}), container(requests={"cpu": "500m"})), {"cpu": "1500m"}),
        (
            pod(container(requests={"cpu": "1"}), initContainers=[container(requests={"cpu": "3"})]),
            {"cpu": "3"},
        ),
        (
            pod(
                container(requests={"cpu": "1"}),
                initContainers=[
                    container(requests={"cpu": "1"}, restartPolicy="Always"),
                    container(requests={"cpu": "2"}),
                ],
            ),
            {"cpu": "3"},
        ),
        (
            pod(
                container(requests={"cpu": "1", "x/y": "1"}), resources={"requests": {"cpu": "5", "x/y": "3"}}
            ),
            {"cpu": "5", "x/y": "1"},
        ),
        (
            pod(container(requests={"cpu": "1"}), overhead={"cpu": "1", "memory": "1"}),
            {"cpu": "2", "memory": "1"},
        ),
        (pod(container(requests={"cpu": "nonsense"})), {}),
    ],
)
def test_what_a_pod_asks_for(spec, requests):
    found = of_pod(spec["spec"], "requests")
    assert {name: str(amount) for name, amount in found.items()} == requests


def test_overhead_limits_only_what_is_limited():
    found = of_pod(
        pod(container(limits={"cpu": "1"}), overhead={"cpu": "1", "memory": "1"})["spec"], "limits"
    )
    assert {name: str(amount) for name, amount in found.items()} == {"cpu": "2"}


@pytest.mark.parametrize(
    ("resource", "value", "counted"),
    [
        ("configmaps", {}, {"count/configmaps": "1", "configmaps": "1"}),
        ("jobs.batch", {}, {"count/jobs.batch": "1"}),
        (
            "pods",
            pod(container(requests={"cpu": "1", "x.io/gpu": "2"}, limits={"memory": "1Gi"})),
            {
                "count/pods": "1",
                "pods": "1",
                "cpu": "1",
                "requests.cpu": "1",
                "requests.x.io/gpu": "2",
                "limits.memory": "1Gi",
            },
        ),
        (
            "pods",
            {**pod(container(requests={"cpu": "1"})), "status": {"phase": "Failed"}},
            {"count/pods": "1"},
        ),
        ("services", {"spec": {"ports": [{}]}}, {"count/services": "1", "services": "1"}),
        (
            "services",
            {"spec": {"type": "NodePort", "ports": [{}, {}]}},
            {"count/services": "1", "services": "1", "services.nodeports": "2"},
        ),
        (
            "services",
            {
                "spec": {
                    "type": "LoadBalancer",
                    "allocateLoadBalancerNodePorts": False,
                    "ports": [{"nodePort": 1}, {}],
                }
            },
            {
                "count/services": "1",
                "services": "1",
                "services.loadbalancers": "1",
                "services.nodeports": "1",
            },
        ),
        (
            "persistentvolumeclaims",
            {"spec": {"storageClassName": "s", "resources": {"requests": {"storage": "1Gi"}}}},
            {
                "count/persistentvolumeclaims": "1",
                "persistentvolumeclaims": "1",
                "requests.storage": "1Gi",
                "s.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
                "s.storageclass.storage.k8s.io/requests.storage": "1Gi",
            },
        ),
    ],
)
def test_what_objects_count(resource, value, counted):
    assert used(resource, value) == counted
    assert all(countable(resource, name) for name in counted)
    assert not countable(resource, "count/others")


def test_what_containers_do_not_say():
    found = unsaid(
        ["limits.cpu", "pods", "requests.cpu"],
        pod(container("b"), container("a", requests={"cpu": "1"}), initContainers=[container("c")]),
    )
    assert found == {"limits.cpu": ["a", "b", "c"], "requests.cpu": ["b", "c"]}
    whole = pod(container("b"), resources={"requests": {"cpu": "1"}})
    assert unsaid(["requests.cpu"], whole) == {}


FAR = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["x"]}]}}


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        ("BestEffort", pod(container()), pod(container(requests={"cpu": "1"}))),
        ("NotBestEffort", pod(container(limits={"memory": "1"})), pod(container())),
        ("Terminating", pod(activeDeadlineSeconds=5), pod()),
        ("NotTerminating", pod(), pod(activeDeadlineSeconds=5)),
        ("PriorityClass", pod(priorityClassName="a"), pod()),
        ("CrossNamespacePodAffinity", pod(affinity=FAR), pod(affinity={"podAffinity": {}})),
    ],
)
def test_scopes(scope, inside, outside):
    quota = {"spec": {"scopes": [scope]}}
    assert in_scope(quota, "pods", inside)
    assert not in_scope(quota, "pods", outside)
    assert not in_scope(quota, "configmaps", inside)
    assert in_scope({"spec": {}}, "configmaps", {})


@pytest.mark.parametrize(
    ("operator", "values", "name", "matches"),
    [
        ("In", ["a"], "a", True),
        ("In", ["a"], "b", False),
        ("NotIn", ["a"], "b", True),
        ("NotIn", ["a"], "a", False),
        ("NotIn", ["a"], "", True),
        ("Exists", [], "", False),
        ("DoesNotExist", [], "", True),
    ],
)
def test_selectors_of_scopes(operator, values, name, matches):
    selector = {"scopeName": "PriorityClass", "operator": operator, "values": values}
    quota = {"spec": {"scopeSelector": {"matchExpressions": [selector]}}}
    assert in_scope(quota, "pods", pod(priorityClassName=name)) is matches
