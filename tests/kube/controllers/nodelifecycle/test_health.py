"""When a node counts as silent, and what is written then."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sampan.kube.client.requests import Object
from sampan.kube.controllers.nodelifecycle.health import Grace, Health, is_silent, not_ready, observe, unknown

BORN = "2027-01-15T08:00:00Z"
BIRTH = 1_800_000_000.0
GRACE = Grace()


def node(heartbeat: str | None, uid: str = "u", status: str = "True") -> Object:
    ready = {"type": "Ready", "status": status, "lastHeartbeatTime": heartbeat}
    conditions = [ready] if heartbeat is not None else []
    metadata = {"name": "n", "uid": uid, "creationTimestamp": BORN}
    return {"metadata": metadata, "status": {"conditions": conditions}}


def lease(renewed: str) -> Object:
    return {"spec": {"renewTime": renewed}}


def test_a_node_that_never_spoke_has_a_minute_from_its_creation() -> None:
    found = observe(None, node(None), None, BIRTH + 50)
    assert not is_silent(found, GRACE, BIRTH + 60)
    assert is_silent(found, GRACE, BIRTH + 61)


def test_grace_begins_when_a_node_is_first_seen_and_with_each_sign() -> None:
    found = observe(None, node("a"), None, 1000)
    assert not is_silent(found, GRACE, 1050) and is_silent(found, GRACE, 1051)
    found = observe(found, node("a"), None, 1020)
    assert found.seen == 1000
    found = observe(found, node("b"), None, 1030)
    assert found.seen == 1030
    found = observe(found, node("b"), lease("2027-01-15T08:00:00.000000Z"), 1040)
    assert found.seen == 1040
    found = observe(found, node("b"), lease("2027-01-15T08:00:00.000000Z"), 1070)
    assert found.seen == 1040
    found = observe(found, node("b"), lease("2027-01-15T08:00:10.000000Z"), 1080)
    assert found.seen == 1080


def test_a_new_node_by_an_old_name_is_not_held_to_what_the_old_one_did() -> None:
    old = observe(None, node("a"), None, 1000)
    assert observe(old, node("a", uid="w"), None, 5000).seen == 5000


def test_the_clocks_of_nodes_do_not_matter() -> None:
    found = observe(None, node("1970-01-01T00:00:00Z"), lease("1999-01-01T00:00:00.000000Z"), 1000)
    found = observe(found, node("1970-01-01T00:00:10Z"), None, 1045)
    assert not is_silent(found, GRACE, 1090)


def test_conditions_of_a_silent_node() -> None:
    found = unknown(node("a"), BIRTH + 100)
    assert found is not None
    told: dict[str, Any] = {one["type"]: one for one in found}
    assert list(told) == ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"]
    assert told["Ready"] == {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
        "lastHeartbeatTime": "a",
        "lastTransitionTime": "2027-01-15T08:01:40Z",
    }
    assert told["PIDPressure"] == {
        "type": "PIDPressure",
        "status": "Unknown",
        "reason": "NodeStatusNeverUpdated",
        "message": "Kubelet never posted node status.",
        "lastHeartbeatTime": BORN,
        "lastTransitionTime": "2027-01-15T08:01:40Z",
    }
    assert unknown({**node("a"), "status": {"conditions": found}}, BIRTH + 200) is None


def test_only_pods_that_say_they_are_ready_are_marked() -> None:
    def pod(**conditions: str) -> Object:
        told = [{"type": kind, "status": status, "reason": "r"} for kind, status in conditions.items()]
        return {"metadata": {"name": "p"}, "status": {"phase": "Running", "conditions": told}}

    marked = not_ready([pod(Ready="True", ContainersReady="True"), pod(Ready="False"), pod(), {}], BIRTH)
    assert [one["status"]["conditions"] for one in marked] == [
        [
            {"type": "Ready", "status": "False", "reason": "r", "lastTransitionTime": BORN},
            {"type": "ContainersReady", "status": "True", "reason": "r"},
        ]
    ]


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.booleans()), max_size=30))
def test_who_gives_a_sign_within_the_grace_is_never_silent(steps: list[tuple[float, bool, bool]]) -> None:
    now, beats, renewals, last = 1000.0, 0, 0, 1000.0
    found: Health = observe(None, node("0"), None, now)
    for pause, beat, renewal in steps:
        now += pause
        beats, renewals = beats + beat, renewals + renewal
        found = observe(found, node(str(beats)), lease(f"{renewals:09}") if renewals else None, now)
        if beat or renewal:
            last = now
        assert is_silent(found, GRACE, now) == (now - last > GRACE.running)
