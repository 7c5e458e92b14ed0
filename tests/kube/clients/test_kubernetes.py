"""PyPI's `kubernetes`, unchanged: typed and dynamic."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import ClusterProcess

kubernetes = pytest.importorskip("kubernetes")
dynamic = pytest.importorskip("kubernetes.dynamic")


@pytest.fixture
def client(cluster: ClusterProcess) -> Iterator[Any]:
    found = kubernetes.config.new_client_from_config(str(cluster.kubeconfig))
    yield found
    found.close()


def test_typed_objects_round_trip(client: Any, namespace: str) -> None:
    api, models = kubernetes.client.AppsV1Api(client), kubernetes.client
    labels = {"app": "a"}
    container = models.V1Container(name="c", image="x", ports=[models.V1ContainerPort(container_port=80)])
    template = models.V1PodTemplateSpec(
        metadata=models.V1ObjectMeta(labels=labels), spec=models.V1PodSpec(containers=[container])
    )
    spec = models.V1DeploymentSpec(selector=models.V1LabelSelector(match_labels=labels), template=template)
    body = models.V1Deployment(metadata=models.V1ObjectMeta(name="d"), spec=spec)
    made = api.create_namespaced_deployment(namespace, body)
    assert made.spec.replicas == 1 and made.spec.template.spec.containers[0].ports[0].protocol == "TCP"
    scaled = api.patch_namespaced_deployment_scale("d", namespace, {"spec": {"replicas": 3}})
    assert scaled.spec.replicas == 3
    with pytest.raises(kubernetes.client.ApiException) as refused:
        api.replace_namespaced_deployment("d", namespace, made)
    assert refused.value.status == 409


def test_a_dynamic_client_applies_and_watches(client: Any, namespace: str, group: str) -> None:
    boats = dynamic.DynamicClient(client).resources.get(api_version=f"{group}/v1", kind="Boat")
    body: dict[str, Any] = {"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "a"}}
    body["spec"] = {"crew": [{"name": "ann"}]}
    boats.server_side_apply(body, namespace=namespace, field_manager="one")
    body["spec"] = {"crew": [{"name": "bob"}]}
    boats.server_side_apply(body, namespace=namespace, field_manager="two")
    found = boats.get(name="a", namespace=namespace)
    assert [one.name for one in found.spec.crew] == ["ann", "bob"]
    patch = {"spec": {"size": 4}}
    boats.patch(body=patch, name="a", namespace=namespace, content_type="application/merge-patch+json")
    events: list[str] = []
    thread = threading.Thread(target=boats.delete, kwargs={"name": "a", "namespace": namespace})
    for event in boats.watch(namespace=namespace, timeout=20):
        events.append(event["type"])
        if event["type"] == "ADDED":
            assert event["object"].spec.size == 4
            thread.start()
        if event["type"] == "DELETED":
            break
    thread.join(20)
    assert events == ["ADDED", "DELETED"]
