"""Bodies to objects, and the words for those that are none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema import builtin, decoding, gates
from sampan.kube.schema.decoding import DecodeError
from tests.kube.schema import golden

POD = "io.k8s.api.core.v1.Pod"
CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"


def decoded(definition: str, value: object) -> decoding.Decoded:
    return decoding.decode(builtin.node(definition), value)


def pod(**spec: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [], **spec}}


def container(**fields: object) -> dict[str, object]:
    return pod(containers=[{"name": "c", **fields}])


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (pod(containers={}), "object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        (pod(containers=[5]), "number into Go struct field PodSpec.spec.containers of type v1.Container"),
        (
            pod(restartPolicy=5),
            "number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy",
        ),
        (pod(overhead=5), "number into Go struct field PodSpec.spec.overhead of type v1.ResourceList"),
        (pod(nodeSelector={"a": 5}), "number into Go struct field PodSpec.spec.nodeSelector of type string"),
        (pod(priority=1.5), "number 1.5 into Go struct field PodSpec.spec.priority of type int32"),
        (
            container(livenessProbe={"httpGet": {"port": []}}),
            "array into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet"
            ".port of type int32",
        ),
        (
            container(livenessProbe={"httpGet": "x"}),
            "string into Go struct field Probe.spec.containers.livenessProbe.ProbeHandler.httpGet "
            "of type v1.HTTPGetAction",
        ),
        (
            pod(volumes=[{"emptyDir": 1}]),
            "number into Go struct field Volume.spec.volumes.VolumeSource.emptyDir "
            "of type v1.EmptyDirVolumeSource",
        ),
        (5, "number into Go value of type v1.Pod"),
    ],
)
def test_wrong_types_are_told_as_go_does(value: object, wanted: str) -> None:
    with pytest.raises(DecodeError) as told:
        decoded(POD, value)
    assert str(told.value) == f"json: cannot unmarshal {wanted}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (container(resources={"limits": {"cpu": []}}), "quantities must match the regular expression"),
        ({"metadata": {"creationTimestamp": "bad"}}, 'parsing time "bad" as "2006-01-02T15:04:05Z07:00"'),
        (
            {"metadata": {"creationTimestamp": 5}},
            "field ObjectMeta.metadata.creationTimestamp of type string",
        ),
    ],
)
def test_values_that_read_themselves_have_their_own_words(value: object, message: str) -> None:
    with pytest.raises(DecodeError) as told:
        decoded(POD, value)
    assert message in str(told.value)


def test_the_first_wrong_type_is_told_unless_an_amount_is_wrong_later() -> None:
    wrong = {"hostIPC": "x", "hostPID": "y"}
    with pytest.raises(DecodeError, match=r"PodSpec\.spec\.hostIPC"):
        decoded(POD, pod(**wrong))
    with pytest.raises(DecodeError, match="quantities must match"):
        decoded(POD, pod(**wrong, overhead={"cpu": "bad"}))


@pytest.mark.parametrize(
    ("text", "place"),
    [("a", 0), ("ab=c", 2), ("abc", 0), ("abcd=", 4), ("ab\nc$", 4), ("YQ==x", 4), ("é", 0)],
)
def test_corrupt_base64_is_told_by_its_place(text: str, place: int) -> None:
    with pytest.raises(DecodeError, match=f"illegal base64 data at input byte {place}$"):
        decoded("io.k8s.api.core.v1.Secret", {"data": {"k": text}})


def test_empty_values_are_kept_only_where_go_keeps_them() -> None:
    sent = pod(
        hostNetwork=False,  # by value
        automountServiceAccountToken=False,  # a pointer
        priority=0,
        nodeName="",
        runtimeClassName="",
        volumes=[],
        nodeSelector={},
        securityContext={},
        affinity=None,
    )
    found = decoded(POD, sent).object
    assert found["spec"] == {
        "containers": [],
        "automountServiceAccountToken": False,
        "priority": 0,
        "runtimeClassName": "",
        "securityContext": {},
    }
    assert (found["metadata"], found["status"]) == ({"name": "p"}, {})


def test_what_is_always_written_is_there() -> None:
    assert decoded(POD, pod(containers=[None])).object["spec"] == {
        "containers": [{"name": "", "resources": {}}]
    }
    assert decoded("io.k8s.api.core.v1.Service", {}).object["status"] == {"loadBalancer": {}}
    autoscaler = decoded("io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler", {}).object
    assert autoscaler["status"] == {"desiredReplicas": 0, "currentMetrics": None}
    event = decoded("io.k8s.api.core.v1.Event", {}).object
    assert (event["firstTimestamp"], event["source"], event["reportingComponent"]) == (None, {}, "")


def test_new_values_each_time() -> None:
    first, second = (decoded(POD, {}).object for _ in range(2))
    first["metadata"]["name"] = "x"
    assert second["metadata"] == {}


def test_fields_of_gates_that_are_off_are_known_and_dropped_later() -> None:
    sources = [{"podCertificate": {"signerName": "s", "keyType": "k"}}, {"secret": {"name": "a"}}]
    sent = pod(
        workloadRef={"name": "w", "podGroup": "g"},
        containers=[{"name": "c", "lifecycle": {"stopSignal": "SIGTERM"}}],
        volumes=[{"name": "v", "projected": {"sources": sources}}, {"name": "e", "emptyDir": {}}],
    )
    found = decoded(POD, sent)
    assert found.unknown == [] and "workloadRef" in found.object["spec"]
    gates.drop(builtin.node(POD), found.object)
    assert found.object["spec"] == {
        "containers": [{"name": "c", "lifecycle": {}, "resources": {}}],
        "volumes": [
            {"name": "v", "projected": {"sources": [{}, {"secret": {"name": "a"}}]}},
            {"name": "e", "emptyDir": {}},
        ],
    }


def test_gates_look_at_no_more_than_they_must() -> None:
    for kind in ("ConfigMap", "Secret", "Service"):
        value = decoded(f"io.k8s.api.core.v1.{kind}", {"metadata": {"name": "a"}}).object
        before = json.dumps(value)
        gates.drop(builtin.node(f"io.k8s.api.core.v1.{kind}"), value)
        assert json.dumps(value) == before


def test_unknown_fields_are_told_by_their_path() -> None:
    value = {**container(nosuch=1, env=[{"name": "a", "Value": "b"}], **{"[": 1, "": 1}), "extra": 1}
    assert decoded(POD, value).unknown == [
        'unknown field "spec.containers[0].nosuch"',
        'unknown field "spec.containers[0].env[0].Value"',
        'unknown field "spec.containers[0].["',
        'unknown field "spec.containers[0]."',
        'unknown field "extra"',
    ]


def test_amounts_and_times_are_written_the_canonical_way() -> None:
    sent = container(resources={"limits": {"cpu": 0.5, "memory": "1024Mi"}})
    sent["metadata"] = {"deletionTimestamp": "2026-01-02T04:04:05.5+01:00"}
    found = decoded(POD, sent).object
    assert found["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "500m", "memory": "1Gi"}}
    assert found["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:05Z"


def test_schemas_may_be_lists_and_booleans() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "a": {"items": {"type": "string"}, "enum": [None, 1]},
            "b": {"additionalProperties": {}},
        },
    }
    version = {"name": "v1", "schema": {"openAPIV3Schema": schema}, "served": True, "storage": True}
    found = decoded(CRD, {"spec": {"versions": [version]}}).object
    assert found["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == schema
    with pytest.raises(DecodeError, match="boolean or JSON schema expected"):
        decoded(CRD, {"spec": {"versions": [{"schema": {"openAPIV3Schema": {"additionalProperties": 5}}}]}})


def test_schemas_within_schemas_end() -> None:
    schema: dict[str, object] = {}
    for _ in range(400):
        schema = {"properties": {"a": schema}}
    with pytest.raises(DecodeError, match="exceeded max depth"):
        decoded(CRD, {"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}})


def test_fields_that_are_there_twice() -> None:
    body = b'{"metadata":{"name":"a","name":"b"},"spec":{"x":[{"y":1,"y":2}]}, "note":"\\":"}'
    value, duplicates = decoding.parse_json(body)
    assert duplicates == ['duplicate field "metadata.name"', 'duplicate field "spec.x[0].y"']
    assert value["metadata"] == {"name": "b"}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":"\xff\xfe"}', {"a": "\ufffd\ufffd"}),
        (b'{"a":"\\ud800x"}', {"a": "\ufffdx"}),
        (b"null", {}),
        (b'{"a":99999999999999999999,"b":"\\udc00"}', {"a": 1e20, "b": "\ufffd"}),
    ],
)
def test_what_go_reads_and_few_others(body: bytes, value: object) -> None:
    assert decoding.parse_json(body)[0] == value


@pytest.mark.parametrize("depth", [1_500, 20_000])
def test_bodies_may_not_be_too_deep(depth: int) -> None:
    for body in (b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth):
        with pytest.raises(DecodeError, match=r"exceeded max depth|unexpected end"):
            decoding.parse_json(body)


@golden.needed
def test_recorded_bodies_are_refused_in_the_recorded_words() -> None:
    told = 0
    for step in json.loads((golden.FOLDER / "validation/decoding.json").read_text())["steps"]:
        body, message = step["request"].get("body"), str((step["answer"].get("body") or {}).get("message"))
        media = str((step["request"].get("headers") or {}).get("Content-Type", "application/json"))
        if not isinstance(body, str) or step["answer"]["status"] != 400 or "registered" in message:
            continue
        if (
            "unknown conversion" in message or "99999999999999999999" in message
        ):  # the machinery's; see parsing.py
            continue
        kind = "Pod" if "/pods" in step["request"]["path"] else "ConfigMap"
        try:
            parse = decoding.parse_yaml if "yaml" in media else decoding.parse_json
            value, _ = parse(body.encode())
        except DecodeError as error:
            said = decoding.unrecognized(kind, error, body.encode())
        else:
            with pytest.raises(DecodeError) as wrong:
                decoded(f"io.k8s.api.core.v1.{kind}", value)
            said = f'{kind} in version "v1" cannot be handled as a {kind}: {wrong.value}'
        assert said == message.replace("<time>", "2006-01-02T15:04:05Z")
        told += 1
    assert told > 30


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["spec", "metadata", "containers", "name", "env", "", "["]), inner)
    ),
)


@given(JSON)
def test_any_value_is_decoded_or_refused(value: object) -> None:
    try:
        found = decoded(POD, value)
    except DecodeError:
        return
    assert decoded(POD, found.object).object == found.object


@given(st.binary() | st.text(alphabet='{}[]":,-+.0123eEtrufalsn \\\n').map(str.encode))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    for parse in (decoding.parse_json, decoding.parse_yaml):
        try:
            parse(body)
        except DecodeError:
            pass
