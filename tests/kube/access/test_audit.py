"""The record of what happened: by policy, to files and webhooks."""

import asyncio
import json
import logging

import pytest

from sampan.errors import Invalid
from sampan.kube.access.audit import Audit, Facts, decision_notes
from sampan.kube.access.auditpolicy import Policy, from_file
from sampan.kube.access.auditsinks import LogFile, LogSink, WebhookSink, line
from sampan.kube.access.user import User
from tests.kube.access.support import asks

JANE = User("jane", "u-1", ("dev", "system:authenticated"))


def level(rules, asked):
    return Policy({"rules": rules}).of(asked).level


PODS = asks(JANE, "get", "pods", namespace="ns", name="a")
LOG = asks(JANE, "get", "pods/log", namespace="ns", name="a")


@pytest.mark.parametrize(
    ("rule", "asked", "fits"),
    [
        ({}, PODS, True),
        ({"users": ["jane"]}, PODS, True),
        ({"users": ["joe"]}, PODS, False),
        ({"userGroups": ["ops", "dev"]}, PODS, True),
        ({"userGroups": ["ops"]}, PODS, False),
        ({"verbs": ["list"]}, PODS, False),
        ({"namespaces": ["ns"]}, PODS, True),
        ({"namespaces": [""]}, PODS, False),
        ({"namespaces": [""]}, asks(JANE, "get", "nodes"), True),
        ({"resources": [{"group": ""}]}, PODS, True),
        ({"resources": [{"group": "apps"}]}, PODS, False),
        ({"resources": [{"group": "", "resources": ["pods"]}]}, LOG, False),
        ({"resources": [{"group": "", "resources": ["pods/log"]}]}, LOG, True),
        ({"resources": [{"group": "", "resources": ["pods/*"]}]}, LOG, True),
        ({"resources": [{"group": "", "resources": ["*/log"]}]}, LOG, True),
        ({"resources": [{"group": "", "resources": ["*"]}]}, LOG, True),
        ({"resources": [{"group": "", "resources": ["pods"], "resourceNames": ["b"]}]}, PODS, False),
        ({"resources": [{"group": "", "resources": ["pods"]}]}, asks(JANE, "get", path="/x"), False),
        ({"nonResourceURLs": ["/health*"]}, asks(JANE, "get", path="/healthz"), True),
        ({"nonResourceURLs": ["/health*"]}, PODS, False),
    ],
)
def test_which_rules_fit(rule, asked, fits):
    assert level([{"level": "Request", **rule}], asked) == ("Request" if fits else "None")


def test_the_first_rule_counts():
    rules = [{"level": "None", "users": ["jane"]}, {"level": "Metadata"}]
    assert level(rules, PODS) == "None"
    assert level(rules, asks(User("joe"), "get", "pods")) == "Metadata"


class List(list):
    def put(self, event):
        self.append(event)


def trail(level="RequestResponse", asked=PODS, facts=None, **rest):
    sink = List()
    policy = Policy({"rules": [{"level": level, **rest}]})
    audit = Audit(policy, [sink], lambda: 1767323045.123456)
    return audit.begin(asked, facts or Facts("/api/v1/namespaces/ns/pods/a")), sink


def test_an_event_says_who_did_what():
    facts = Facts("/uri", "kubectl/v1", ("192.0.2.7",), "id-1", User("joe"))
    made, sink = trail("Metadata", facts=facts)
    made.received()
    made.annotations |= decision_notes(True, "RBAC: ...")
    made.request({"kind": "Pod"})
    made.complete(200, {"kind": "Pod"})
    assert [event["stage"] for event in sink] == ["RequestReceived", "ResponseComplete"]
    assert sink[1] == {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "id-1",
        "stage": "ResponseComplete",
        "requestURI": "/uri",
        "verb": "get",
        "user": {"username": "jane", "uid": "u-1", "groups": ["dev", "system:authenticated"]},
        "impersonatedUser": {"username": "joe"},
        "sourceIPs": ["192.0.2.7"],
        "userAgent": "kubectl/v1",
        "objectRef": {"resource": "pods", "namespace": "ns", "name": "a"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "2026-01-02T03:04:05.123456Z",
        "stageTimestamp": "2026-01-02T03:04:05.123456Z",
        "annotations": {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": "RBAC: ...",
        },
    }


@pytest.mark.parametrize(
    ("level", "with_request", "with_response"),
    [("Metadata", False, False), ("Request", True, False), ("RequestResponse", True, True)],
)
def test_levels_say_whether_objects_are_kept(level, with_request, with_response):
    made, sink = trail(level)
    made.request({"kind": "Secret", "data": {"a": "eA=="}})
    made.complete(201, {"kind": "Secret"})
    assert ("requestObject" in sink[0]) == with_request
    assert ("responseObject" in sink[0]) == with_response


def test_managed_fields_can_be_left_out():
    value = {"metadata": {"name": "x", "managedFields": [1]}}
    made, sink = trail(omitManagedFields=True)
    made.request(value)
    made.complete(200, {"items": [value]})
    assert sink[0]["requestObject"] == {"metadata": {"name": "x"}}
    assert sink[0]["responseObject"] == {"items": [{"metadata": {"name": "x"}}]}
    assert "managedFields" in value["metadata"]


def test_stages_can_be_left_out_and_failures_are_told():
    made, sink = trail(omitStages=["RequestReceived"])
    made.received()
    failure = {"kind": "Status", "status": "Failure", "reason": "NotFound", "message": "m", "code": 404}
    made.complete(404, failure)
    assert [event["stage"] for event in sink] == ["ResponseComplete"]
    assert sink[0]["responseStatus"] == {
        "metadata": {},
        "code": 404,
        "status": "Failure",
        "reason": "NotFound",
        "message": "m",
    }


def test_nothing_is_made_of_what_is_not_kept():
    assert trail("None")[0] is None


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"rules": []}, "needs rules"),
        ({"rules": [{"level": "All"}]}, "rules[0].level is 'All'"),
        ({"rules": [{"level": "None", "omitStages": ["Later"]}]}, "no stage 'Later'"),
        ({"rules": [{"level": "None", "users": "jane"}]}, "a list is wanted"),
        ({"rules": [{"level": "None", "user": []}]}, "unknown field 'user'"),
    ],
)
def test_policies_that_are_refused(tmp_path, policy, message):
    path = tmp_path / "policy.yaml"
    path.write_text(json.dumps({"kind": "Policy", "apiVersion": "audit.k8s.io/v1", **policy}))
    with pytest.raises(Invalid) as caught:
        from_file(path)
    assert message in str(caught.value)


def test_large_events_lose_their_objects():
    event = {"auditID": "x", "requestObject": {"a": "b" * 2000}, "annotations": {"k": "v"}}
    assert json.loads(line(event)) == event
    assert json.loads(line(event, 1000)) == {
        "auditID": "x",
        "annotations": {"k": "v", "audit.k8s.io/truncated": "true"},
    }


def test_a_file_gets_every_event(tmp_path):
    path = tmp_path / "logs" / "audit.log"
    sink = LogSink(LogFile(path))
    for number in range(2500):
        sink.put({"number": number})
    sink.close()
    assert [json.loads(text)["number"] for text in path.read_text().splitlines()] == list(range(2500))
    assert path.stat().st_mode & 0o777 == 0o600 and sink.dropped.count == 0


def test_files_are_set_aside_and_the_oldest_go(tmp_path):
    time = [1767323045.0]
    file = LogFile(tmp_path / "audit.log", largest=100, backups=2, clock=lambda: time[0])
    for number in range(5):
        file.write(f"{number}".encode() * 60 + b"\n")
        time[0] += 1
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "audit-2026-01-02T03-04-08.000.log",
        "audit-2026-01-02T03-04-09.000.log",
        "audit.log",
    ]
    assert (tmp_path / "audit.log").read_bytes()[:1] == b"4"


def test_a_slow_disk_drops_events_and_makes_nobody_wait(tmp_path, caplog):
    import threading

    gate = threading.Event()

    class Slow(LogFile):
        def write(self, data):
            gate.wait()
            super().write(data)

    sink = LogSink(Slow(tmp_path / "audit.log"), buffered=10)
    with caplog.at_level(logging.WARNING):
        for number in range(2000):
            sink.put({"number": number})
    assert sink.dropped.count >= 2000 - 10 - 1001
    assert caplog.text.count("events dropped") == 1
    gate.set()
    sink.close()


async def test_a_webhook_gets_batches_and_another_try():
    sent, pauses, trouble = [], [], [OSError("no"), TimeoutError()]
    delivered = asyncio.Event()

    async def send(data):
        if trouble:
            raise trouble.pop()
        sent.append(json.loads(data))
        delivered.set()

    async def pause(seconds):
        pauses.append(seconds)

    sink = WebhookSink(send, pause, buffered=1000)
    for number in range(450):
        sink.put({"number": number})
    task = asyncio.create_task(sink.run(wait=0.01))
    while len(sent) < 2:
        await delivered.wait()
        delivered.clear()
    task.cancel()
    assert [len(one["items"]) for one in sent] == [400, 50]
    assert sent[0]["kind"] == "EventList" and sent[0]["apiVersion"] == "audit.k8s.io/v1"
    assert pauses == [10.0, 15.0]
