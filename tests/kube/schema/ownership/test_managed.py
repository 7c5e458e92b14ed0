import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema.node import Node
from sampan.kube.schema.ownership import applying, fieldset, lastapplied, managed, scale
from sampan.specs.kubernetes.status import StatusError
from tests.kube.schema import nodes


class Cluster:
    """One object, and what writes make of it; the clock goes on by a second for each."""

    def __init__(self, node: Node, kind: str, version: str = "v1", **reset: tuple[str, ...]) -> None:
        self.node, self.kind, self.version, self.reset = node, kind, version, reset
        self.live: dict[str, Any] | None = None
        self.seconds = 0

    def _now(self) -> str:
        self.seconds += 1
        return f"2026-01-01T00:00:{self.seconds:02}Z"

    def _start(self, fields: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": "x", **fields.pop("metadata", {})}
        return {"apiVersion": self.version, "kind": self.kind, "metadata": metadata, **fields}

    def write(self, manager: str, subresource: str = "", **fields: Any) -> dict[str, Any]:
        new = copy.deepcopy(self._start(fields))
        before = copy.deepcopy(self.live)
        reset = self.reset.get(subresource or "main", ())
        managed.update(self.node, self.live, new, manager, self.version, subresource, self._now(), reset)
        assert self.live == before
        self.live = new
        new["metadata"].setdefault("uid", "u")
        return new

    def apply(
        self, manager: str, subresource: str = "", force: bool = False, **fields: Any
    ) -> dict[str, Any]:
        applied = self._start(fields)
        before = copy.deepcopy((self.live, applied))
        reset = self.reset.get(subresource or "main", ())
        found = applying.apply(
            self.node,
            self.live,
            applied,
            manager,
            self.version,
            subresource,
            self._now(),
            force,
            reset,
            kind=self.kind,
        )
        assert (self.live, applied) == before
        found = {key: value for key, value in found.items() if value}  # as decoding leaves it
        if self.live is not None:
            managed.keep_times(found, self.live)
        self.live = found
        return found

    def entries(self) -> list[Any]:
        """(manager, operation, second of its time, fields) of each."""
        assert self.live is not None
        return [
            (one["manager"], one["operation"], int(one.get("time", "-00Z")[-3:-1]), one["fieldsV1"])
            for one in self.live["metadata"].get("managedFields", [])
        ]


def config_map() -> Cluster:
    return Cluster(nodes.config_map(), "ConfigMap")


def data(*names: str, itself: bool = False) -> dict[str, Any]:
    return {"f:data": {**({".": {}} if itself else {}), **{f"f:{name}": {} for name in names}}}


def test_applying_again_changes_nothing() -> None:
    cluster = config_map()
    first = cluster.apply("m1", data={"a": "1", "b": "2"})
    assert cluster.entries() == [("m1", "Apply", 1, data("a", "b"))]
    assert cluster.apply("m1", data={"a": "1", "b": "2"}) == first


def test_what_is_applied_no_more_goes() -> None:
    cluster = config_map()
    cluster.apply("m1", data={"a": "1", "b": "2"})
    assert cluster.apply("m1", data={"a": "2"})["data"] == {"a": "2"}
    assert cluster.entries() == [("m1", "Apply", 2, data("a"))]


def test_what_two_apply_both_own() -> None:
    cluster = config_map()
    cluster.apply("m1", data={"a": "1"})
    cluster.apply("m2", data={"a": "1", "c": "3"})
    assert cluster.entries() == [("m1", "Apply", 1, data("a")), ("m2", "Apply", 2, data("a", "c"))]
    assert cluster.apply("m1", data={"z": "1"})["data"] == {"a": "1", "c": "3", "z": "1"}
    assert cluster.apply("m2")["data"] == {"z": "1"}
    assert cluster.entries() == [("m1", "Apply", 3, data("z"))]


def test_an_apply_that_changes_nothing_has_no_time() -> None:
    cluster = config_map()
    cluster.apply("m1", data={"a": "1"})
    cluster.apply("m2", data={})
    assert cluster.entries() == [("m2", "Apply", 0, {"f:data": {}}), ("m1", "Apply", 1, data("a"))]
    assert "time" not in cluster.live["metadata"]["managedFields"][0]  # type: ignore[index]


def test_the_last_field_takes_the_map_along() -> None:
    cluster = config_map()
    cluster.apply("m1", data={"a": "1"})
    assert "data" not in cluster.apply("m1")
    assert cluster.entries() == []


def conflict(cluster: Cluster, manager: str, **fields: Any) -> StatusError:
    before = cluster.live
    with pytest.raises(StatusError) as caught:
        cluster.apply(manager, **fields)
    assert cluster.live is before
    assert (caught.value.reason, caught.value.code) == ("Conflict", 409)
    return caught.value


def test_conflict() -> None:
    cluster = config_map()
    cluster.apply("m1", data={"a": "1"})
    error = conflict(cluster, "m2", data={"a": "9"})
    assert error.message == 'Apply failed with 1 conflict: conflict with "m1": .data.a'
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "m1"', "field": ".data.a"}
    assert error.details == {"causes": [cause]}
    cluster.apply("m2", force=True, data={"a": "9"})
    assert cluster.entries() == [("m2", "Apply", 3, data("a"))]


def test_conflicts_are_told_by_manager() -> None:
    cluster = Cluster(nodes.deployment(), "Deployment", "apps/v1")
    container = {"name": "a", "image": "i1"}
    cluster.apply("m1", spec={"replicas": 0, "template": {"spec": {"containers": [container]}}})
    template = {"spec": {"containers": [{**container, "image": "z"}]}}
    error = conflict(cluster, "m2", spec={"replicas": 1, "template": template})
    assert error.message == (
        'Apply failed with 2 conflicts: conflicts with "m1":\n'
        "- .spec.replicas\n"
        '- .spec.template.spec.containers[name="a"].image'
    )
    cluster.write("up", spec={"replicas": 2, "template": {"spec": {"containers": [container]}}})
    error = conflict(cluster, "m2", spec={"replicas": 1, "template": template})
    assert error.message == (
        'Apply failed with 2 conflicts: conflicts with "m1":\n'
        '- .spec.template.spec.containers[name="a"].image\n'
        'conflicts with "up" using apps/v1:\n'
        "- .spec.replicas"
    )


def test_conflict_with_a_subresource() -> None:
    cluster = Cluster(nodes.pod(), "Pod", main=("status",), status=("spec",))
    cluster.write("c", spec={"containers": [{"name": "a"}]})
    cluster.write("kubelet", "status", spec={"containers": [{"name": "a"}]}, status={"phase": "Running"})
    with pytest.raises(StatusError) as caught:
        cluster.apply("m", "status", status={"phase": "Failed"})
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "kubelet" with subresource "status" using v1: '
        ".status.phase"
    )


def test_updates_and_applies_mixed() -> None:
    cluster = config_map()
    cluster.write("creator", data={"a": "1", "b": "2"})
    assert cluster.entries() == [("creator", "Update", 1, data("a", "b", itself=True))]
    assert conflict(cluster, "ap", data={"a": "7"}).message == (
        'Apply failed with 1 conflict: conflict with "creator" using v1: .data.a'
    )
    cluster.apply("ap", force=True, data={"a": "7"})
    assert cluster.entries() == [
        ("ap", "Apply", 3, data("a")),
        ("creator", "Update", 1, data("b", itself=True)),
    ]
    cluster.write("up", data={"a": "8", "b": "2"})
    assert cluster.entries() == [
        ("creator", "Update", 1, data("b", itself=True)),
        ("up", "Update", 4, data("a")),
    ]
    cluster.write("put", data={"a": "8", "n": "1"})
    assert cluster.entries() == [
        ("creator", "Update", 1, {"f:data": {}}),
        ("up", "Update", 4, data("a")),
        ("put", "Update", 5, data("n")),
    ]


def test_a_write_that_changes_nothing_leaves_times_alone() -> None:
    cluster = config_map()
    first = cluster.write("a", data={"a": "1"})
    again = cluster.write("b", metadata={"uid": "u"}, data={"a": "1"})
    assert again["metadata"]["managedFields"] == first["metadata"]["managedFields"]


def test_more_of_the_same_manager_is_put_together() -> None:
    cluster = config_map()
    cluster.write("a", data={"b": "1"})
    cluster.write("a", data={"b": "1", "a": "2"})
    assert cluster.entries() == [("a", "Update", 2, data("a", "b", itself=True))]


def test_a_client_may_switch_it_off() -> None:
    for nothing in ([], [{}]):
        cluster = config_map()
        cluster.write("a", data={"b": "1"})
        cluster.write("a", metadata={"managedFields": nothing}, data={"b": "1"})
        assert cluster.entries() == []
        cluster.write("a", data={"b": "2"})
        assert cluster.entries() == []
        assert conflict(cluster, "ap", data={"b": "1"}).message == (
            'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.b'
        )
        cluster.apply("ap", data={"n": "1"})
        assert cluster.entries() == [
            ("ap", "Apply", 5, data("n")),
            ("before-first-apply", "Update", 5, data("b", itself=True)),
        ]


@pytest.mark.parametrize(
    "entry",
    [
        {"manager": "x"},
        {"manager": "x", "operation": "Nope"},
        {"manager": "x", "operation": "Update"},
        {"manager": "x", "operation": "Update", "apiVersion": "v1"},
        {"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "Nope"},
        {
            "manager": "x",
            "operation": "Update",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"x": 1},
        },
    ],
)
def test_what_makes_no_sense_is_not_listened_to(entry: Any) -> None:
    cluster = config_map()
    cluster.write("a", data={"b": "1"})
    cluster.write("b", metadata={"managedFields": [entry]}, data={"b": "1"})
    assert cluster.entries() == [("a", "Update", 1, data("b", itself=True))]


def test_a_client_may_say_who_owns_what() -> None:
    cluster = config_map()
    cluster.write("a", data={"b": "1"})
    entry = {"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1"}
    told = [{**entry, "fieldsV1": {"f:data": {"f:b": {".": {}}, "z:": {}}}}]
    cluster.write("a", metadata={"managedFields": told}, data={"b": "1"})
    assert cluster.entries() == [("x", "Apply", 0, data("b"))]
    cluster.write("a", "status", metadata={"managedFields": [{}]}, data={"b": "1"})
    assert cluster.entries() == [("x", "Apply", 0, data("b"))]


def test_nobody_owns_what_an_object_is_known_by() -> None:
    cluster = config_map()
    cluster.write(
        "a", metadata={"uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"l": "1"}}
    )
    assert cluster.entries() == [("a", "Update", 1, {"f:metadata": {"f:labels": {".": {}, "f:l": {}}}})]


def test_without_a_name_a_manager_is_unknown() -> None:
    cluster = config_map()
    cluster.write("", data={"a": "1"})
    assert cluster.entries()[0][0] == "unknown"


def test_what_a_subresource_may_not_write_is_not_owned_by_it() -> None:
    cluster = Cluster(nodes.pod(), "Pod", main=("status",), status=("spec", "metadata.labels"))
    spec = {"containers": [{"name": "a", "image": "i"}]}
    cluster.write("c", metadata={"labels": {"a": "b"}}, spec=spec, status={"phase": "Pending"})
    container = {'k:{"name":"a"}': {".": {}, "f:image": {}, "f:name": {}}}
    created = {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:containers": container}}
    assert cluster.entries() == [("c", "Update", 1, created)]
    labels = {"a": "b", "n": "1"}
    cluster.write("k", "status", metadata={"labels": labels}, spec=spec, status={"phase": "Running"})
    assert cluster.entries()[1:] == [("k", "Update", 2, {"f:status": {"f:phase": {}}})]
    assert cluster.live["metadata"]["managedFields"][1]["subresource"] == "status"  # type: ignore[index]
    cluster.apply("ap", spec={"containers": [{"name": "a"}]}, status={"phase": "Odd"})
    applied = {"f:spec": {"f:containers": {'k:{"name":"a"}': {".": {}, "f:name": {}}}}}
    assert cluster.entries()[0] == ("ap", "Apply", 3, applied)


def test_an_empty_struct_that_go_always_writes_is_nobodys() -> None:
    cluster = Cluster(nodes.deployment(), "Deployment", "apps/v1")
    cluster.write(
        "c", spec={"template": {"spec": {"containers": [{"name": "a", "resources": {}}]}}}, status={}
    )
    container = {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:resources": {}}}
    assert cluster.entries()[0][3] == {"f:spec": {"f:template": {"f:spec": {"f:containers": container}}}}


def test_only_ten_updaters_are_kept_apart() -> None:
    cluster = config_map()
    for number in range(12):
        cluster.write(f"m{number:02}", data={f"k{n:02}": "1" for n in range(number + 1)})
    found = cluster.entries()
    assert [one[0] for one in found] == ["ancient-changes", *(f"m{number:02}" for number in range(3, 12))]
    assert found[0] == ("ancient-changes", "Update", 3, data("k00", "k01", "k02", itself=True))


def test_entries_of_versions_that_are_no_more_go() -> None:
    node = nodes.config_map()
    entry = {"manager": "x", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": data("a")}
    live = {
        "metadata": {"managedFields": [{**entry, "apiVersion": "v0"}, {**entry, "apiVersion": "v2"}]},
        "data": {"a": "1"},
    }
    new = {"metadata": {}, "data": {"a": "2"}}

    def convert(found: dict[str, Any], version: str) -> tuple[Node, dict[str, Any]] | None:
        # In v2 it is called stuff.
        renamed = nodes.kind("ConfigMap", stuff=nodes.map_of(nodes.text()))
        return None if version == "v0" else (renamed, {"metadata": {}, "stuff": found["data"]})

    managed.update(node, live, new, "a", "v1", "", "2026-01-01T00:00:00Z", convert=convert)
    found = new["metadata"]["managedFields"]  # type: ignore[index]
    # What v2 says of "data" is not about what changed there.
    assert [(one["manager"], one["apiVersion"], one["fieldsV1"]) for one in found] == [
        ("x", "v2", data("a")),
        ("a", "v1", data("a")),
    ]


def test_an_applier_of_another_version_before() -> None:
    node = nodes.config_map()
    renamed = nodes.kind("ConfigMap", stuff=nodes.map_of(nodes.text()))
    entry = {"manager": "m", "operation": "Apply", "apiVersion": "v2", "fieldsType": "FieldsV1"}
    live = {
        "apiVersion": "v1",
        "metadata": {"managedFields": [{**entry, "fieldsV1": {"f:stuff": {"f:a": {}, "f:b": {}}}}]},
        "data": {"a": "1", "b": "2", "c": "3"},
    }

    def convert(found: dict[str, Any], version: str) -> tuple[Node, dict[str, Any]]:
        source, target = ("data", "stuff") if version == "v2" else ("stuff", "data")
        there = {target if key == source else key: value for key, value in found.items()}
        return (renamed if version == "v2" else node, {**there, "apiVersion": version})

    applied = {"apiVersion": "v1", "data": {"a": "1"}}
    found = applying.apply(node, live, applied, "m", "v1", "", "2026-01-01T00:00:00Z", convert=convert)
    assert found["data"] == {"a": "1", "c": "3"}
    assert [(one["apiVersion"], one["fieldsV1"]) for one in found["metadata"]["managedFields"]] == [
        ("v1", data("a"))
    ]


def test_elements_that_others_own_stay() -> None:
    cluster = Cluster(nodes.deployment(), "Deployment", "apps/v1")

    def spec(*containers: dict[str, Any]) -> dict[str, Any]:
        return {"template": {"spec": {"containers": list(containers)}}}

    cluster.apply("m1", spec=spec({"name": "a", "image": "i", "env": [{"name": "A", "value": "1"}]}))
    cluster.apply("m2", spec=spec({"name": "a", "env": [{"name": "B", "value": "2"}]}, {"name": "side"}))
    cluster.apply("m1", spec=spec({"name": "a", "image": "i"}))
    assert cluster.live is not None
    containers = cluster.live["spec"]["template"]["spec"]["containers"]
    assert containers == [{"name": "a", "image": "i", "env": [{"name": "B", "value": "2"}]}, {"name": "side"}]
    cluster.apply("m2")
    assert cluster.live["spec"]["template"]["spec"]["containers"] == [{"name": "a", "image": "i"}]


def test_defaults_that_nobody_owns_go_with_their_element() -> None:
    cluster = Cluster(nodes.deployment(), "Deployment", "apps/v1")
    port = {"containerPort": 80}
    cluster.apply("m", spec={"template": {"spec": {"containers": [{"name": "a", "ports": [port]}]}}})
    assert cluster.live is not None
    cluster.live["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = "TCP"
    cluster.apply("m", spec={"template": {"spec": {"containers": [{"name": "a"}]}}})
    assert cluster.live["spec"]["template"]["spec"]["containers"] == [{"name": "a"}]


REFUSED: list[tuple[Any, int, str]] = [
    ({}, 400, "invalid object type: /, Kind="),
    ({"apiVersion": "v1"}, 400, "invalid object type: /v1, Kind="),
    ({"kind": "ConfigMap"}, 400, "invalid object type: /, Kind=ConfigMap"),
    ({"apiVersion": "apps/v1", "kind": "ConfigMap"}, 400, "invalid object type: apps/v1, Kind=ConfigMap"),
    ({"apiVersion": "a/b/c", "kind": "ConfigMap"}, 400, "invalid object type: /, Kind="),
    ({"apiVersion": 1, "kind": {}}, 400, "invalid object type: /, Kind="),
    (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": []}},
        400,
        "metadata.managedFields must be nil",
    ),
    (
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 5}},
        500,
        "failed to create typed patch object (/; /v1, Kind=ConfigMap): "
        ".data.a: expected string, got &value.valueUnstructured{Value:5}",
    ),
    (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "n", "namespace": "s"}, "nosuch": 1},
        500,
        "failed to create typed patch object (s/n; /v1, Kind=ConfigMap): "
        ".nosuch: field not declared in schema",
    ),
    (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": "x"},
        500,
        "failed to create typed patch object (/; /v1, Kind=ConfigMap): .metadata: expected map, got &{x}",
    ),
]


@pytest.mark.parametrize(("applied", "code", "message"), REFUSED)
def test_configurations_that_are_none(applied: Any, code: int, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        applying.apply(
            nodes.config_map(), None, applied, "m", "v1", "", "2026-01-01T00:00:00Z", kind="ConfigMap"
        )
    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.reason == ("BadRequest" if code == 400 else "")


def test_a_deep_configuration_is_refused_and_a_deep_update_is_nobodys() -> None:
    node = nodes.kind("Any", data=Node("any"))
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    applied = {"apiVersion": "v1", "kind": "Any", "data": deep}
    with pytest.raises(StatusError):
        applying.apply(node, None, applied, "m", "v1", "", "2026-01-01T00:00:00Z")
    managed.update(node, None, {**applied, "metadata": {}}, "m", "v1", "", "2026-01-01T00:00:00Z")


def test_kubectl_takes_over_what_it_applied_itself() -> None:
    def last(**values: str) -> dict[str, Any]:
        applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": values}
        return {"annotations": {lastapplied.ANNOTATION: json.dumps(applied)}}

    cluster = config_map()
    cluster.write("kubectl-client-side-apply", metadata=last(a="1", b="2"), data={"a": "1", "b": "2"})
    assert conflict(cluster, "other", data={"a": "5"})
    found = cluster.apply("kubectl", data={"a": "5"})
    assert found["data"] == {"a": "5", "b": "2"}
    assert found["metadata"]["annotations"][lastapplied.ANNOTATION] == (
        '{"apiVersion":"v1","data":{"a":"5"},"kind":"ConfigMap","metadata":{"name":"x"}}\n'
    )


def test_but_not_what_others_changed_since() -> None:
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1", "b": "2"}}
    metadata = {"annotations": {lastapplied.ANNOTATION: json.dumps(applied)}}
    cluster = config_map()
    cluster.write("csa", metadata=metadata, data={"a": "1", "b": "2"})
    cluster.write("other", metadata=metadata, data={"a": "1", "b": "3"})
    assert conflict(cluster, "kubectl", data={"a": "7", "b": "8"}).message == (
        'Apply failed with 1 conflict: conflict with "other" using v1: .data.b'
    )


def test_keep_times() -> None:
    def made(time: str, **fields: Any) -> dict[str, Any]:
        entry = {"manager": "m", "operation": "Update", "time": time, "fieldsV1": data("a")}
        return {"metadata": {"resourceVersion": time, "managedFields": [entry]}, **fields}

    new, live = made("2"), made("1")
    managed.keep_times(new, live)
    assert new["metadata"]["managedFields"] == live["metadata"]["managedFields"]
    new = made("2", data={"a": "1"})
    managed.keep_times(new, live)
    assert new["metadata"]["managedFields"][0]["time"] == "2"


REPLICAS = ("f:spec", "f:replicas")


def test_scale() -> None:
    mappings = {"apps/v1": REPLICAS}
    cluster = Cluster(nodes.deployment(), "Deployment", "apps/v1")
    selector = {"matchLabels": {"a": "b"}}
    cluster.apply("m1", spec={"replicas": 1, "selector": selector})
    assert cluster.live is not None
    entries = cluster.live["metadata"]["managedFields"]
    seen = scale.to_scale(entries, mappings)
    spec = {"f:spec": {"f:replicas": {}}}
    assert [(one["manager"], one["apiVersion"], one["fieldsV1"]) for one in seen] == [
        ("m1", "autoscaling/v1", spec)
    ]

    assert scale.to_parent(entries, seen, "apps/v1", mappings) == entries
    stolen = [{**seen[0], "manager": "hpa", "operation": "Update", "subresource": "scale"}]
    found = scale.to_parent(entries, stolen, "apps/v1", mappings)
    assert [(one["manager"], one["apiVersion"], one["fieldsV1"]) for one in found] == [
        ("m1", "apps/v1", {"f:spec": {"f:selector": {}}}),
        ("hpa", "apps/v1", spec),
    ]
    assert "time" not in found[1]


NAMES = st.sampled_from(["a", "b", "c"])
CONFIGS = st.dictionaries(NAMES, st.sampled_from("12"), max_size=3)
STEPS = st.lists(st.tuples(st.sampled_from(["apply", "force", "write"]), NAMES, CONFIGS), max_size=8)


@given(STEPS)
def test_whatever_happens(steps: list[tuple[str, str, dict[str, str]]]) -> None:
    cluster = config_map()
    for how, manager, values in steps:
        before = copy.deepcopy(cluster.live)
        if how == "write":
            found = cluster.write(manager, metadata={"uid": "u"}, data=values)
            assert found["data"] == values
        else:
            try:
                found = cluster.apply(manager, force=how == "force", data=values)
            except StatusError:
                assert how == "apply"
                continue
            assert {**found.get("data", {}), **values} == found.get("data", {})
            if values:  # of an empty map nothing is left to apply it to again
                assert cluster.apply(manager, data=values) == found
        check(found, before)


def check(found: dict[str, Any], before: dict[str, Any] | None) -> None:
    entries = found["metadata"].get("managedFields", [])
    there = {("f:data", f"f:{name}") for name in found.get("data", {})} | {("f:data",)}
    for entry in entries:
        fields = entry["fieldsV1"]
        assert fields == fieldset.decode(fields) != {}
        assert set(fieldset.paths(fields)) <= there
    if before is not None:
        gone = set(before.get("data") or {}) - set(found.get("data") or {})
        assert not any(
            name in json.dumps(entry["fieldsV1"]) for entry in entries for name in (f'"f:{g}"' for g in gone)
        )
