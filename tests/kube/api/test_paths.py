"""What paths of the API mean."""

import pytest

from sampan.kube.api.paths import Target, parse


@pytest.mark.parametrize(
    ("path", "group", "version", "namespace", "resource", "name", "subresource", "rest"),
    [
        ("/api/v1/pods", "", "v1", "", "pods", "", "", ""),
        ("/api/v1/namespaces", "", "v1", "", "namespaces", "", "", ""),
        ("/api/v1/namespaces/x", "", "v1", "", "namespaces", "x", "", ""),
        ("/api/v1/namespaces/x/finalize", "", "v1", "", "namespaces", "x", "finalize", ""),
        ("/api/v1/namespaces/x/status", "", "v1", "", "namespaces", "x", "status", ""),
        ("/api/v1/namespaces/x/pods", "", "v1", "x", "pods", "", "", ""),
        ("/api/v1/namespaces/x/pods/p/log", "", "v1", "x", "pods", "p", "log", ""),
        ("/api/v1/namespaces/x/pods/p/proxy/a/b", "", "v1", "x", "pods", "p", "proxy", "a/b"),
        (
            "/apis/apps/v1/namespaces/x/deployments/d/scale",
            "apps",
            "v1",
            "x",
            "deployments",
            "d",
            "scale",
            "",
        ),
        ("/apis/a.b/v1/c", "a.b", "v1", "", "c", "", "", ""),
        ("/api/v1/nodes/system%3Anode%2Fa", "", "v1", "", "nodes", "system:node", "a", ""),
    ],
)
def test_paths_of_resources(
    path: str, group: str, version: str, namespace: str, resource: str, name: str, subresource: str, rest: str
) -> None:
    assert parse(path) == Target(path, group, version, namespace, resource, name, subresource, rest)


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz/x"]
)
def test_other_paths_name_no_resource(path: str) -> None:
    assert parse(path) == Target(path)


def test_the_old_form_of_a_watch() -> None:
    assert parse("/api/v1/watch/namespaces/x/pods").watch
    assert parse("/api/v1/watch/namespaces/x/pods").resource == "pods"
