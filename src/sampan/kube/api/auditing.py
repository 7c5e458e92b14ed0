"""Requests and the audit log: where each stage of a request becomes an event."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from sampan.kube.access.audit import Audit, Facts, Sink, Trail, decision_notes
from sampan.kube.access.auditpolicy import from_file
from sampan.kube.access.auditsinks import LogFile, LogSink, WebhookSink
from sampan.kube.access.user import Attributes, User
from sampan.kube.api.accessoptions import AccessOptions
from sampan.kube.api.headers import readable
from sampan.kube.api.negotiation import JSON, PROTOBUF, YAML
from sampan.kube.kinds.resource import Object
from sampan.kube.schema import decoding, protobuf
from sampan.specs.kubernetes.status import StatusError

# aiohttp of late wants keys of this type, earlier ones know text only.
_typed = getattr(web, "RequestKey", None)
_SECONDS = 30.0  # that a webhook may take for a batch


@dataclass
class Record:
    """What is known of a request on its way; `sender` only if it acts as somebody else."""

    trail: Trail | None = None
    sent: bytes | None = None
    sender: User | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


_KEY: Any = _typed("audit", Record) if _typed else "audit"


def record(request: web.BaseRequest) -> Record:
    """That of a request, made when it is first needed."""
    found: Record | None = request.get(_KEY)
    if found is None:
        found = request[_KEY] = Record()
    return found


def trail_of(request: web.BaseRequest) -> Trail | None:
    """None: nothing is kept of it."""
    found: Record | None = request.get(_KEY)
    return found.trail if found is not None else None


def audit_headers(request: web.BaseRequest) -> dict[str, str]:
    """What an answer tells of the record of its request; of one that lasts, this has to be said first."""
    trail = trail_of(request)
    return {"Audit-Id": trail.event["auditID"]} if trail is not None else {}


class Auditor:
    """Does nothing of its own for requests that the policy does not name."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def begin(self, request: web.BaseRequest, asked: Attributes) -> None:
        """Once it is known who asks for what, and before it is known whether they may."""
        known = record(request)
        sender = known.sender
        trail = self._audit.begin(_as(asked, sender), _facts(request, asked.user if sender else None))
        if trail is not None:
            trail.annotations |= known.notes
            known.trail = trail
            trail.received()

    def not_let_in(self, request: web.BaseRequest, asked: Attributes) -> None:
        """Who sends a request shows nothing that counts, or may not act as somebody else. `asked.user` has no
        name.
        """
        sender = record(request).sender
        if sender is not None:
            record(request).sender = None
            self.begin(request, replace(asked, user=sender))
            return
        trail = self._audit.begin(asked, _facts(request, None))
        if trail is not None:
            trail.refused(_attempted(request))

    def end(self, request: web.BaseRequest, response: web.StreamResponse | None) -> None:
        """When all is answered, or refused; None: the client went away before."""
        trail = trail_of(request)
        if trail is None:
            return
        if response is None:
            trail.complete(200)
            return
        if not response.prepared:
            response.headers["Audit-Id"] = trail.event["auditID"]
        sent = record(request).sent
        if trail.kept.requests and sent is not None:
            trail.request(_parsed(sent, request.headers.get("Content-Type", "")))
        trail.complete(response.status, _answered(response, trail))


def _facts(request: web.BaseRequest, impersonated: User | None) -> Facts:
    headers = request.headers
    return Facts(
        request.raw_path,
        readable(headers.get("User-Agent", "")),
        (request.remote,) if request.remote else (),
        readable(headers.get("Audit-ID", ""))[:64],
        impersonated,
    )


def _attempted(request: web.BaseRequest) -> str:
    """By which means, in upstream's words."""
    scheme = request.headers.get("Authorization", "").partition(" ")[0].lower()
    transport = request.transport
    session = transport.get_extra_info("ssl_object") if transport is not None else None
    shown = [scheme] if scheme in ("basic", "bearer") else []
    if session is not None and session.getpeercert(True) is not None:
        shown.append("x509")
    if not shown:
        return "Authentication failed, no credentials provided"
    return f"Authentication failed, attempted: {', '.join(shown)}"


def _as(asked: Attributes, sender: User | None) -> Attributes:
    """The policy is about who sends a request, not about whom it acts as."""
    if sender is None:
        return asked
    return replace(asked, user=sender)


def decided(request: web.BaseRequest, allowed: bool, reason: str) -> None:
    """Note what the authorizers said."""
    trail = trail_of(request)
    if trail is not None:
        trail.annotations |= decision_notes(allowed, reason)


def _answered(response: web.StreamResponse, trail: Trail) -> Object | None:
    """The object of an answer; of a failure in any case, else if the policy keeps it."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return None
    if response.status < 400 and not trail.kept.responses:
        return None
    return _parsed(response.body, response.content_type)


def _parsed(data: bytes, content_type: str) -> Object | None:
    """None for what is no object; a record is no place to fail."""
    media = content_type.partition(";")[0].strip().lower() or JSON
    value: Any = None
    try:
        if media == PROTOBUF:
            value = protobuf.decode_object(data)
        elif media in (YAML, "application/apply-patch+yaml"):
            value, _ = decoding.parse_yaml(data)
        elif media == JSON or media.endswith("+json"):
            value = orjson.loads(data)
    except (ValueError, decoding.DecodeError, StatusError):
        return None
    return value if isinstance(value, dict) else None


async def auditor(options: AccessOptions, stack: AsyncExitStack, start: Any) -> Auditor | None:
    """By the options; `start` runs a task while the server lives. Raises Invalid."""
    if not options.policy:
        return None
    policy = from_file(Path(options.policy))
    sinks: list[Sink] = []
    if options.log.path:
        log = options.log
        file = LogFile(Path(log.path), largest=log.largest, backups=log.backups, days=log.days)
        sink = LogSink(file)
        stack.callback(sink.close)
        sinks.append(sink)
    if options.webhook:
        sinks.append(_webhook(Path(options.webhook), stack, start))
    return Auditor(Audit(policy, sinks)) if sinks else None


def _webhook(path: Path, stack: AsyncExitStack, start: Any) -> WebhookSink:
    from sampan.kube.access.remote import Remote, from_kubeconfig

    remote = Remote(from_kubeconfig(path), _SECONDS)
    stack.push_async_callback(remote.close)

    async def send(data: bytes) -> None:
        await remote.post(data)

    sink = WebhookSink(send, asyncio.sleep)
    start(sink.run())
    return sink
