import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.schema.node import Node
from sampan.kube.schema.patches import strategic
from sampan.specs.kubernetes.status import StatusError
from tests.kube.schema import nodes

NODE = nodes.deployment()
A: dict[str, Any] = {
    "name": "a",
    "image": "i1",
    "args": ["x", "y"],
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 81, "name": "q"}],
}
B = {"name": "b", "image": "i2"}
LIVE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "labels": {"k": "v"}, "finalizers": ["a", "b"]},
    "spec": {
        "replicas": 0,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        "template": {
            "spec": {
                "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}],
                "containers": [A, B],
                "tolerations": [{"key": "a"}],
            }
        },
    },
}


def pod(**fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": fields}}}


def a(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "a", **fields}])


SPEC = ("spec", "template", "spec")
CONTAINERS = (*SPEC, "containers")

# (what it shows, patch, place, what is there afterwards)
PATCHED: list[tuple[str, Any, tuple[Any, ...], Any]] = [
    ("an element is found by its key", a(image="i3"), CONTAINERS, [{**A, "image": "i3"}, B]),
    ("a new element comes first", pod(containers=[{"name": "n"}]), CONTAINERS, [{"name": "n"}, A, B]),
    ("an element is deleted", pod(containers=[{"name": "b", "$patch": "delete"}]), CONTAINERS, [A]),
    (
        "a list is replaced",
        pod(containers=[{"$patch": "replace"}, {"name": "only"}]),
        CONTAINERS,
        [{"name": "only"}],
    ),
    ("a map is deleted", {"spec": {"strategy": {"$patch": "delete"}}}, ("spec", "strategy"), {}),
    (
        "a map is replaced",
        {"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}},
        ("spec", "strategy"),
        {"type": "Recreate"},
    ),
    (
        "only the keys to retain stay",
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
        ("spec", "strategy"),
        {"type": "Recreate"},
    ),
    (
        "in an element as well",
        pod(volumes=[{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]),
        (*SPEC, "volumes"),
        [{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w", "emptyDir": {}}],
    ),
    (
        "lists within elements are merged: what the patch names, then the rest",
        a(env=[{"name": "A", "value": "9"}, {"name": "C", "value": "3"}]),
        (*CONTAINERS, 0, "env"),
        [{"name": "A", "value": "9"}, {"name": "C", "value": "3"}, {"name": "B", "value": "2"}],
    ),
    (
        "the order can be told",
        a(**{"$setElementOrder/env": [{"name": "B"}, {"name": "A"}], "env": [{"name": "A", "value": "9"}]}),
        (*CONTAINERS, 0, "env"),
        [{"name": "B", "value": "2"}, {"name": "A", "value": "9"}],
    ),
    (
        "the order alone",
        pod(**{"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
        CONTAINERS,
        [B, A],
    ),
    (
        "merged by another key than the list is owned by",
        a(ports=[{"containerPort": 80, "name": "p"}]),
        (*CONTAINERS, 0, "ports"),
        [{"containerPort": 80, "protocol": "TCP", "name": "p"}, {"containerPort": 81, "name": "q"}],
    ),
    ("a list without strategy is replaced", a(args=["z"]), (*CONTAINERS, 0, "args"), ["z"]),
    ("so are maps in one", pod(tolerations=[{"key": "b"}]), (*SPEC, "tolerations"), [{"key": "b"}]),
    ("scalars are added", {"metadata": {"finalizers": ["c"]}}, ("metadata", "finalizers"), ["c", "a", "b"]),
    (
        "scalars are taken away",
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
        ("metadata", "finalizers"),
        ["b"],
    ),
    (
        "scalars are put in order",
        {"metadata": {"$setElementOrder/finalizers": ["b", "a"]}},
        ("metadata", "finalizers"),
        ["b", "a"],
    ),
    (
        "a list of deletions that is none is nothing",
        {"metadata": {"$deleteFromPrimitiveList/finalizers": "x"}},
        ("metadata", "finalizers"),
        ["a", "b"],
    ),
    (
        "null deletes",
        {"spec": {"replicas": None}},
        ("spec",),
        {k: v for k, v in LIVE["spec"].items() if k != "replicas"},
    ),
    (
        "an empty list changes nothing",
        pod(volumes=[]),
        (*SPEC, "volumes"),
        LIVE["spec"]["template"]["spec"]["volumes"],
    ),
    ("maps are merged", {"metadata": {"labels": {"n": "1"}}}, ("metadata", "labels"), {"k": "v", "n": "1"}),
    (
        "nulls and directives are left out of what is new",
        {
            "metadata": {
                "annotations": {"a": None, "b": "1"},
                "ownerReferences": [{"$patch": "delete", "uid": "1"}],
            }
        },
        ("metadata",),
        {**LIVE["metadata"], "annotations": {"b": "1"}, "ownerReferences": []},
    ),
    ("null as a whole", None, (), LIVE),
    ("the whole replaced", {"$patch": "replace", "metadata": {"name": "d"}}, (), {"metadata": {"name": "d"}}),
]


@pytest.mark.parametrize(
    ("patch", "place", "wanted"), [row[1:] for row in PATCHED], ids=[row[0] for row in PATCHED]
)
def test_patches(patch: Any, place: tuple[Any, ...], wanted: Any) -> None:
    live, before = copy.deepcopy(LIVE), copy.deepcopy(patch)
    found: Any = strategic.apply(NODE, live, patch)
    for key in place:
        found = found[key]
    assert found == wanted
    assert (live, patch) == (LIVE, before)


def invalid(printed: str, why: str) -> str:
    return f' "" is invalid: patch: Invalid value: "{printed}": {why}'


REFUSED: list[tuple[Any, int, str]] = [
    (pod(containers=[{"image": "i"}]), 500, "map: map[image:i] does not contain declared merge key: name"),
    (
        {"spec": {"strategy": {"$retainKeys": ["nosuch"], "type": "x"}}},
        400,
        "invalid patch format of retainKeys",
    ),
    ({"spec": {"strategy": {"$retainKeys": "type", "type": "x"}}}, 400, "invalid patch format of retainKeys"),
    (
        pod(**{"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a", "image": "z"}]}),
        500,
        "The order in patch list:\n[map[image:z name:a]]\n"
        " doesn't match $setElementOrder list:\n[map[name:b]]\n",
    ),
    (
        {"spec": {"strategy": {"$patch": "nosuch"}}},
        500,
        "unknown patch type: nosuch in map: map[$patch:nosuch]",
    ),
    (a(**{"$patch": "nosuch"}), 500, "unknown patch type: nosuch in map: map[$patch:nosuch name:a]"),
    (a(**{"$patch": "merge"}), 500, "merging lists cannot yet be specified in the patch"),
    (
        pod(containers="x"),
        422,
        invalid("map[spec:map[template:map[spec:map[containers:x]]]]", "cannot restore slice from string"),
    ),
    ({"spec": []}, 422, invalid("map[spec:[]]", "cannot restore struct from: slice")),
    ({"spec": {"replicas": "x"}}, 422, invalid("map[spec:map[replicas:x]]", "unrecognized type: int32")),
    (
        {"metadata": {"labels": "x"}},
        422,
        invalid("map[metadata:map[labels:x]]", "cannot restore map from string"),
    ),
    (
        {"metadata": {"labels": {"a": 5}}},
        422,
        invalid("map[metadata:map[labels:map[a:5]]]", "cannot convert int64 to string"),
    ),
    ([], 400, "json: cannot unmarshal array into Go value of type map[string]interface {}"),
    (
        {"metadata": {"$setElementOrder/finalizers": "x"}},
        500,
        "expected a []interface {}, but received a string",
    ),
    ({"metadata": {"$setElementOrder": []}}, 400, "invalid patch format of setElementOrder list"),
    ({"metadata": {"$deleteFromPrimitiveList": []}}, 400, "invalid patch format of primitive list"),
    (
        {"metadata": {"finalizers": ["c", 1]}},
        500,
        "list element types are not identical: [[a b] [c 1]]",
    ),
    (
        {"metadata": {"finalizers": [["c"]]}},
        500,
        "list element types are not identical: [[a b] [[c]]]",
    ),
]


@pytest.mark.parametrize(("patch", "code", "message"), REFUSED)
def test_refusals(patch: Any, code: int, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        strategic.apply(NODE, LIVE, patch)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_what_go_does_not_know_cannot_be_merged() -> None:
    raw = nodes.with_(Node("any"), definition="io.k8s.apimachinery.pkg.runtime.RawExtension")
    node = nodes.kind("ControllerRevision", data=raw)
    with pytest.raises(StatusError) as caught:
        strategic.apply(node, {"data": {"a": {}}}, {"data": {"a": {}}})
    assert caught.value.message == 'unable to find api field in struct RawExtension for the json field "a"'


def test_a_long_list_takes_no_more_time_than_it_must() -> None:
    live = {"metadata": {"finalizers": [f"f{n}" for n in range(20_000)]}}
    patch = {"metadata": {"finalizers": [f"g{n}" for n in range(20_000)]}}
    assert len(strategic.apply(NODE, live, patch)["metadata"]["finalizers"]) == 40_000


def test_a_deep_patch_is_refused() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(StatusError):
        strategic.apply(NODE, LIVE, {"metadata": {"labels": deep}})


WORDS = st.sampled_from(
    [
        *("spec", "strategy", "template", "containers", "name", "env", "metadata", "finalizers", "labels"),
        *("$patch", "$retainKeys", "$deleteFromPrimitiveList/finalizers"),
        *("$setElementOrder/containers", "$setElementOrder/env"),
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b", "delete", "replace", "merge"])
)
PATCH = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(PATCH)
def test_any_patch_is_applied_or_refused_and_the_original_stays(patch: Any) -> None:
    live = copy.deepcopy(LIVE)
    for one in (patch, {"spec": {"template": {"spec": patch}}}, {"metadata": patch}):
        try:
            strategic.apply(NODE, live, one)
        except StatusError:
            pass
    assert live == LIVE
