"""Objects in protobuf: bytes as the specification of the encoding has them, and whatever else is sent."""

import collections
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema import builtin, decoding, protobuf
from sampan.kube.schema.decoding import DecodeError
from sampan.specs.kubernetes.status import StatusError
from tests.kube.schema import golden

CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"


def text(number: int, value: bytes) -> bytes:
    """A field shorter than 128 bytes, by hand."""
    return bytes((number << 3 | 2, len(value))) + value


def envelope(api_version: bytes, kind: bytes, raw: bytes) -> bytes:
    return b"k8s\0" + text(1, text(1, api_version) + text(2, kind)) + text(2, raw) + b"\x1a\x00\x22\x00"


def round_trip(value: dict[str, Any]) -> dict[str, Any]:
    sent = protobuf.decode_object(protobuf.encode_object(value))
    group, _, version = value["apiVersion"].rpartition("/")
    node = builtin.node(builtin.definition_of(group, version, value["kind"]))
    return decoding.decode(node, sent).object


def test_a_config_map_byte_for_byte() -> None:
    value = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "generation": 300, "creationTimestamp": "1970-01-01T00:00:05Z"},
        "data": {"z": "1", "k": "v"},
        "binaryData": {"b": "AP8="},
        "immutable": False,
    }
    metadata = text(1, b"a") + b"\x38\xac\x02" + text(8, b"\x08\x05\x10\x00")
    raw = text(1, metadata)
    raw += text(2, text(1, b"k") + text(2, b"v")) + text(2, text(1, b"z") + text(2, b"1"))  # sorted
    raw += text(3, text(1, b"b") + text(2, b"\x00\xff")) + b"\x20\x00"
    assert protobuf.encode_object(value) == envelope(b"v1", b"ConfigMap", raw)
    assert round_trip(value) == value


def test_zeros_that_go_sends_are_taken_out() -> None:
    """Its encoder writes every number and text that is no pointer."""
    metadata = text(1, b"p") + text(2, b"") + text(3, b"") + b"\x38\x00"
    spec = text(3, b"") + b"\x58\x00" + b"\xa0\x06\x00"  # restartPolicy, hostNetwork, and 100: no field
    sent = protobuf.decode_object(envelope(b"v1", b"Pod", text(1, metadata) + text(2, spec)))
    found = decoding.decode(builtin.node("io.k8s.api.core.v1.Pod"), sent).object
    assert found == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": None},
        "status": {},
    }


def test_forms_of_their_own() -> None:
    container = {
        "name": "c",
        "resources": {"limits": {"cpu": "500m"}},
        "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3},
        "readinessProbe": {"tcpSocket": {"port": 80}},
    }
    volumes = [{"name": "a", "emptyDir": {}}, {"name": "s", "configMap": {"name": "m", "optional": False}}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"managedFields": [{"fieldsV1": {"f:spec": {}}, "time": "2026-01-02T03:04:05Z"}]},
        "spec": {"containers": [container], "volumes": volumes, "priority": -5},
        "status": {},
    }
    assert round_trip(pod) == pod
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {},
        "spec": {"renewTime": "2026-01-02T03:04:05.000006Z", "leaseTransitions": 0},
    }
    assert round_trip(lease) == lease


def test_schemas() -> None:
    schema = {
        "$ref": "x",
        "maximum": 1.5,
        "enum": [None, "a", 1],
        "items": {"type": "string"},
        "additionalProperties": False,
        "x-kubernetes-preserve-unknown-fields": False,
        "properties": {"a": {"additionalProperties": {"x-kubernetes-int-or-string": True}}, "b": {}},
        "dependencies": {"a": ["b"], "c": {"type": "object"}},
    }
    version = {"name": "v1", "served": True, "storage": False, "schema": {"openAPIV3Schema": schema}}
    sent = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    sent["spec"] = {"versions": [version]}  # type: ignore[assignment]
    assert round_trip(sent)["spec"]["versions"] == [version]


def test_frames_of_a_watch() -> None:
    event = protobuf.encode_event("ADDED", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
    inner = envelope(b"v1", b"ConfigMap", text(1, b""))
    expected = text(1, b"ADDED") + text(2, text(1, inner))
    assert event == len(expected).to_bytes(4, "big") + expected


def test_lists_are_joined_of_what_is_encoded() -> None:
    items = [{"metadata": {"name": name}} for name in "ab"]
    value = {
        "apiVersion": "v1",
        "kind": "ConfigMapList",
        "metadata": {"resourceVersion": "7"},
        "items": items,
    }
    raws = [protobuf.encode_raw("v1", "ConfigMap", item) for item in items]
    joined = protobuf.encode_list("v1", "ConfigMapList", {"resourceVersion": "7"}, raws)
    assert joined == protobuf.encode_object(value)


def test_statuses_and_discovery_have_the_form_and_tables_have_not() -> None:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404}
    assert round_trip(status) == status
    groups = {"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "apps", "versions": []}]}
    assert protobuf.decode_object(protobuf.encode_object(groups))["groups"][0]["name"] == "apps"
    listed = {"kind": "APIResourceList", "apiVersion": "v1", "resources": [{"name": "x", "verbs": ["get"]}]}
    assert protobuf.decode_object(protobuf.encode_object(listed))["resources"][0]["verbs"] == ["get"]
    found = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "items": [{"versions": []}],
    }
    assert len(protobuf.decode_object(protobuf.encode_object(found))["items"]) == 1
    with pytest.raises(StatusError, match=r"\*v1\.Table does not implement the protobuf marshalling"):
        protobuf.encode_object({"kind": "Table", "apiVersion": "meta.k8s.io/v1"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty data"),
        (b"k8s\0", "empty body"),
        (b'{"a":1}', "expected prefix [107 56 115 0]"),
        (envelope(b"a/b/c", b"Pod", b""), "unexpected GroupVersion string: a/b/c"),
        (envelope(b"v1", b"Pod", b"\x0a\x05a"), "unexpected EOF"),
        (envelope(b"v1", b"Pod", b"\x08\x05"), "proto: wrong wireType = 0 for field Metadata"),
        (envelope(b"v1", b"Pod", b"\x00"), "proto: illegal tag 0 (wire type 0)"),
        (envelope(b"v1", b"Pod", b"\x0b"), "proto: illegal wireType 3"),
        (envelope(b"v1", b"Pod", b"\xff" * 12), "proto: integer overflow"),
    ],
)
def test_what_is_no_message_is_told(data: bytes, message: str) -> None:
    with pytest.raises(DecodeError) as told:
        protobuf.decode_object(data)
    assert message in str(told.value)


def test_messages_within_messages_end() -> None:
    schema: dict[str, Any] = {}
    for _ in range(150):
        schema = {"not": schema}
    value = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    value["spec"] = {"versions": [{"schema": {"openAPIV3Schema": schema}}]}  # type: ignore[assignment]
    with pytest.raises(DecodeError, match="exceeded max depth"):
        protobuf.decode_object(protobuf.encode_object(value))


def test_what_says_no_kind_is_what_was_expected() -> None:
    data = envelope(b"", b"", text(1, text(1, b"a")))
    assert protobuf.decode_object(data, "v1", "ConfigMap")["metadata"] == {"name": "a"}


@golden.needed
def test_whatever_a_real_server_has_answered_comes_back() -> None:
    """But for kinds within objects, which are not sent, and empty lists, which are as good as none."""
    kinds = collections.Counter[str]()
    for file, definition, sent in golden.objects():
        assert _comparable(round_trip(sent)) == _comparable(sent), file
        kinds[definition] += 1
    assert len(kinds) > 50


def _comparable(value: Any, top: bool = True) -> Any:
    if isinstance(value, list):
        return [_comparable(one, False) for one in value] or None
    if not isinstance(value, dict):
        return value
    template = not top and value.get("kind") == "PersistentVolumeClaim" and "spec" in value
    return {
        key: _comparable(one, False)
        for key, one in value.items()
        if not (template and key in ("kind", "apiVersion"))
    }


@given(st.binary(max_size=200), st.sampled_from(["Pod", "Service", "Secret", "Event", "Status"]))
def test_any_bytes_are_read_or_refused(raw: bytes, kind: str) -> None:
    try:
        value = protobuf.decode_object(protobuf.wrap("v1", kind, raw))
        decoding.decode(builtin.node(builtin.definition_of("", "v1", kind)), value)
    except DecodeError:
        pass
