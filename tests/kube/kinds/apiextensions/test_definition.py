"""What is wrong with definitions, in upstream's words."""

from copy import deepcopy
from typing import Any

import pytest

from sampan.kube.kinds.apiextensions.customresourcedefinition import RESOURCE
from tests.kube.kinds.apiextensions.definitions import CONTEXT, definition, established, version


def errors(crd: dict[str, Any]) -> list[str]:
    return [str(one) for one in RESOURCE.validate(crd, CONTEXT)]


def of_schema(**spec: Any) -> dict[str, Any]:
    return definition(version(schema={"type": "object", "properties": {"spec": spec}}))


def test_a_plain_definition_is_valid_and_has_its_defaults() -> None:
    crd = definition()
    assert errors(crd) == []
    assert crd["spec"]["names"]["listKind"] == "FooList"
    assert crd["spec"]["names"]["singular"] == "foo"
    assert crd["spec"]["conversion"] == {"strategy": "None"}
    assert crd["status"]["storedVersions"] == ["v1"]


P = "spec.validation.openAPIV3Schema"


@pytest.mark.parametrize(
    ("crd", "message"),
    [
        (
            definition(group="example"),
            'spec.group: Invalid value: "example": should be a domain with at least one dot',
        ),
        (definition(group="Ex.com"), 'spec.group: Invalid value: "Ex.com": a lowercase RFC 1123 subdomain'),
        (
            definition(group="other.com"),
            'metadata.name: Invalid value: "foos.example.com": must be spec.names.plural+"."+spec.group',
        ),
        (
            definition(scope="All"),
            'spec.scope: Unsupported value: "All": supported values: "Cluster", "Namespaced"',
        ),
        (definition(version(), version("v2")), "must have exactly one version marked as storage version"),
        (definition(version(storage=False)), "must have exactly one version marked as storage version"),
        (definition(version(), version(storage=False)), "must contain unique version names"),
        (definition(version("V1")), 'spec.versions[0].name: Invalid value: "V1": a DNS-1035 label'),
        (definition(version(deprecationWarning="x")), "can only be set for deprecated versions"),
        (
            definition(conversion={"strategy": "Webhook"}),
            "spec.conversion.webhookClientConfig: Required value",
        ),
        (definition(conversion={"strategy": "Magic"}), 'supported values: "None", "Webhook"'),
        (
            of_schema(),
            f"{P}.properties[spec].type: Required value: must not be empty for specified object fields",
        ),
        (of_schema(type="strange"), f"{P}.properties[spec].type: Unsupported value"),
        (of_schema(type="array"), f"{P}.properties[spec].items: Required value: must be specified"),
        (
            of_schema(type="object", properties={"a": {"type": "integer"}}, additionalProperties=False),
            "mutual exclusive",
        ),
        (
            of_schema(type="array", items={"type": "string"}, uniqueItems=True),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        ),
        (of_schema(type="string", pattern="("), "must be a valid regular expression"),
        (of_schema(type="integer", default="x"), f"{P}.properties[spec].default: Invalid value"),
        (
            of_schema(type="array", items={"type": "object"}, **{"x-kubernetes-list-type": "map"}),
            "x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
        ),
        (
            of_schema(type="integer", **{"x-kubernetes-validations": [{"rule": "self.x > 1"}]}),
            "compilation failed: ERROR: <input>:1:5: type 'int' does not support field selection",
        ),
        (
            of_schema(type="integer", **{"x-kubernetes-validations": [{"rule": "self + 1"}]}),
            "must evaluate to a bool",
        ),
        (
            of_schema(
                type="array",
                items={"type": "string"},
                **{"x-kubernetes-validations": [{"rule": "self.all(a, self.all(b, a == b))"}]},
            ),
            "estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule",
        ),
        (
            definition(
                version(
                    subresources={
                        "scale": {"specReplicasPath": ".status.x", "statusReplicasPath": ".status.y"}
                    }
                )
            ),
            "should be a json path under .spec",
        ),
        (
            definition(version(additionalPrinterColumns=[{"name": "a", "type": "odd", "jsonPath": ".a"}])),
            "must be one of boolean,date,integer,number,string",
        ),
        (definition(version(selectableFields=[{"jsonPath": ".spec.nosuch"}])), "is an invalid path"),
    ],
)
def test_what_is_wrong_with_a_definition(crd: dict[str, Any], message: str) -> None:
    found = errors(crd)
    assert any(message in one for one in found), found


def update_errors(old: dict[str, Any], **spec: Any) -> list[str]:
    new = deepcopy(old)
    new["spec"].update(spec)
    RESOURCE.prepare_update(new, old, CONTEXT)
    assert RESOURCE.validate_update is not None
    return [str(one) for one in RESOURCE.validate_update(new, old, CONTEXT)]


def test_what_established_definitions_cannot_change() -> None:
    old = established(definition())
    assert update_errors(old) == []
    assert 'spec.scope: Invalid value: "Cluster": field is immutable' in update_errors(old, scope="Cluster")
    names = {**old["spec"]["names"], "kind": "Bar"}
    assert 'spec.names.kind: Invalid value: "Bar": field is immutable' in update_errors(old, names=names)


def test_stored_versions_must_stay() -> None:
    old = established(definition())
    found = update_errors(old, versions=[version("v2")])
    assert any("v1 was previously a storage version" in one for one in found)


def test_what_was_wrong_before_is_not_told_again() -> None:
    rule = {"x-kubernetes-validations": [{"rule": "self.all(a, self.all(b, a == b))"}]}
    items = {"type": "string", "maxLength": 5}
    old = established(of_schema(type="array", maxItems=2000, items=items, **rule))
    assert errors(old)
    assert update_errors(old) == []


@pytest.mark.parametrize("spec", [{}, {"versions": []}, {"versions": [{"name": ""}]}, {"names": {}}])
def test_empty_definitions_get_errors_and_no_exceptions(spec: dict[str, Any]) -> None:
    crd = {"metadata": {"name": "a"}, "spec": spec}
    RESOURCE.default(crd)
    RESOURCE.prepare_create(crd, CONTEXT)
    assert errors(crd)


def test_a_schema_may_not_nest_forever() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        schema = {"type": "object", "properties": {"a": schema}}
    assert any("must not nest more than" in one for one in errors(definition(version(schema=schema))))
