"""The resources that a definition defines."""

from copy import deepcopy
from typing import Any

import pytest

from sampan.kube.kinds.apiextensions.custom import Custom, resources
from sampan.kube.kinds.resource import Context
from tests.kube.kinds.apiextensions.definitions import CONTEXT, definition, established, version

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {"n": {"type": "integer", "default": 1}, "color": {"type": "string"}},
        },
        "status": {"type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}},
    },
}
SCALE = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n", "labelSelectorPath": ".status.sel"}


def custom(**more: Any) -> Custom:
    return resources(established(definition(version(schema=deepcopy(SCHEMA), **more))))[0]


FULL = custom(subresources={"status": {}, "scale": SCALE})


def test_a_definition_that_is_not_established_defines_nothing() -> None:
    assert resources(definition()) == []


def test_versions_come_in_the_order_of_their_preference() -> None:
    crd = established(
        definition(
            version("v1alpha1", storage=False, deprecated=True, deprecationWarning="use another"),
            version("v1beta1", storage=False, deprecated=True),
            version("v1"),
            version("v2", storage=False, served=False),
        )
    )
    found = resources(crd)
    assert [one.resource.version for one in found] == ["v1", "v1beta1", "v1alpha1"]
    assert [one.resource.deprecated for one in found] == [
        "",
        "example.com/v1beta1 Foo is deprecated; use example.com/v1 Foo",
        "use another",
    ]


def test_what_the_resource_says_of_itself() -> None:
    resource = FULL.resource
    assert (resource.plural, resource.singular, resource.short_names) == ("foos", "foo", ("fo",))
    assert [one.name for one in resource.subresources] == ["status", "scale"]
    assert resource.scale is not None
    assert (resource.scale.replicas, resource.scale.status) == ("spec.n", "status.n")
    assert resource.scale.selector is not None
    assert resource.scale.selector({"status": {"sel": "a=b"}}) == "a=b"


def test_a_new_object_begins_without_a_status() -> None:
    new = {"metadata": {"name": "a"}, "spec": {"n": 2}, "status": {"n": 3}}
    FULL.resource.prepare_create(new, CONTEXT)
    assert new == {"metadata": {"name": "a", "generation": 1}, "spec": {"n": 2}}
    plain = {"metadata": {"name": "a"}, "status": {"n": 3}}
    custom().resource.prepare_create(plain, CONTEXT)
    assert plain["status"] == {"n": 3}


@pytest.mark.parametrize(
    ("change", "generation"),
    [
        ({"spec": {"n": 3}}, 8),
        ({"status": {"n": 9}}, 7),
        ({}, 7),
        ({"metadata": {"generation": 7, "labels": {}}}, 7),
    ],
)
def test_any_change_but_of_metadata_and_status_is_a_new_generation(
    change: dict[str, Any], generation: int
) -> None:
    old = {"metadata": {"generation": 7}, "spec": {"n": 2}, "status": {"n": 1}}
    new = deepcopy({**old, **change})
    FULL.resource.prepare_update(new, old, CONTEXT)
    assert new["metadata"]["generation"] == generation
    assert new["status"] == {"n": 1}


def test_the_status_changes_by_itself_only() -> None:
    old = {"metadata": {"name": "a", "labels": {"a": "b"}}, "spec": {"n": 2}, "status": {"n": 1}}
    new = {"metadata": {"name": "a", "managedFields": []}, "spec": {"n": 9}, "status": {"n": 4}}
    status = FULL.resource.subresources[0]
    assert status.prepare_update is not None
    assert status.validate_update is not None
    status.prepare_update(new, old, CONTEXT)
    assert new == {
        "metadata": {"name": "a", "labels": {"a": "b"}, "managedFields": []},
        "spec": {"n": 2},
        "status": {"n": 4},
    }
    new["status"]["n"] = 6
    found = status.validate_update(new, old, CONTEXT)
    assert [one.path for one in found] == ["status.n"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"spec": {"n": -1}}, ".spec.n: Invalid value: -1: should be a non-negative integer"),
        ({"spec": {"n": 1 << 40}}, "should be less than or equal to 2147483647"),
        ({"spec": {"n": "x"}}, ".spec.n accessor error: x is of the type string, expected int64"),
        (
            {"spec": []},
            ".spec.n accessor error: [] is of the type []interface {}, expected map[string]interface{}",
        ),
        ({"status": {"sel": 1}}, ".status.sel accessor error: 1 is of the type int64, expected string"),
    ],
)
def test_what_a_scale_would_show_must_be_readable(value: dict[str, Any], message: str) -> None:
    found = [str(one) for one in FULL.resource.validate(value, CONTEXT)]
    assert any(message in one for one in found), found


def test_finalizers_without_a_domain_are_warned_of_once() -> None:
    new = {"metadata": {"finalizers": ["short", "example.com/fine"]}}
    found = FULL.resource.warnings(new, None, CONTEXT)
    assert len(found) == 1
    assert 'metadata.finalizers: "short": prefer a domain-qualified finalizer name' in found[0]
    assert FULL.resource.warnings(new, new, CONTEXT) == []


def test_columns_show_what_their_paths_lead_to() -> None:
    columns = [
        {"name": "N", "type": "integer", "jsonPath": ".spec.n", "description": "said"},
        {"name": "L", "type": "string", "jsonPath": ".spec.list", "priority": 1},
        {"name": "Since", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Odd", "type": "string", "jsonPath": ".spec.nosuch"},
        {"name": "Wrong", "type": "integer", "jsonPath": ".spec.color"},
        {"name": "Flag", "type": "boolean", "jsonPath": ".spec.flag"},
    ]
    resource = custom(additionalPrinterColumns=columns).resource
    value = {
        "metadata": {"creationTimestamp": "1970-01-01T00:00:10Z"},
        "spec": {"n": 2, "list": [1, {"b": "<", "a": 1.5}], "color": "red", "flag": True},
    }
    assert resource.columns is not None
    assert resource.cells is not None
    assert [one.description for one in resource.columns][:2] == [
        "said",
        "Custom resource definition column (in JSONPath format): .spec.list",
    ]
    shown = resource.cells(value, 15.0)
    assert shown == [2, '[1,{"a":1.5,"b":"\\u003c"}]', "5s", None, None, True]


def test_without_columns_the_age_is_shown() -> None:
    resource = custom().resource
    assert resource.columns is not None
    assert resource.cells is not None
    assert [one.name for one in resource.columns] == ["Age"]
    assert resource.cells({"metadata": {"creationTimestamp": "1970-01-01T00:00:10Z"}}, 15.0) == ["5s"]


def test_lists_select_by_the_fields_that_are_selectable() -> None:
    fields = [{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.n"}]
    selectable = custom(selectableFields=fields).resource.selectable
    value = {"spec": {"color": "red", "n": 3}}
    assert {name: of(value) for name, of in selectable.items()} == {"spec.color": "red", "spec.n": "3"}
    assert selectable["spec.color"]({}) == ""


def test_what_is_stored_is_in_the_storage_version() -> None:
    crd = established(definition(version("v1"), version("v1beta1", storage=False)))
    first, second = resources(crd)
    assert first.resource.to_stored is None
    assert first.resource.from_stored is None
    assert second.resource.to_stored is not None
    assert second.resource.from_stored is not None
    value = {"apiVersion": "example.com/v1beta1", "kind": "Foo", "metadata": {}, "spec": {"n": 1}}
    stored = second.resource.to_stored(value)
    assert stored == {**value, "apiVersion": "example.com/v1"}
    assert second.resource.from_stored(stored) == value


def test_what_an_earlier_schema_let_in_is_seen_with_todays() -> None:
    crd = established(definition(version(schema=deepcopy(SCHEMA))))
    crd["metadata"]["generation"] = 2
    settle = resources(crd)[0].resource.from_stored
    assert settle is not None
    stored = {"metadata": {"name": "a"}, "spec": {"gone": 1}}
    assert settle(stored) == {
        "apiVersion": "example.com/v1",
        "metadata": {"name": "a"},
        "spec": {"n": 1},
    }
    assert stored["spec"] == {"gone": 1}


def test_a_terminating_definition_takes_nothing_new() -> None:
    crd = established(definition())
    condition = {"type": "Terminating", "status": "True"}
    crd["status"]["conditions"] = [*crd["status"]["conditions"], condition]
    assert resources(crd)[0].resource.verbs == ("delete", "deletecollection", "get", "list", "watch")


def test_warnings_of_a_status_are_not_of_finalizers() -> None:
    context = Context(CONTEXT.now, subresource="status")
    assert FULL.resource.warnings({"metadata": {"finalizers": ["short"]}}, {"metadata": {}}, context) == []
