"""What the scheduler writes: status of pods, volumes for claims, and bindings whose fate is unknown at first."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from sampan.errors import Unavailable
from sampan.kube.client.requests import Client
from sampan.kube.scheduler.binding import Binder, Gate, Rejected
from sampan.kube.scheduler.statuses import Statuses, Wish, patch_of
from sampan.kube.scheduler.volumebinding import writes
from sampan.kube.scheduler.volumes import Plan
from sampan.specs.kubernetes.status import StatusError, conflict, not_found
from sampan.tasks import Tasks
from tests.support.poll import until_async

Object = dict[str, Any]
NOW = 1_800_000_000.0
STAMP = "2027-01-15T08:00:00Z"
REFUSED = Wish("PodScheduled", "False", "Unschedulable", "why", "")


def pod(*conditions: Object, **status: Any) -> Object:
    metadata = {"name": "p", "namespace": "n", "uid": "u", "generation": 3}
    if conditions:
        status["conditions"] = list(conditions)
    return {"metadata": metadata, "spec": {}, "status": status}


def condition(status: str = "False", message: str = "why", since: str = STAMP) -> Object:
    return {
        "type": "PodScheduled",
        "observedGeneration": 3,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": since,
        "reason": "Unschedulable",
        "message": message,
    }


OLD = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("value", "wish", "status"),
    [
        (pod(), REFUSED, {"conditions": [condition()]}),
        # The time stays while the status does.
        (
            pod(condition(since=OLD, message="else")),
            REFUSED,
            {"conditions": [condition(since=OLD)]},
        ),
        (pod(condition("True", since=OLD)), REFUSED, {"conditions": [condition()]}),
        # Nothing to be done.
        (pod(condition(since=OLD)), REFUSED, None),
        (pod(nominatedNodeName="a"), Wish(nominated="a"), None),
        (pod(nominatedNodeName="a"), Wish(nominated=None), None),
        # A nomination comes and goes.
        (pod(), Wish(nominated="a"), {"nominatedNodeName": "a"}),
        (pod(nominatedNodeName="a"), Wish(nominated=""), {"nominatedNodeName": None}),
    ],
)
def test_status_is_patched_where_it_differs(value: Object, wish: Wish, status: Object | None) -> None:
    found = patch_of(value, wish, NOW)
    if status is None:
        assert found is None
        return
    assert found is not None and found["metadata"] == {"uid": "u"}
    found["status"].pop("$setElementOrder/conditions", None)
    assert found["status"] == status


def test_other_conditions_keep_their_place() -> None:
    found = patch_of(pod({"type": "Ready"}), REFUSED, NOW)
    assert found is not None
    assert found["status"]["$setElementOrder/conditions"] == [{"type": "Ready"}, {"type": "PodScheduled"}]


class Server(Client):
    """Answers from a list: values are returned, exceptions raised; what was asked is kept."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []

    async def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        self.asked.append((method, path, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Told:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def scheduling(self, regarding: Object, kind: str, reason: str, action: str, note: str) -> None:
        self.notes.append(f"{kind} {reason} {action}: {note}")


def bind(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr("sampan.kube.scheduler.binding.PAUSE", 0.0)
    told = Told()
    asyncio.run(Binder(server).bind(pod(), "here", told))  # type: ignore[arg-type]
    return told.notes


def placed(node: str, uid: str = "u") -> Object:
    return {"metadata": {"uid": uid}, "spec": {"nodeName": node} if node else {}}


AWAY = Unavailable("no answer")


@pytest.mark.parametrize(
    "answers",
    [
        ({},),
        # Nobody answered, but the server had heard.
        (AWAY, placed("here")),
        (AWAY, AWAY, StatusError("", "starting", None, 503), placed("here")),
    ],
)
def test_a_pod_is_bound(answers: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(*answers)
    notes = bind(server, monkeypatch)
    assert notes == ["Normal Scheduled Binding: Successfully assigned n/p to here"]
    method, path, body = server.asked[0]
    assert (method, path) == ("POST", "/api/v1/namespaces/n/pods/p/binding")
    assert body["target"] == {"kind": "Node", "name": "here"} and body["metadata"]["uid"] == "u"


@pytest.mark.parametrize(
    "answers",
    [
        (conflict("", "pods/binding", "p", "pod p is already assigned to node x"),),
        (AWAY, placed("")),
        (AWAY, placed("elsewhere")),
        (AWAY, placed("here", "another")),
        (AWAY, not_found("", "pods", "p")),
    ],
)
def test_a_binding_is_rejected(answers: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Rejected, match='running Bind plugin "DefaultBinder": '):
        bind(Server(*answers), monkeypatch)


def test_of_several_wishes_the_last_is_written() -> None:
    async def work() -> list[Any]:
        tasks = Tasks()
        server = Server({}, {})
        statuses = Statuses(server, lambda key: pod(), lambda: NOW, tasks)
        for message in ("first", "second", "third"):
            statuses.wish(pod(), Wish("PodScheduled", "False", "Unschedulable", message))
        await until_async(lambda: not len(tasks), "the end of the writes")
        return [body["status"]["conditions"][0]["message"] for _, _, body in server.asked]

    assert asyncio.run(work()) == ["third"]


def test_wishes_for_different_things_are_one() -> None:
    promise, refused = Wish(nominated="a"), replace(REFUSED, nominated=None)
    both = replace(REFUSED, nominated="a")
    assert refused.after(promise) == promise.after(refused) == both
    assert Wish(nominated="").after(both) == replace(REFUSED, nominated="")


def test_nothing_is_written_of_a_pod_that_has_gone() -> None:
    async def work() -> list[Any]:
        tasks = Tasks()
        server = Server()
        statuses = Statuses(server, lambda key: None, lambda: NOW, tasks)
        statuses.wish(pod(), REFUSED)
        await until_async(lambda: not len(tasks), "the end of the writes")
        return server.asked

    assert asyncio.run(work()) == []


def test_a_gate_lets_so_many_in() -> None:
    async def work() -> None:
        gate = Gate(2)
        gate.enter()
        await gate.wait()
        gate.enter()
        waiter = asyncio.ensure_future(gate.wait())
        await asyncio.sleep(0)
        assert not waiter.done()
        gate.leave()
        await waiter

    asyncio.run(work())


def claim(name: str, **annotations: str) -> Object:
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}", "resourceVersion": "7"}
    return {"metadata": {**metadata, "annotations": annotations}, "spec": {}}


def volume(name: str, **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": spec}


def test_a_volume_is_kept_for_its_claim_and_a_claim_told_its_node() -> None:
    plan = Plan(((claim("a"), volume("v", capacity={"storage": "1Gi"})),), (claim("b", x="y"),))
    found = writes(plan, "here")
    [kept], [told] = found.volumes, found.claims
    assert kept["spec"] == {
        "capacity": {"storage": "1Gi"},
        "claimRef": {
            "kind": "PersistentVolumeClaim",
            "apiVersion": "v1",
            "namespace": "n",
            "name": "a",
            "uid": "uid-a",
            "resourceVersion": "7",
        },
    }
    assert kept["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert told["metadata"]["annotations"] == {"x": "y", "volume.kubernetes.io/selected-node": "here"}


def test_a_volume_that_is_kept_already_is_not_written() -> None:
    reference = {"name": "a", "namespace": "n", "uid": "uid-a"}
    assert writes(Plan(((claim("a"), volume("v", claimRef=reference)),)), "here").volumes == ()
