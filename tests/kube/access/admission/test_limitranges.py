"""Defaults and bounds of a namespace."""

import pytest

from sampan.kube.access.admission.limitranges import ANNOTATION, LimitRanger
from tests.kube.access.admission.writes import changed, cluster, passes, pod, refusal

DEFAULTS = {
    "type": "Container",
    "default": {"cpu": "500m", "memory": "512Mi"},
    "defaultRequest": {"cpu": "100m"},
}


def limited(*limits):
    value = {"metadata": {"name": "l", "namespace": "ns"}, "spec": {"limits": list(limits)}}
    return cluster(("limitranges", value))


def container(name="c", **resources):
    return {"name": name, "resources": resources}


async def test_what_is_not_said_is_given():
    new = pod(initContainers=[container("i", limits={"cpu": "1"}, requests={"cpu": "1"})])
    found = await changed(LimitRanger(), limited(DEFAULTS), "pods", new)
    assert found["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "100m"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }
    assert found["spec"]["initContainers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
    assert found["metadata"]["annotations"] == {
        ANNOTATION: "LimitRanger plugin set: cpu request for container c; cpu, memory limit for container c; "
        "memory limit for init container i"
    }


async def test_other_writes_are_none_of_its_business():
    for rest in ({"old": pod()}, {"subresource": "status", "old": pod()}, {"subresource": "binding"}):
        assert await changed(LimitRanger(), limited(DEFAULTS), "pods", pod(), **rest) == pod()


@pytest.mark.parametrize(
    ("limit", "resources", "why"),
    [
        (
            {"min": {"cpu": "1"}},
            {},
            "minimum cpu usage per Container is 1.  No request is specified",
        ),
        (
            {"min": {"cpu": "1"}},
            {"requests": {"cpu": "999m"}},
            "minimum cpu usage per Container is 1, but request is 999m",
        ),
        (
            {"min": {"cpu": "1"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "100m"}},
            "minimum cpu usage per Container is 1, but limit is 100m",
        ),
        (
            {"max": {"memory": "1Gi"}},
            {"requests": {"memory": "2Gi"}},
            "maximum memory usage per Container is 1Gi.  No limit is specified",
        ),
        (
            {"max": {"memory": "1Gi"}},
            {"limits": {"memory": "2Gi"}},
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            {"max": {"memory": "1Gi"}},
            {"limits": {"memory": "1Gi"}, "requests": {"memory": "3Gi"}},
            "maximum memory usage per Container is 1Gi, but request is 3Gi",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"limits": {"cpu": "1"}},
            "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}},
            "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "400m"}, "limits": {"cpu": "1"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000",
        ),
        (
            {"min": {"cpu": "1"}, "max": {"cpu": "1", "memory": "1"}},
            {"requests": {"cpu": "2"}, "limits": {"cpu": "2", "memory": "2"}},
            "[maximum memory usage per Container is 1, but limit is 2, "
            "maximum cpu usage per Container is 1, but limit is 2]",
        ),
    ],
)
async def test_bounds_of_containers(limit, resources, why):
    new = pod(containers=[container(**resources)])
    assert await refusal(LimitRanger(), limited({"type": "Container", **limit}), "pods", new) == why


async def test_bounds_of_pods_are_for_the_sum():
    limit = limited({"type": "Pod", "max": {"cpu": "2"}})
    two = [container("a", limits={"cpu": "1"}), container("b", limits={"cpu": "1500m"})]
    why = await refusal(LimitRanger(), limit, "pods", pod(containers=two))
    assert why == "maximum cpu usage per Pod is 2, but limit is 2500m"
    start = container("i", limits={"cpu": "2"})
    one = [container("a", limits={"cpu": "1"})]
    await passes(LimitRanger(), limit, "pods", pod(containers=one, initContainers=[start]))
    beside = {**start, "restartPolicy": "Always"}
    why = await refusal(LimitRanger(), limit, "pods", pod(containers=one, initContainers=[beside]))
    assert why == "maximum cpu usage per Pod is 2, but limit is 3"


async def test_bounds_of_claims():
    limit = limited({"type": "PersistentVolumeClaim", "min": {"storage": "2Gi"}, "max": {"storage": "5Gi"}})

    def claim(size):
        return {"metadata": {"name": "x"}, "spec": {"resources": {"requests": {"storage": size}}}}

    await passes(LimitRanger(), limit, "persistentvolumeclaims", claim("5Gi"))
    texts = [
        await refusal(LimitRanger(), limit, "persistentvolumeclaims", claim(size)) for size in ("1Gi", "10Gi")
    ]
    assert texts == [
        "minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi",
        "maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi",
    ]
