"""`metadata`, a sentence of upstream's for each thing that can be wrong with it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.specs.kubernetes.object_meta import (
    common_update_errors,
    field_manager_errors,
    object_meta_errors,
    object_meta_update_errors,
)

GOOD = {"name": "x", "namespace": "default", "resourceVersion": "7"}
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "u"}
SHOWN = '{"apiVersion":"v1","kind":"Pod","name":"a","uid":"u","controller":true}'
SHOWN_EVENT = '{"apiVersion":"v1","kind":"Event","name":"a","uid":"u"}'


@pytest.mark.parametrize(
    "meta, texts",
    [
        ({}, []),
        ({"name": ""}, ["metadata.name: Required value: name or generateName is required"]),
        ({"namespace": ""}, ["metadata.namespace: Required value"]),
        ({"namespace": "a.b"}, ['metadata.namespace: Invalid value: "a.b": must not contain dots']),
        ({"generateName": "x-"}, []),
        ({"generation": -1}, ["metadata.generation: Invalid value: -1: must be greater than or equal to 0"]),
        (
            {"ownerReferences": [{"kind": "Pod"}]},
            [
                'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
                'metadata.ownerReferences.name: Invalid value: "": must not be empty',
                'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
            ],
        ),
        (
            {"ownerReferences": [OWNER | {"controller": True}] * 2},
            [
                f"metadata.ownerReferences: Invalid value: [{SHOWN},{SHOWN}]: Only one reference can have "
                'Controller set to true. Found "true" in references for Pod/a and Pod/a'
            ],
        ),
        (
            {"ownerReferences": [OWNER | {"kind": "Event"}]},
            [
                f"metadata.ownerReferences: Invalid value: {SHOWN_EVENT}: "
                "/v1, Kind=Event is disallowed from being an owner"
            ],
        ),
        ({"finalizers": ["a.b/c", "orphan"]}, []),
        (
            {"finalizers": ["nosuch"]},
            [
                'metadata.finalizers[0]: Invalid value: "nosuch": '
                "name is neither a standard finalizer name nor is it fully qualified"
            ],
        ),
        (
            {"finalizers": ["orphan", "foregroundDeletion"]},
            [
                'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: '
                "finalizer orphan and foregroundDeletion cannot be both set"
            ],
        ),
        (
            {"managedFields": [{"operation": "Own", "fieldsType": "X", "manager": "a\n"}]},
            [
                'metadata.managedFields[0].operation: Invalid value: "Own": must be `Apply` or `Update`',
                'metadata.managedFields[0].fieldsType: Invalid value: "X": must be `FieldsV1`',
                'metadata.managedFields[0].manager: Invalid value: "a\\n": '
                "invalid character U+000A (at position 1)",
            ],
        ),
    ],
)
def test_metadata_of_a_new_object(meta: dict[str, Any], texts: list[str]) -> None:
    assert [str(error) for error in object_meta_errors(GOOD | meta, namespaced=True)] == texts


def test_cluster_wide_objects_have_no_namespace() -> None:
    assert [str(error) for error in object_meta_errors(GOOD, namespaced=False)] == [
        "metadata.namespace: Forbidden: not allowed on this type"
    ]


def test_a_generated_name_is_judged_with_its_dash_and_without() -> None:
    for names, prefix, good in (
        ("label-1035", "web-", True),
        ("label-1035", "1web-", False),
        ("path-segment", "..", True),
        ("path-segment", "a/", False),
        ("subdomain", "a.", False),
    ):
        found = object_meta_errors(GOOD | {"generateName": prefix}, namespaced=True, names=names)
        assert (found == []) == good, prefix


@pytest.mark.parametrize(
    "old, new, texts",
    [
        ({}, {}, []),
        ({"uid": "u"}, {"uid": "v"}, ['metadata.uid: Invalid value: "v": field is immutable']),
        (
            {},
            {"deletionTimestamp": "2026-01-01T00:00:00Z"},
            ['metadata.deletionTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable'],
        ),
        (
            {"deletionGracePeriodSeconds": 30},
            {},
            ["metadata.deletionGracePeriodSeconds: Invalid value: null: field is immutable"],
        ),
        (
            {"deletionTimestamp": "t", "finalizers": ["a/b"]},
            {"deletionTimestamp": "t", "finalizers": ["a/b", "a/d", "a/c"]},
            [
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
                'deleted, found new finalizers []string{"a/c", "a/d"}'
            ],
        ),
        (
            {},
            {"resourceVersion": ""},
            ['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
        ),
        (
            {"generation": 2},
            {"generation": 1},
            ["metadata.generation: Invalid value: 1: must not be decremented"],
        ),
    ],
)
def test_metadata_of_a_changed_object(old: dict[str, Any], new: dict[str, Any], texts: list[str]) -> None:
    found = object_meta_update_errors(GOOD | new, GOOD | old)
    assert [str(error) for error in found] == texts
    assert [str(error) for error in common_update_errors(GOOD | new, GOOD | old, namespaced=True)] == texts


@given(st.text(max_size=200))
def test_a_field_manager_is_short_and_printable(manager: str) -> None:
    good = len(manager.encode("utf-8", "surrogatepass")) <= 128 and manager.isprintable()
    assert (field_manager_errors(manager, "fieldManager") == []) == good
