"""Bodies and definitions that are small to send and meant to be expensive to read."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kube.attacks.client import Answer, Hostile, encoded, log_of, memory, tracebacks
from tests.support.cluster import ClusterProcess

MAPS = "/api/v1/namespaces/default/configmaps"
NESTED = "[" * 100_000 + "]" * 100_000
LONG = "9" * 5000
JSON_PATCH, MERGE = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
SECONDS = 5.0  # in which a bomb is answered, on a busy machine


@pytest.fixture
def admin(cluster: ClusterProcess) -> Iterator[Hostile]:
    before, log = memory(cluster), log_of(cluster)
    client = Hostile(cluster)
    yield client
    assert client.send("GET", "/readyz").code == 200
    client.close()
    assert not tracebacks(cluster, log)
    assert memory(cluster) - before < 200


def quick(client: Hostile, method: str, path: str, value: Any, media: str = "application/json") -> Answer:
    """The answer to a bomb: soon, and no error of the server's."""
    start = time.monotonic()
    answer = client.send(
        method,
        path,
        value if isinstance(value, bytes) else json.dumps(value).encode(),
        {"Content-Type": media},
    )
    assert time.monotonic() - start < SECONDS, f"{time.monotonic() - start:.1f} s"
    assert answer.code < 500, answer.body[:500]
    return answer


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "spec": {"containers": [{"name": "a", "image": "a"}]}}


@pytest.mark.parametrize(
    "text", [NESTED, LONG, '{"a":' + LONG + "}", "[1e999]", '"\\ud800"', "NaN", "\x00", '{"a\\"b":1}']
)
def test_json_within_texts(admin: Hostile, text: str) -> None:
    for name in ("scheduler.alpha.kubernetes.io/tolerations", "seccomp.security.alpha.kubernetes.io/pod"):
        quick(admin, "POST", "/api/v1/namespaces/default/pods?dryRun=All", pod("a", annotations={name: text}))
    secret = {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": encoded(text)}}
    quick(admin, "POST", "/api/v1/namespaces/default/secrets", secret | {"metadata": {"generateName": "a"}})
    last = {"kubectl.kubernetes.io/last-applied-configuration": text}
    named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a", "annotations": last}}
    made = quick(admin, "POST", MAPS, named).json
    if made["kind"] == "ConfigMap":
        name = made["metadata"]["name"]
        mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}
        quick(admin, "PATCH", f"{MAPS}/{name}?fieldManager=kubectl&force=true", mine, APPLY)
    fields: list[Any] = [{"f:data": {f"{kind}:{text}": {}}} for kind in "vkif"]
    for one in fields:
        entry = {
            "manager": "a",
            "operation": "Update",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": one,
        }
        owned = {"metadata": {"generateName": "a", "managedFields": [entry]}}
        quick(admin, "POST", MAPS, owned)
    anybody = Hostile(admin.cluster, certificate=False)
    token = ".".join(encoded(text).rstrip("=") for _ in range(3))
    if len(token) < 60_000:
        answer = anybody.send("GET", "/api", headers={"Authorization": f"Bearer {token}"})
        assert answer.code == 401, answer.body
    anybody.close()
    answer = admin.send("GET", f"{MAPS}?limit=1&continue={encoded(text)[:60_000]}")
    assert answer.code in (400, 410), answer.body


@pytest.mark.parametrize("text", ["\udcff", "\u00e9", "x" * 60_000, "\t", "%00", "a" * 300 + "\udcff"])
@pytest.mark.parametrize("name", ["User-Agent", "Impersonate-User", "Impersonate-Extra-a", "Authorization"])
def test_headers_that_are_no_text(admin: Hostile, name: str, text: str) -> None:
    headers = {"Content-Type": "application/json", name: text}
    if name.startswith("Impersonate-Extra"):
        headers["Impersonate-User"] = "admin"
    if name.startswith("Impersonate"):
        headers["Impersonate-Group"] = "system:masters"
    named = json.dumps({"metadata": {"generateName": "a"}, "data": {"a": "b"}}).encode()
    assert admin.send("POST", MAPS, named, headers).code < 500
    request = {"request": encoded("x"), "signerName": "a.b/c", "usages": ["client auth"]}
    signing = json.dumps({"metadata": {"generateName": "a"}, "spec": request}).encode()
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    assert admin.send("POST", path, signing, headers).code < 500
    assert admin.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", b"{}", headers).code < 500


def test_many_and_doubling_json_patch_operations(admin: Hostile) -> None:
    admin.json("POST", MAPS, {"metadata": {"name": "patched"}, "data": {"a": "x" * 1000}})
    path = f"{MAPS}/patched"
    add = [{"op": "add", "path": f"/data/k{number}", "value": "x"} for number in range(10_000)]
    assert quick(admin, "PATCH", path, add, JSON_PATCH).code == 200
    assert quick(admin, "PATCH", path, [*add, *add[:1]], JSON_PATCH).code == 413
    double = [{"op": "copy", "from": "/data", "path": f"/data/d{number}"} for number in range(64)]
    assert quick(admin, "PATCH", path, double, JSON_PATCH).code == 422
    turns = [{"op": "add", "path": "/metadata/finalizers", "value": ["a/b"] * 50_000}]
    turns += [{"op": "add", "path": "/metadata/finalizers/0", "value": "a/b"}] * 9_000
    turns += [{"op": "remove", "path": "/metadata/finalizers/0"}] * 900
    quick(admin, "PATCH", path, turns, JSON_PATCH)
    deep = [{"op": "add", "path": "/data" + "/a" * 200_000, "value": 1}]
    assert quick(admin, "PATCH", path, deep, JSON_PATCH).code == 422


def test_huge_lists_are_merged_in_linear_time(admin: Hostile) -> None:
    admin.json("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "listed"}})
    path = "/api/v1/namespaces/default/serviceaccounts/listed"
    names = [{"name": f"s{number}"} for number in range(20_000)]
    for _ in range(2):
        assert quick(admin, "PATCH", path, {"secrets": names}, STRATEGIC).code == 200
    order = {"$setElementOrder/secrets": names[::-1], "secrets": names[::-1]}
    assert quick(admin, "PATCH", path, order, STRATEGIC).code == 200
    gone = {"secrets": [{"$patch": "delete", **one} for one in names]}
    assert quick(admin, "PATCH", path, gone, STRATEGIC).code == 200
    applied = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "listed"}, "secrets": names}
    for manager in ("one", "two", "one"):
        quick(admin, "PATCH", f"{path}?fieldManager={manager}&force=true", applied, APPLY)


def test_a_thousand_managers(admin: Hostile) -> None:
    fields = {"f:data": {f"f:k{number}": {} for number in range(20)}}
    entries = [
        {
            "manager": f"m{number}",
            "operation": "Apply",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }
        for number in range(3000)
    ]
    data = {f"k{number}": "v" for number in range(20)}
    quick(admin, "POST", MAPS, {"metadata": {"name": "managed", "managedFields": entries}, "data": data})
    applied = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "managed"},
        "data": dict.fromkeys(data, "w"),
    }
    quick(admin, "PATCH", f"{MAPS}/managed?fieldManager=me", applied, APPLY)
    quick(admin, "PATCH", f"{MAPS}/managed?fieldManager=me&force=true", applied, APPLY)


def test_selectors_of_ten_thousand_values(admin: Hostile) -> None:
    for selector in (
        f"a+in+({','.join(f'v{n}' for n in range(10_000))})",
        ",".join(["a!=b"] * 10_000),
        "(" * 50_000,
    ):
        for parameter in ("labelSelector", "fieldSelector"):
            quick(admin, "GET", f"{MAPS}?{parameter}={selector}", b"")
    expression = {"key": "a", "operator": "In", "values": [f"v{number}" for number in range(50_000)]}
    claim = {"metadata": {"name": "sel"}, "spec": {"podSelector": {"matchExpressions": [expression] * 5}}}
    quick(admin, "POST", "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies", claim)


def definition(plural: str, schema: dict[str, Any]) -> dict[str, Any]:
    spec = {
        "group": "bombs.example.com",
        "scope": "Namespaced",
        "names": {"plural": plural, "singular": plural[:-1], "kind": plural[:-1].title()},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
    }
    return {"metadata": {"name": f"{plural}.bombs.example.com"}, "spec": spec}


DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def spec_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": schema}}


def test_deep_and_wide_schemas(admin: Hostile) -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(150):
        deep = {"type": "object", "properties": {"a": deep}}
    quick(admin, "POST", DEFINITIONS, definition("deeps", deep))
    junctors: dict[str, Any] = {"minLength": 1}
    for _ in range(12):
        junctors = {"allOf": [junctors, junctors], "not": {"anyOf": [{}, {}]}}
    quick(admin, "POST", DEFINITIONS, definition("joints", spec_of({"type": "string", **junctors})))
    wide = {"type": "object", "properties": {f"f{number}": {"type": "string"} for number in range(10_000)}}
    quick(admin, "POST", DEFINITIONS, definition("wides", spec_of(wide)))


def served(admin: Hostile, plural: str) -> str:
    path = f"/apis/bombs.example.com/v1/namespaces/default/{plural}"
    end = time.monotonic() + 10
    while admin.send("GET", path).code != 200:
        assert time.monotonic() < end
    return path


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "(a|a)*$", "(.*a){25}", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y"]
)
def test_patterns_that_backtrack_without_end(admin: Hostile, pattern: str) -> None:
    plural = f"p{sum(pattern.encode())}s"
    made = quick(
        admin, "POST", DEFINITIONS, definition(plural, spec_of({"type": "string", "pattern": pattern}))
    )
    assert made.code == 201, made.body
    path = served(admin, plural)
    for text in ("a" * 5000 + "!", "x" * 5000, "aaaa " * 1000):
        quick(admin, "POST", path, {"apiVersion": "bombs.example.com/v1", "kind": plural[:-1].title(), "metadata": {"generateName": "a"}, "spec": text})  # fmt: skip


EXPRESSIONS = (
    "self.all(a, self.all(b, self.all(c, self.all(d, a + b + c + d != 'x'))))",
    "self.map(a, self.map(b, self.map(c, self))).size() > 0",
    "self[0].matches('^(a+)+$')",
    "[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, [1,2,3,4,5,6,7,8,9].all(f, [1,2,3,4,5,6,7,8,9].all(g, true)))))))",
    "(" * 400 + "true" + ")" * 400,
    "!" * 5000 + "true",
    "-" * 5000 + "1 == 1",
    " + ".join(["1"] * 3000) + " > 0",
    "true" + " && true" * 20_000,
    "[" * 300 + "]" * 300 + " == []",
    "self.map(x, x + x + x + x + x + x).map(x, x + x + x + x + x + x).map(x, x + x + x + x).size() > 0",
    "'%s'.format([self]).size() > 0",
    "self.join('x').replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').replace('a', 'aaaaaaaaaaaaaaaaaaaaa').size() > 0",
)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_rules_that_cost_too_much(admin: Hostile, expression: str) -> None:
    plural = f"c{EXPRESSIONS.index(expression)}s"
    for at, more in enumerate(({}, {"maxItems": 30})):
        items = {"type": "string", **({"maxLength": 5000} if more else {})}
        schema = {"type": "array", "items": items, "x-kubernetes-validations": [{"rule": expression}], **more}
        name = f"{plural[:-1]}{'x' * at}s"
        made = quick(admin, "POST", DEFINITIONS, definition(name, spec_of(schema)))
        if made.code == 201:
            value = {
                "apiVersion": "bombs.example.com/v1",
                "kind": name[:-1].title(),
                "spec": ["a" * 5000] * 30,
            }
            quick(admin, "POST", served(admin, name), {**value, "metadata": {"name": "a"}})


def test_expressions_of_policies(admin: Hostile) -> None:
    base = "/apis/admissionregistration.k8s.io/v1/"
    for number, expression in enumerate(EXPRESSIONS):
        expression = expression.replace("self", "object.data.list")
        spec = {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["*"],
                        "resources": ["configmaps"],
                    }
                ]
            },
            "validations": [{"expression": expression}],
        }
        quick(
            admin,
            "POST",
            base + "validatingadmissionpolicies",
            {"metadata": {"name": f"p{number}"}, "spec": spec},
        )
        binding = {"policyName": f"p{number}", "validationActions": ["Warn"]}
        quick(admin, "POST", base + "validatingadmissionpolicybindings", {"metadata": {"name": f"p{number}"}, "spec": binding})  # fmt: skip
    quick(admin, "POST", MAPS, {"metadata": {"name": "judged"}, "data": {"list": "a" * 50_000}})
    for plural in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        quick(admin, "DELETE", base + plural, b"")
