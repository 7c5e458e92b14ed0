"""What happened, for the record: audit.k8s.io/v1 events.

A request that is kept has a Trail: it makes an event at each stage and hands it to sinks, which never make a
request wait (auditsinks.py).
Kubernetes: staging/src/k8s.io/apiserver/pkg/audit, pkg/endpoints/filters/audit.go.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sampan.kube.access.auditpolicy import Kept, Policy
from sampan.kube.access.authentication import user_info
from sampan.kube.access.user import Attributes, User
from sampan.kube.kinds.resource import Object

RECEIVED, STARTED, COMPLETE, PANIC = "RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"


class Sink(Protocol):
    def put(self, event: Object) -> None:
        """Take an event; never waits, never raises. The event is not changed afterwards."""
        ...


@dataclass(frozen=True)
class Facts:
    """Of a request, apart from what it asks for."""

    uri: str
    agent: str = ""
    addresses: tuple[str, ...] = ()
    audit_id: str = ""  # of its header Audit-ID
    impersonated: User | None = None


def stamp(seconds: float) -> str:
    """A MicroTime."""
    whole = int(seconds)
    micros = int((seconds - whole) * 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{micros:06d}Z"


@dataclass
class Trail:
    """The events of one request. Objects handed in must not be changed before the request is complete."""

    kept: Kept
    event: Object
    clock: Callable[[], float]
    sinks: Sequence[Sink]
    annotations: dict[str, str] = field(default_factory=dict)

    def received(self) -> None:
        self._emit(RECEIVED)

    def request(self, value: Object | None) -> None:
        """What was sent, decoded."""
        if self.kept.requests and value is not None:
            self.event["requestObject"] = self._shown(value)

    def about(self, **reference: str) -> None:
        """More of the object that it is about: its name once it is known, uid, resourceVersion."""
        found = {key: value for key, value in reference.items() if value}
        self.event["objectRef"] = {**(self.event.get("objectRef") or {}), **found}

    def started(self, code: int) -> None:
        """An answer that lasts (a watch) has begun."""
        self.event["responseStatus"] = {"metadata": {}, "code": code}
        self._emit(STARTED)

    def refused(self, message: str) -> None:
        """Nobody knows who it was: that is all that happens."""
        self.event["responseStatus"] = {"metadata": {}, "message": message, "code": 401}
        self._emit(STARTED)

    def complete(self, code: int, answer: Object | None = None) -> None:
        """All is answered; `answer` is the object, or the Status of a failure."""
        told: Object = {"metadata": {}, "code": code}
        if answer is not None and answer.get("kind") == "Status":
            told |= {
                key: answer[key] for key in ("status", "message", "reason", "details") if answer.get(key)
            }
        self.event["responseStatus"] = told
        if self.kept.responses and answer is not None:
            self.event["responseObject"] = self._shown(answer)
        self._emit(COMPLETE)

    def panic(self, message: str) -> None:
        """It broke on the way."""
        failed = {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError"}
        self.event["responseStatus"] = {**failed, "code": 500}
        self._emit(PANIC)

    def _emit(self, stage: str) -> None:
        if stage in self.kept.omitted_stages:
            return
        event = {**self.event, "stage": stage, "stageTimestamp": stamp(self.clock())}
        if self.annotations:
            event["annotations"] = dict(self.annotations)
        for sink in self.sinks:
            sink.put(event)

    def _shown(self, value: Object) -> Object:
        return without_managed_fields(value) if self.kept.omits_managed_fields else value


def without_managed_fields(value: Object) -> Object:
    """An object, or a list of them, without who owns which field."""
    found = dict(value)
    metadata = found.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata:
        found["metadata"] = {key: one for key, one in metadata.items() if key != "managedFields"}
    items = found.get("items")
    if isinstance(items, list):
        found["items"] = [without_managed_fields(one) if isinstance(one, dict) else one for one in items]
    return found


class Audit:
    """Makes the trail of a request, by the policy."""

    def __init__(self, policy: Policy, sinks: Sequence[Sink], clock: Callable[[], float] = time.time) -> None:
        self._policy = policy
        self._sinks = sinks
        self._clock = clock

    def begin(self, asked: Attributes, facts: Facts) -> Trail | None:
        """None: nothing is kept of it. `asked.user` is who sent it, not whom it acts as."""
        kept = self._policy.of(asked)
        if kept.level == "None":
            return None
        now = self._clock()
        event: Object = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": kept.level,
            "auditID": facts.audit_id or str(uuid.uuid4()),
            "stage": RECEIVED,
            "requestURI": facts.uri,
            "verb": asked.verb,
            "user": user_info(asked.user),
        }
        if facts.impersonated:
            event["impersonatedUser"] = user_info(facts.impersonated)
        if facts.addresses:
            event["sourceIPs"] = list(facts.addresses)
        if facts.agent:
            event["userAgent"] = facts.agent
        if asked.resource:
            event["objectRef"] = _reference(asked)
        event["requestReceivedTimestamp"] = stamp(now)
        return Trail(kept, event, self._clock, self._sinks)


def _reference(asked: Attributes) -> Object:
    fields: Mapping[str, Any] = {
        "resource": asked.resource,
        "namespace": asked.namespace,
        "name": asked.name,
        "apiGroup": asked.group,
        "apiVersion": asked.version,
        "subresource": asked.subresource,
    }
    return {key: value for key, value in fields.items() if value}


def decision_notes(allowed: bool, reason: str) -> dict[str, str]:
    """What a trail notes of an authorizer's decision."""
    decision = "allow" if allowed else "forbid"
    return {"authorization.k8s.io/decision": decision, "authorization.k8s.io/reason": reason}
