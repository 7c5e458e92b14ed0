"""A cluster through its public door: `sampan kube`, kubectl and the Python client, unchanged."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import ClusterProcess, namespace_of, running
from tests.support.poll import until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    with running(tmp_path_factory.mktemp("cluster"), "--fake-nodes", "2") as found:
        yield found


@pytest.fixture
def namespace(cluster: ClusterProcess) -> Iterator[str]:
    with namespace_of(cluster) as name:
        yield name


def free_name() -> str:
    import secrets

    return secrets.token_hex(4)


def exists(cluster: ClusterProcess, *args: str) -> bool:
    return bool(cluster.kubectl("get", *args, "--ignore-not-found", "-o", "name"))


def test_what_a_cluster_has_from_its_start(cluster: ClusterProcess) -> None:
    namespaces = {one["metadata"]["name"] for one in cluster.get("namespaces")["items"]}
    assert {"default", "kube-system", "kube-public", "kube-node-lease"} <= namespaces
    service = cluster.get("service", "kubernetes")
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    assert len(cluster.get("clusterroles")["items"]) > 60


def test_fake_nodes_are_ready_and_untainted(cluster: ClusterProcess) -> None:
    nodes = cluster.get("nodes")["items"]
    assert len(nodes) == 2
    for node in nodes:
        assert "taints" not in node["spec"]
        ready = [one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready"]
        assert ready == ["True"]


def test_parts_of_the_control_plane_are_asked_for_their_health(cluster: ClusterProcess) -> None:
    assert cluster.get("cs", "etcd-0")["conditions"] == [
        {"type": "Healthy", "status": "True", "message": "ok"}
    ]
    found = {one["metadata"]["name"]: one["conditions"][0]["message"] for one in cluster.get("cs")["items"]}
    assert set(found) == {"etcd-0", "scheduler", "controller-manager"}
    # Of a part that has just been started it takes a moment.
    until(
        lambda: "Healthy" in cluster.kubectl("get", "cs", "controller-manager").split(), "a leader is found"
    )
    assert "etcd-0   Healthy" in cluster.kubectl("get", "cs", "--field-selector", "metadata.name=etcd-0")
    assert 'componentstatus "x" not found' in cluster.kubectl("get", "cs", "x", check=False)
    assert "is not a known field selector" in cluster.kubectl(
        "get", "cs", "--field-selector", "a=b", check=False
    )


def test_objects_come_and_go_by_kubectl(cluster: ClusterProcess, namespace: str) -> None:
    cluster.kubectl("-n", namespace, "create", "configmap", "a", "--from-literal=x=1")
    assert cluster.get("-n", namespace, "configmap", "a")["data"] == {"x": "1"}
    cluster.kubectl("-n", namespace, "patch", "configmap", "a", "-p", '{"data":{"y":"2"}}')
    assert cluster.get("-n", namespace, "configmap", "a")["data"] == {"x": "1", "y": "2"}
    cluster.kubectl("-n", namespace, "label", "configmap", "a", "tier=one")
    listed = cluster.get("-n", namespace, "configmaps", "-l", "tier=one")["items"]
    assert [one["metadata"]["name"] for one in listed] == ["a"]
    cluster.kubectl("-n", namespace, "delete", "configmap", "a")
    assert "NotFound" in cluster.kubectl("-n", namespace, "get", "configmap", "a", check=False)


def test_server_side_apply_tells_conflicts(cluster: ClusterProcess, namespace: str) -> None:
    first = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {namespace}}}\ndata: {{x: '1'}}\n"
    )
    cluster.kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=first)
    second = first.replace("'1'", "'2'")
    refused = cluster.kubectl(
        "apply", "--server-side", "--field-manager=two", "-f", "-", stdin=second, check=False
    )
    assert 'conflict with "one": .data.x' in refused
    cluster.kubectl(
        "apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=second
    )
    assert cluster.get("-n", namespace, "configmap", "a")["data"] == {"x": "2"}


def test_wrong_objects_are_refused_in_kubernetes_words(cluster: ClusterProcess, namespace: str) -> None:
    bad = '{"apiVersion":"v1","kind":"Service","metadata":{"name":"Bad_"},"spec":{"ports":[{"port":0}]}}'
    said = cluster.kubectl("-n", namespace, "create", "--validate=false", "-f", "-", stdin=bad, check=False)
    assert "a DNS-1035 label must consist of" in said
    assert "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535" in said


def test_services_get_addresses_of_their_own(cluster: ClusterProcess, namespace: str) -> None:
    for name in ("a", "b"):
        cluster.kubectl("-n", namespace, "create", "service", "nodeport", name, "--tcp=80")
    services = cluster.get("-n", namespace, "services")["items"]
    assert len({one["spec"]["clusterIP"] for one in services}) == 2
    ports = {one["spec"]["ports"][0]["nodePort"] for one in services}
    assert len(ports) == 2 and all(30000 <= port <= 32767 for port in ports)
    taken = {one["metadata"]["name"] for one in cluster.get("ipaddresses")["items"]}
    assert {one["spec"]["clusterIP"] for one in services} <= taken
    cluster.kubectl("-n", namespace, "delete", "services", "--all")
    left = {one["metadata"]["name"] for one in cluster.get("ipaddresses")["items"]}
    assert not left & {one["spec"]["clusterIP"] for one in services}


def test_every_namespace_has_an_account_and_the_certificates(cluster: ClusterProcess, namespace: str) -> None:
    until(lambda: exists(cluster, "-n", namespace, "serviceaccount", "default"), "its account")
    until(lambda: exists(cluster, "-n", namespace, "configmap", "kube-root-ca.crt"), "its certificates")


def test_a_namespace_goes_with_everything_in_it(cluster: ClusterProcess) -> None:
    name = "gone-" + free_name()
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("-n", name, "create", "secret", "generic", "s", "--from-literal=a=b")
    cluster.kubectl("delete", "namespace", name, "--wait=false")
    until(lambda: not exists(cluster, "namespace", name), "the namespace gone")
    cluster.kubectl("create", "namespace", name)
    assert not exists(cluster, "-n", name, "secret", "s")
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_dependents_go_after_their_owner(cluster: ClusterProcess, namespace: str) -> None:
    cluster.kubectl("-n", namespace, "create", "configmap", "owner")
    uid = cluster.get("-n", namespace, "configmap", "owner")["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    child: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap"}
    child["metadata"] = {"name": "child", "namespace": namespace, "ownerReferences": [reference]}
    cluster.create(child)
    cluster.kubectl("-n", namespace, "delete", "configmap", "owner")
    until(lambda: not exists(cluster, "-n", namespace, "configmap", "child"), "the child gone")


def test_custom_resources_are_served_as_soon_as_they_are_defined(
    cluster: ClusterProcess, namespace: str
) -> None:
    group = f"{free_name()}.example.com"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 3}}}},
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"boats.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "boats", "kind": "Boat", "singular": "boat"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    cluster.create(definition)
    cluster.kubectl("wait", "--for=condition=Established", f"crd/boats.{group}")
    boat: dict[str, Any] = {"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "a"}}
    boat["spec"] = {"size": 4}
    said = cluster.create(boat, "-n", namespace, check=False)
    assert "should be less than or equal to 3" in said
    boat["spec"] = {"size": 2}
    cluster.create(boat, "-n", namespace)
    assert cluster.get("-n", namespace, f"boats.{group}", "a")["spec"] == {"size": 2}
    cluster.kubectl("delete", "crd", f"boats.{group}")


def test_roles_say_who_may_do_what(cluster: ClusterProcess, namespace: str) -> None:
    refused = cluster.kubectl("-n", namespace, "get", "pods", "--as=jane", check=False)
    assert 'User "jane" cannot list resource "pods"' in refused
    cluster.kubectl("-n", namespace, "create", "role", "reader", "--verb=list", "--resource=pods")
    cluster.kubectl("-n", namespace, "create", "rolebinding", "jane", "--role=reader", "--user=jane")
    said = ("-n", namespace, "get", "pods", "--as=jane")
    until(lambda: "forbidden" not in cluster.kubectl(*said, check=False), "the role counted")


def test_the_python_client_watches(cluster: ClusterProcess, namespace: str) -> None:
    kubernetes = pytest.importorskip("kubernetes")
    configuration = kubernetes.config.new_client_from_config(str(cluster.kubeconfig))
    api = kubernetes.client.CoreV1Api(configuration)
    version = api.list_namespaced_config_map(namespace).metadata.resource_version
    watch = kubernetes.watch.Watch()
    seen: list[tuple[str, str]] = []

    def follow() -> None:
        for event in watch.stream(api.list_namespaced_config_map, namespace, resource_version=version):
            if event["object"].metadata.name == "w":
                seen.append((event["type"], event["object"].metadata.name))
                if event["type"] == "DELETED":
                    watch.stop()

    thread = threading.Thread(target=follow)
    thread.start()
    body = kubernetes.client.V1ConfigMap(metadata=kubernetes.client.V1ObjectMeta(name="w"), data={"a": "1"})
    api.create_namespaced_config_map(namespace, body)
    api.patch_namespaced_config_map("w", namespace, {"data": {"a": "2"}})
    api.delete_namespaced_config_map("w", namespace)
    thread.join(30)
    configuration.close()
    assert seen == [("ADDED", "w"), ("MODIFIED", "w"), ("DELETED", "w")]


def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    cluster = ClusterProcess(tmp_path)
    cluster.up("--controllers", "false")
    cluster.kubectl("create", "configmap", "kept", "--from-literal=a=b")
    cluster.kubectl("create", "secret", "generic", "hidden", "--from-literal=password=hunter2")
    before = cluster.get("configmap", "kept")["metadata"]
    cluster.kill()
    stored = b"".join(path.read_bytes() for path in cluster.data.glob("store.db*"))
    assert b"hunter2" not in stored and b"aHVudGVyMg" not in stored
    cluster.up("--controllers", "false")
    after = cluster.get("configmap", "kept")["metadata"]
    assert (after["uid"], after["resourceVersion"]) == (before["uid"], before["resourceVersion"])
    assert cluster.get("secret", "hidden")["data"] == {"password": "aHVudGVyMg=="}
    cluster.down()


def test_up_twice_is_once_and_down_twice_as_well(tmp_path: Path) -> None:
    cluster = ClusterProcess(tmp_path)
    assert cluster.command("status").returncode == 3
    cluster.up("--controllers", "false")
    assert cluster.command("up").returncode == 0
    status = cluster.command("status")
    assert status.returncode == 0 and str(cluster.kubeconfig) in status.stdout
    assert cluster.command("kubeconfig").stdout == cluster.kubeconfig.read_text()
    cluster.down()
    cluster.down()
    assert cluster.command("reset").returncode == 1, "not without being asked twice"
    assert cluster.command("reset", "--force").returncode == 0
    assert not cluster.data.exists()


def test_a_list_goes_on_while_there_is_anything_left_to_look_at(
    cluster: ClusterProcess, namespace: str
) -> None:
    for name in ("a", "b"):
        cluster.kubectl("-n", namespace, "create", "configmap", name)
        cluster.kubectl("-n", namespace, "label", "configmap", name, "x=y")
    until(lambda: exists(cluster, "-n", namespace, "configmap", "kube-root-ca.crt"), "it has the authority")
    path = f"/api/v1/namespaces/{namespace}/configmaps?labelSelector=x%3Dy&limit="
    first = json.loads(cluster.kubectl("get", "--raw", f"{path}2"))
    assert [one["metadata"]["name"] for one in first["items"]] == ["a", "b"]
    rest = json.loads(cluster.kubectl("get", "--raw", f"{path}2&continue={first['metadata']['continue']}"))
    assert rest["items"] == [] and "continue" not in rest["metadata"]
    assert "continue" not in json.loads(cluster.kubectl("get", "--raw", f"{path}3"))["metadata"]
