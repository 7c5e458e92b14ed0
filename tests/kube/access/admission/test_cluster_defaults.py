"""Plugins that look at one or two objects of the cluster."""

import pytest

from sampan.kube.access.admission.ingressclasses import DefaultIngressClass
from sampan.kube.access.admission.namespaces import NamespaceLifecycle
from sampan.kube.access.admission.nodetaints import DefaultTolerationSeconds, TaintNodesByCondition
from sampan.kube.access.admission.priority import CLASSES, Priority
from sampan.kube.access.admission.runtimeclasses import RuntimeClass
from sampan.kube.access.admission.storage import (
    DefaultStorageClass,
    PersistentVolumeClaimResize,
    StorageObjectInUseProtection,
)
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.admission.writes import changed, cluster, passes, pod, refusal, write

CLAIMS = "persistentvolumeclaims"
STORAGE = "storageclasses.storage.k8s.io"
RUNTIMES = "runtimeclasses.node.k8s.io"


def named(name, **rest):
    return {"metadata": {"name": name}, **rest}


async def test_a_namespace_must_be_there():
    plugin = NamespaceLifecycle()
    gone = cluster()
    gone.by_key.clear()
    assert await refusal(plugin, gone, "configmaps", named("x")) == 'namespaces "ns" not found'
    await passes(plugin, cluster(), "configmaps", named("x"))
    await passes(plugin, gone, "nodes", named("x"))
    await passes(plugin, gone, "configmaps", None, named("x"), operation="DELETE")


async def test_nothing_new_comes_into_a_namespace_that_ends():
    plugin, ending = NamespaceLifecycle(), cluster()
    ending.put("namespaces", named("ns", status={"phase": "Terminating"}))
    with pytest.raises(StatusError) as caught:
        await plugin.mutate(write(ending, "configmaps", named("x")))
    assert caught.value.message == (
        'configmaps "x" is forbidden: unable to create new content in namespace ns '
        "because it is being terminated"
    )
    assert caught.value.details["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": "namespace ns is being terminated",
            "field": "metadata.namespace",
        }
    ]
    await passes(plugin, ending, "configmaps", named("x"), named("x"))


async def test_some_namespaces_stay():
    plugin = NamespaceLifecycle()
    for name in ("default", "kube-system", "kube-public"):
        why = await refusal(plugin, cluster(), "namespaces", None, named(name), operation="DELETE")
        assert why == "this namespace may not be deleted"
    await passes(plugin, cluster(), "namespaces", None, named("ns"), operation="DELETE")


async def test_new_nodes_are_tainted_once():
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    plugin = TaintNodesByCondition()
    assert (await changed(plugin, cluster(), "nodes", named("n")))["spec"]["taints"] == [taint]
    tainted = named("n", spec={"taints": [taint]})
    assert await changed(plugin, cluster(), "nodes", tainted) == tainted
    assert await changed(plugin, cluster(), "nodes", named("n"), named("n")) == named("n")


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ([], ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]),
        (
            [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
            ["node.kubernetes.io/unreachable"],
        ),
        ([{"operator": "Exists"}], []),
        (
            [{"operator": "Exists", "effect": "NoSchedule"}],
            ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"],
        ),
    ],
)
async def test_pods_stay_a_while_where_a_node_fails(given, added):
    new = await changed(DefaultTolerationSeconds(), cluster(), "pods", pod(tolerations=given))
    found = new["spec"]["tolerations"][len(given) :]
    rest = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    assert found == [{"key": key, **rest} for key in added]


async def test_the_newest_default_class_is_taken():
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    classes = [
        ("old", "2026-01-01T00:00:00Z", mark),
        ("b", "2026-01-02T00:00:00Z", mark),
        ("a", "2026-01-02T00:00:00Z", mark),
        ("new", "2026-01-03T00:00:00Z", {}),
    ]
    reader = cluster(
        *(
            (STORAGE, {"metadata": {"name": name, "creationTimestamp": when, "annotations": notes}})
            for name, when, notes in classes
        )
    )
    plugin = DefaultStorageClass()
    claim = await changed(plugin, reader, CLAIMS, named("x", spec={}))
    assert claim["spec"] == {"storageClassName": "a"}
    asked = named("x", spec={"storageClassName": ""})
    assert await changed(plugin, reader, CLAIMS, asked) == asked
    assert await changed(plugin, cluster(), CLAIMS, named("x", spec={})) == named("x", spec={})


async def test_the_default_ingress_class_is_taken():
    mark = {"ingressclass.kubernetes.io/is-default-class": "true"}
    reader = cluster(("ingressclasses.networking.k8s.io", {"metadata": {"name": "i", "annotations": mark}}))
    plugin, name = DefaultIngressClass(), "ingresses.networking.k8s.io"
    assert (await changed(plugin, reader, name, named("x")))["spec"] == {"ingressClassName": "i"}
    legacy = {"metadata": {"name": "x", "annotations": {"kubernetes.io/ingress.class": "y"}}, "spec": {}}
    assert await changed(plugin, reader, name, legacy) == legacy


@pytest.mark.parametrize(
    ("name", "finalizer"),
    [
        (CLAIMS, "kubernetes.io/pvc-protection"),
        ("persistentvolumes", "kubernetes.io/pv-protection"),
        ("volumeattributesclasses.storage.k8s.io", "kubernetes.io/vac-protection"),
    ],
)
async def test_storage_in_use_is_protected(name, finalizer):
    plugin = StorageObjectInUseProtection()
    new = await changed(plugin, cluster(), name, named("x"))
    assert new["metadata"]["finalizers"] == [finalizer]
    assert await changed(plugin, cluster(), name, new) == new
    assert await changed(plugin, cluster(), name, named("x"), named("x")) == named("x")


async def test_which_claims_may_grow():
    def claim(size, phase="Bound", storage="s"):
        spec = {"storageClassName": storage, "resources": {"requests": {"storage": size}}}
        return named("x", spec=spec, status={"phase": phase})

    plugin = PersistentVolumeClaimResize()
    reader = cluster((STORAGE, named("s", allowVolumeExpansion=True)), (STORAGE, named("fixed")))
    await passes(plugin, reader, CLAIMS, claim("2Gi"), claim("1Gi"))
    await passes(plugin, reader, CLAIMS, claim("1Gi"), claim("1Gi", "Pending"))
    why = await refusal(plugin, reader, CLAIMS, claim("2Gi"), claim("1Gi", "Pending"))
    assert why == "Only bound persistent volume claims can be expanded"
    for storage in ("fixed", "nosuch", ""):
        new, old = claim("2Gi", storage=storage), claim("1Gi", storage=storage)
        assert await refusal(plugin, reader, CLAIMS, new, old) == (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
            "must support resize"
        )


# --- priorities

PRIORITIES = (
    (CLASSES, named("high", value=77, preemptionPolicy="Never")),
    (CLASSES, named("all", value=5, globalDefault=True)),
    (CLASSES, named("less", value=3, globalDefault=True)),
)


@pytest.mark.parametrize(
    ("classes", "asked", "name", "value", "policy"),
    [
        ((), None, None, 0, "PreemptLowerPriority"),
        (PRIORITIES, "high", "high", 77, "Never"),
        (PRIORITIES, None, "less", 3, "PreemptLowerPriority"),
    ],
)
async def test_a_class_gives_the_priority(classes, asked, name, value, policy):
    new = pod(**({"priorityClassName": asked} if asked else {}))
    spec = (await changed(Priority(), cluster(*classes), "pods", new))["spec"]
    found = (spec.get("priorityClassName"), spec["priority"], spec["preemptionPolicy"])
    assert found == (name, value, policy)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "nosuch"}, "no PriorityClass with name nosuch was found"),
        (
            {"priorityClassName": "high", "priority": 5},
            "the integer value of priority (5) must not be provided in pod spec; "
            "priority admission controller computed 77 from the given PriorityClass name",
        ),
        (
            {"priorityClassName": "high", "preemptionPolicy": "PreemptLowerPriority"},
            "the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; "
            "priority admission controller computed Never from the given PriorityClass name",
        ),
    ],
)
async def test_no_pod_decides_its_priority(spec, why):
    assert await refusal(Priority(), cluster(*PRIORITIES), "pods", pod(**spec)) == why


async def test_an_update_keeps_the_priority():
    new = await changed(Priority(), cluster(), "pods", pod(), pod(priority=7, preemptionPolicy="Never"))
    assert (new["spec"]["priority"], new["spec"]["preemptionPolicy"]) == (7, "Never")


async def test_one_class_is_for_all():
    reader, plugin = cluster(PRIORITIES[1]), Priority()
    why = await refusal(plugin, reader, CLASSES, named("x", globalDefault=True))
    assert why == "PriorityClass all is already marked as default. Only one default can exist"
    await passes(plugin, reader, CLASSES, named("all", globalDefault=True), named("all"))
    system = named("system-node-critical")
    why = await refusal(plugin, reader, CLASSES, None, system, operation="DELETE")
    assert why == "this is a system priority class and cannot be deleted"


# --- runtime classes


async def test_a_runtime_needs_something_for_itself():
    fixed = {"cpu": "250m"}
    there = {"nodeSelector": {"vm": "yes"}, "tolerations": [{"key": "vm", "operator": "Exists"}]}
    reader = cluster((RUNTIMES, named("vm", overhead={"podFixed": fixed}, scheduling=there)))
    plugin = RuntimeClass()
    asked = pod(runtimeClassName="vm", nodeSelector={"a": "b"}, tolerations=[{"key": "vm", "value": "1"}])
    spec = (await changed(plugin, reader, "pods", asked))["spec"]
    assert spec["overhead"] == fixed
    assert spec["nodeSelector"] == {"a": "b", "vm": "yes"}
    assert spec["tolerations"] == [{"key": "vm", "operator": "Exists"}]
    await passes(plugin, reader, "pods", pod(runtimeClassName="vm", overhead={"cpu": "0.25"}))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"runtimeClassName": "x"}, 'pod rejected: RuntimeClass "x" not found'),
        (
            {"runtimeClassName": "vm", "overhead": {"cpu": "1"}},
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (
            {"overhead": {"cpu": "1"}},
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ),
        (
            {"runtimeClassName": "vm", "nodeSelector": {"vm": "no"}},
            "conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no",
        ),
    ],
)
async def test_what_does_not_fit_a_runtime(spec, why):
    overhead, where = {"podFixed": {"cpu": "250m"}}, {"nodeSelector": {"vm": "yes"}}
    reader = cluster((RUNTIMES, named("vm", overhead=overhead, scheduling=where)))
    assert await refusal(RuntimeClass(), reader, "pods", pod(**spec)) == why
