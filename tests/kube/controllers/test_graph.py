"""Who belongs to whom."""

from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.resources import CONFIG_MAPS
from sampan.kube.controllers.graph import Graph, Vertex

UIDS = "abcd"


def vertex(uid: str, *owners: str, **more: object) -> Vertex:
    references = [{"uid": owner, "blockOwnerDeletion": owner.isupper()} for owner in owners]
    return Vertex(CONFIG_MAPS, {"uid": uid, "name": uid, "ownerReferences": references, **more})


def test_dependents_are_known_before_and_after_their_owner() -> None:
    graph = Graph()
    graph.put(vertex("child", "owner"))
    assert [one.uid for one in graph.dependents_of("owner")] == ["child"]
    graph.put(vertex("owner"))
    graph.remove("owner")
    assert [one.uid for one in graph.dependents_of("owner")] == ["child"]
    graph.put(vertex("child"))
    assert graph.dependents_of("owner") == []


def test_what_a_deletion_waits_for() -> None:
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert vertex("a", finalizers=["foregroundDeletion"], **going).waits_for_dependents
    assert not vertex("a", finalizers=["foregroundDeletion"]).waits_for_dependents
    assert vertex("a", finalizers=["orphan"], **going).lets_dependents_go
    assert vertex("a", "B").blocks("B")
    assert not vertex("a", "b").blocks("b")


@given(st.lists(st.tuples(st.sampled_from(UIDS), st.booleans(), st.sets(st.sampled_from(UIDS)))))
def test_dependents_are_always_those_that_name_the_owner(steps: list[tuple[str, bool, set[str]]]) -> None:
    graph = Graph()
    have: dict[str, set[str]] = {}
    for uid, there, owners in steps:
        if there:
            graph.put(vertex(uid, *owners))
            have[uid] = owners
        else:
            graph.remove(uid)
            have.pop(uid, None)
    for owner in UIDS:
        wanted = {uid for uid, owners in have.items() if owner in owners}
        assert {one.uid for one in graph.dependents_of(owner)} == wanted
