"""Who has little asks for more."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kube.attacks.client import Answer, Hostile, encoded, token_client
from tests.support.cluster import ClusterProcess

RBAC = "/apis/rbac.authorization.k8s.io/v1"
SPACE = "/api/v1/namespaces/low"
SECRET = "very-secret-words"


@pytest.fixture(scope="module")
def admin(cluster: ClusterProcess) -> Iterator[Hostile]:
    client = Hostile(cluster)
    for path, value in (
        ("/api/v1/namespaces", {"metadata": {"name": "low"}}),
        (f"{SPACE}/serviceaccounts", {"metadata": {"name": "low"}}),
        (f"{SPACE}/secrets", {"metadata": {"name": "kept"}, "data": {"a": encoded(SECRET)}}),
    ):
        assert client.json("POST", path, value).code == 201
    # May write roles and bindings in its namespace, read pods, and nothing more.
    rules = [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "create", "update", "patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["update", "patch"]},
        {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]},
    ]  # fmt: skip
    assert (
        client.json("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "low"}, "rules": rules}).code == 201
    )
    subjects = [{"kind": "ServiceAccount", "name": "low", "namespace": "low"}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "low"}
    binding = {"metadata": {"name": "low"}, "subjects": subjects, "roleRef": role}
    assert client.json("POST", f"{RBAC}/clusterrolebindings", binding).code == 201
    yield client
    client.close()


class Low:
    def __init__(self, cluster: ClusterProcess) -> None:
        self.client, self.headers = token_client(cluster, "low", "low")

    def send(self, method: str, path: str, value: Any = None, **more: str) -> Answer:
        body = b"" if value is None else json.dumps(value).encode()
        headers = self.headers | {name.replace("_", "-"): text for name, text in more.items()}
        return self.client.send(method, path, body, headers)


@pytest.fixture
def low(cluster: ClusterProcess, admin: Hostile) -> Iterator[Low]:
    found = Low(cluster)
    assert found.send("GET", f"{SPACE}/pods").code == 200
    yield found
    found.client.close()


def test_roles_beyond_ones_own_are_not_written_or_bound(low: Low) -> None:
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    more = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    for kind in ("clusterroles", "namespaces/low/roles"):
        for rules in (everything, more, [{"nonResourceURLs": ["*"], "verbs": ["*"]}]):
            made = low.send("POST", f"{RBAC}/{kind}", {"metadata": {"name": "up"}, "rules": rules})
            assert made.code in (403, 422), made.body
    for verb, value in (("PATCH", {"rules": more}), ("PUT", {"metadata": {"name": "low"}, "rules": more})):
        assert low.send(verb, f"{RBAC}/clusterroles/low", value, Content_Type="application/json" if verb == "PUT" else "application/merge-patch+json").code == 403  # fmt: skip
    applied = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "low"},
        "rules": more,
    }
    assert low.send("PATCH", f"{RBAC}/clusterroles/low?fieldManager=a&force=true", applied, Content_Type="application/apply-patch+yaml").code == 403  # fmt: skip
    # By labels: what collects roles would collect everybody's.
    collecting = {
        "metadata": {"name": "sum"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
    }
    assert low.send("POST", f"{RBAC}/clusterroles", collecting).code == 403
    subjects = [{"kind": "ServiceAccount", "name": "low", "namespace": "low"}]
    for name in ("cluster-admin", "system:node", "admin", "not-there"):
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        value = {"metadata": {"name": "up"}, "subjects": subjects, "roleRef": role}
        for kind in ("clusterrolebindings", "namespaces/low/rolebindings"):
            assert low.send("POST", f"{RBAC}/{kind}", value).code in (403, 404), name
    assert low.send("GET", f"{SPACE}/secrets/kept").code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/low/secrets/kept",
        "/api/v1/namespaces/low/pods/../secrets/kept",
        "/api/v1/namespaces/low/pods/%2e%2e/secrets/kept",
        "/api/v1/namespaces/low/pods%2f..%2fsecrets/kept",
        "/api/v1/namespaces/low/pods/..%2fsecrets%2fkept",
        "/api//v1//namespaces//low//secrets//kept",
        "//api/v1/namespaces/low/secrets/kept",
        "/./api/v1/namespaces/low/secrets/kept",
        "/api/v1/namespaces/low/Secrets/kept",
        "/API/v1/namespaces/low/secrets/kept",
        "/api/v1/watch/namespaces/low/secrets/kept?timeoutSeconds=1",
        "/api/v1/namespaces/low/secrets?fieldSelector=metadata.name=kept",
        "/api/v1/namespaces/low/secrets/kept?resource=pods",
        "/api/v1/namespaces/low/secrets;x=/pods",
        "/api/v1/namespaces/low/secrets/kept#/pods",
        "/api/v1/namespaces/low%00/secrets/kept",
        "/api/v1/namespaces/low/pods?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi9zZWNyZXRzIn0",
        "http://x/api/v1/namespaces/low/secrets/kept",
        "/apis/apiregistration.k8s.io/../../api/v1/namespaces/low/secrets/kept",
        "*",
        "/%61pi/v1/namespaces/low/s%65crets/kept",
    ],
)
def test_other_names_of_a_path_lead_around_no_check(low: Low, path: str) -> None:
    answer = low.send("GET", path)
    assert answer.code in (301, 400, 403, 404, 410), (answer.code, answer.body[:300])
    assert encoded(SECRET).encode() not in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Impersonate_User": "admin"},
        {"Impersonate_User": "system:serviceaccount:kube-system:namespace-controller"},
        {"Impersonate_Group": "system:masters"},
        {"Impersonate_User": "system:node:a", "Impersonate_Group": "system:nodes"},
        {"impersonate_uid": "1", "IMPERSONATE_USER": "low"},
        {"Impersonate_Extra_scopes": "x", "Impersonate_User": "system:serviceaccount:low:low"},
        {"Impersonate_": "x", "Impersonate_Userx": "admin"},
        {"X_Remote_User": "admin", "X_Remote_Group": "system:masters"},
    ],
)
def test_nobody_becomes_somebody_else(low: Low, headers: dict[str, str]) -> None:
    answer = low.send("GET", f"{SPACE}/secrets/kept", **headers)
    assert answer.code in (400, 403), answer.body


def test_methods_in_disguise(low: Low) -> None:
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert low.client.send("GET", f"{SPACE}/secrets", headers={**low.headers, name: "POST"}).code == 403
    assert low.send("GET", f"{SPACE}/pods?watch=1&timeoutSeconds=1").code == 403
    assert low.send("DELETE", f"{SPACE}/pods").code == 403
    assert low.send("HEAD", f"{SPACE}/secrets/kept").code in (403, 405)


def test_who_may_change_may_not_therefore_create(low: Low) -> None:
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}
    path = f"{SPACE}/configmaps/new"
    applied = low.send("PATCH", f"{path}?fieldManager=a", value, Content_Type="application/apply-patch+yaml")
    assert applied.code == 403, applied.body
    assert low.send("PUT", path, value).code in (403, 404)


def test_what_connects_needs_create(low: Low, admin: Hostile) -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    assert admin.json("POST", f"{SPACE}/pods", pod).code == 201
    for headers in ({}, {"Upgrade": "websocket", "Connection": "Upgrade"}):
        assert low.send("GET", f"{SPACE}/pods/a/exec?command=id", **headers).code == 403
    for path in ("pods/a/proxy/x", "pods/a/attach", "pods/a/portforward", "services/a/proxy", "pods/a/log"):
        assert low.send("GET", f"{SPACE}/{path}").code == 403
    assert low.send("GET", "/api/v1/nodes/a/proxy/run").code == 403


def test_a_token_ends_with_what_it_is_bound_to(cluster: ClusterProcess, admin: Hostile) -> None:
    path = f"{SPACE}/serviceaccounts"
    assert admin.json("POST", path, {"metadata": {"name": "gone"}}).code == 201
    pod = {
        "metadata": {"name": "bound"},
        "spec": {"serviceAccountName": "gone", "containers": [{"name": "a", "image": "a"}]},
    }
    made = admin.json("POST", f"{SPACE}/pods", pod)
    assert made.code == 201, made.body
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "bound", "uid": made.json["metadata"]["uid"]}
    token = admin.json("POST", f"{path}/gone/token", {"spec": {"boundObjectRef": reference}}).json["status"][
        "token"
    ]
    other = {**reference, "uid": "not-this"}
    assert admin.json("POST", f"{path}/gone/token", {"spec": {"boundObjectRef": other}}).code == 409
    assert admin.send("DELETE", f"{SPACE}/pods/bound?gracePeriodSeconds=0").code == 200
    anybody = Hostile(cluster, certificate=False)
    assert anybody.send("GET", "/api", headers={"Authorization": f"Bearer {token}"}).code == 401
    _, headers = token_client(cluster, "low", "gone")
    assert admin.send("DELETE", f"{path}/gone").code == 200
    assert admin.json("POST", path, {"metadata": {"name": "gone"}}).code == 201
    assert anybody.send("GET", "/api", headers=headers).code == 401  # another account of that name
    anybody.close()


def test_a_node_reaches_what_is_its_own_only(cluster: ClusterProcess, admin: Hostile) -> None:
    node = {
        "Impersonate-User": "system:node:n1",
        "Impersonate-Group": "system:nodes",
        "Content-Type": "application/json",
    }
    for path in (
        f"{SPACE}/secrets/kept",
        f"{SPACE}/secrets",
        "/api/v1/secrets",
        f"{SPACE}/configmaps/kube-root-ca.crt",
    ):
        assert admin.send("GET", path, headers=node).code == 403, path
    pod = {"metadata": {"name": "x"}, "spec": {"nodeName": "n2", "containers": [{"name": "a", "image": "a"}]}}
    assert admin.send("POST", f"{SPACE}/pods", json.dumps(pod).encode(), node).code == 403
    pod["spec"] |= {"nodeName": "n1", "volumes": [{"name": "a", "secret": {"secretName": "kept"}}]}  # type: ignore[operator]
    assert admin.send("POST", f"{SPACE}/pods", json.dumps(pod).encode(), node).code == 403
    assert admin.send("POST", "/api/v1/nodes", b'{"metadata":{"name":"n2"}}', node).code == 403
    named = b'{"metadata":{"name":"n1","labels":{"node-restriction.kubernetes.io/a":"b"}}}'
    assert admin.send("POST", "/api/v1/nodes", named, node).code == 403
    assert admin.send("POST", f"{SPACE}/serviceaccounts/low/token", b"{}", node).code == 403


def test_anybody_sees_health_and_version_only(cluster: ClusterProcess, admin: Hostile) -> None:
    anybody = Hostile(cluster, certificate=False)
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert anybody.send("GET", path).code == 200
    for path in (
        "/api",
        "/apis",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/openid/v1/jwks",
        "/logs",
        "/debug/pprof",
        "/",
        "/api/v1",
    ):
        assert anybody.send("GET", path).code == 403, path
    anybody.close()


def test_nothing_in_the_data_is_for_others(cluster: ClusterProcess, admin: Hostile) -> None:
    assert stat.S_IMODE(os.stat(cluster.kubeconfig).st_mode) == 0o600
    for place, _, files in os.walk(cluster.data):
        mode = stat.S_IMODE(os.stat(place).st_mode)
        assert mode & 0o077 == 0, (place, oct(mode))
        for name in files:
            mode = stat.S_IMODE(os.stat(os.path.join(place, name)).st_mode)
            assert mode & 0o077 == 0, (name, oct(mode))


def test_secrets_are_nowhere_in_the_clear(cluster: ClusterProcess, admin: Hostile) -> None:
    patch = json.dumps({"data": {"b": encoded(SECRET)}}).encode()
    merge = {"Content-Type": "application/merge-patch+json"}
    assert admin.send("PATCH", f"{SPACE}/secrets/kept", patch, merge).code == 200
    bad = admin.json("POST", f"{SPACE}/secrets", {"metadata": {"name": "B_"}, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": encoded(SECRET)}})  # fmt: skip
    assert bad.code == 422 and encoded(SECRET).encode() not in bad.body
    for place, _, files in os.walk(cluster.directory):
        for name in files:
            path = Path(place, name)
            data = path.read_bytes() if path.is_file() else b""  # of a socket nothing can be read
            assert SECRET.encode() not in data and encoded(SECRET).encode() not in data, name
