"""OpenAPI of what is served, in the forms that kubectl asks for."""

import json
from typing import Any

import pytest

from sampan.kube.schema.openapi import gnostic
from sampan.kube.schema.openapi.documents import PROTOBUF, PROTOBUF_OLD, Documents
from sampan.kube.schema.openapi.shapes import Group, ResourceShape, SubresourceShape
from sampan.kube.schema.protodecoding import fields

ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
APPS = "io.k8s.api.apps.v1."
SCALE = SubresourceShape(
    "scale", ("get", "patch", "update"), "autoscaling", "v1", "Scale", "io.k8s.api.autoscaling.v1.Scale"
)
DEPLOYMENTS = ResourceShape(
    "apps", "v1", "Deployment", "deployments", True, ALL, APPS + "Deployment", (SCALE,)
)
NODES = ResourceShape("", "v1", "Node", "nodes", False, ALL, "io.k8s.api.core.v1.Node")
CRONTABS = ResourceShape(
    *("stable.example.com", "v1", "CronTab", "crontabs", True, ALL, "com.example.stable.v1.CronTab"),
    schema={
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"image": {"type": "string", "nullable": True}}}
        },
    },
    stamp="1",
)


class Server:
    """What is served, to be changed by a test."""

    def __init__(self) -> None:
        self.groups = [Group("", {"v1": [NODES]}), Group("apps", {"v1": [DEPLOYMENTS]})]
        self.generation = 0
        self.documents = Documents(lambda: self.groups, lambda: self.generation, "v1.35.3")

    def third(self, path: str) -> dict[str, Any]:
        found = self.documents.v3(path)
        assert found is not None
        return dict(json.loads(found[0]))

    def second(self) -> dict[str, Any]:
        found = self.documents.v2("application/json")
        assert found is not None
        return dict(json.loads(found[0]))


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {ref for one in value for ref in references(one)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {ref for one in value.values() for ref in references(one)}


def test_the_index_names_each_document_by_its_content() -> None:
    server = Server()
    paths = json.loads(server.documents.v3_index({}))["paths"]
    assert {"api", "apis", "version", "api/v1", "apis/apps", "apis/apps/v1"} <= paths.keys()
    url = paths["apis/apps/v1"]["serverRelativeURL"]
    found = server.documents.v3("apis/apps/v1")
    assert found is not None and url == f"/openapi/v3/apis/apps/v1?hash={found[2]}"
    assert server.documents.v3("apis/nosuch/v1") is None


def test_patch_offers_field_validation_and_tells_its_kind() -> None:
    paths = Server().third("apis/apps/v1")["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    queries = {one["name"] for one in patch["parameters"] if one["in"] == "query"}
    assert queries == {"dryRun", "fieldManager", "fieldValidation", "force"}
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert (patch["x-kubernetes-group-version-kind"], patch["x-kubernetes-action"]) == (kind, "patch")
    scale = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["put"]
    assert scale["x-kubernetes-group-version-kind"]["kind"] == "Scale"
    assert paths["/apis/apps/v1/deployments"]["get"]["operationId"] == "listAppsV1DeploymentForAllNamespaces"


def test_whatever_is_referred_to_is_there() -> None:
    server = Server()
    server.groups.append(Group("stable.example.com", {"v1": [CRONTABS]}))
    for path in json.loads(server.documents.v3_index({}))["paths"]:
        found = server.third(path)
        names = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
        assert references(found) <= names, path
    found = server.second()
    assert references(found) <= {f"#/definitions/{name}" for name in found["definitions"]}


def test_fields_say_what_they_are() -> None:
    found = Server().third("apis/apps/v1")["components"]["schemas"]
    spec = found[APPS + "DeploymentSpec"]
    assert spec["required"] == ["selector", "template"]
    assert spec["properties"]["replicas"]["format"] == "int32"
    assert spec["properties"]["strategy"]["default"] == {}
    container = found["io.k8s.api.core.v1.Container"]["properties"]
    assert container["name"]["default"] == "" and "description" in container["name"]
    assert container["env"]["x-kubernetes-list-map-keys"] == ["name"]
    assert found[APPS + "Deployment"]["x-kubernetes-group-version-kind"] == [
        {"group": "apps", "kind": "Deployment", "version": "v1"}
    ]
    quantity = found["io.k8s.apimachinery.pkg.api.resource.Quantity"]
    assert quantity["oneOf"] == [{"type": "string"}, {"type": "number"}]


def test_custom_resources_are_there_as_soon_as_they_are_served() -> None:
    server = Server()
    before = server.documents.v2("")
    server.groups.append(Group("stable.example.com", {"v1": [CRONTABS]}))
    assert "com.example.stable.v1.CronTab" not in server.second()["definitions"]  # nobody has said so
    server.generation += 1
    found = server.third("apis/stable.example.com/v1")["components"]["schemas"][
        "com.example.stable.v1.CronTab"
    ]
    assert set(found["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
    assert found["properties"]["spec"]["properties"]["image"] == {"type": "string", "nullable": True}
    # Version 2 has no word for "or null".
    second = server.second()["definitions"]["com.example.stable.v1.CronTab"]
    assert second["properties"]["spec"]["properties"]["image"] == {}
    after = server.documents.v2("")
    assert before is not None and after is not None and before[2] != after[2]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        (PROTOBUF_OLD, PROTOBUF),
        (f"text/plain, {PROTOBUF};q=0.9", PROTOBUF),
        ("text/plain", None),
    ],
)
def test_forms_of_version_2(accept: str, form: str | None) -> None:
    found = Server().documents.v2(accept)
    assert (found and found[1]) == form


def test_version_2_in_protobuf() -> None:
    found = Server().documents.v2(PROTOBUF)
    assert found is not None
    document = {number: value for number, _, value in fields(found[0])}
    assert document[1] == b"2.0"
    definitions = [{n: v for n, _, v in fields(value)} for _, _, value in fields(document[9])]
    names = [one[1].decode() for one in definitions]
    assert names == sorted(names) and APPS + "Deployment" in names
    assert len(list(fields(document[8]))) == len(Server().second()["paths"])


def test_a_schema_in_protobuf_byte_for_byte() -> None:
    value = {"description": "d", "type": "array", "items": {"$ref": "r"}, "x-a": ["k"]}
    # description=4, type=22 {value=1}, items=23 {schema=1 {$ref=1}}, extension=31 {name=1, value=2 {yaml=2}}
    assert gnostic.schema(value) == (
        b"\x22\x01d" + b"\xb2\x01\x07\n\x05array" + b"\xba\x01\x05\n\x03\n\x01r"
        b"\xfa\x01\x0f\n\x03x-a\x12\x08\x12\x06" + b'["k"]\n'
    )
