"""Requests that nobody needs any more go: an hour after they were decided, a day after they were made."""

import base64
import binascii
from datetime import UTC, datetime

from cryptography import x509

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import SIGNING_REQUESTS
from sampan.kube.controllers.certificates.requests import is_issued
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes import time

DECIDED, PENDING = 3600.0, 24 * 3600.0  # seconds
AGAIN = 3600.0


def is_stale(value: Object, now: float) -> bool:
    """Pure; what was approved goes once it was signed, or has ended."""
    conditions = (value.get("status") or {}).get("conditions") or ()
    if not conditions:
        return _is_older(value["metadata"].get("creationTimestamp"), PENDING, now)
    for one in conditions:
        kind = one.get("type")
        if kind == "Approved" and is_issued(value) and _has_ended(value["status"]["certificate"], now):
            return True
        done = kind in ("Denied", "Failed") or (kind == "Approved" and is_issued(value))
        if done and _is_older(one.get("lastUpdateTime"), DECIDED, now):
            return True
    return False


def _is_older(at: str | None, seconds: float, now: float) -> bool:
    since = time.seconds(at)
    return since is not None and now - since > seconds


def _has_ended(certificate: str, now: float) -> bool:
    """Not of what is no certificate."""
    try:
        found = x509.load_pem_x509_certificate(base64.b64decode(certificate))
    except (ValueError, binascii.Error):
        return False
    return found.not_valid_after_utc < datetime.fromtimestamp(now, UTC)


def controller(context: Context) -> Controller:
    requests = context.informers.of(SIGNING_REQUESTS)

    async def reconcile(name: str) -> float | None:
        value = requests.get(name)
        if value is None:
            return None
        if not is_stale(value, context.clock()):
            return AGAIN
        await context.client.discard(SIGNING_REQUESTS, value)
        return None

    found = Controller("certificate-cleaning", reconcile, [requests], workers=1)
    found.watch(requests)
    return found
