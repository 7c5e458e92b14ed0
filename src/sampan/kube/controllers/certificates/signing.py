"""Approved requests to Kubernetes' own signers are signed by the cluster's authority."""

import base64
from datetime import UTC, datetime
from pathlib import Path

from sampan.errors import Unavailable
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import SIGNING_REQUESTS
from sampan.kube.controllers.certificates.requests import (
    SIGNERS,
    BadRequest,
    check,
    is_issued,
    life_of,
    parsed,
    pem_of,
    says,
    spec_of,
)
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.pki.certificates import CLUSTER, Pki
from sampan.kube.pki.issuing import Authority, sign_request
from sampan.kube.pki.keyfiles import certificate_pem
from sampan.specs.kubernetes import time


def is_ready(value: Object) -> bool:
    """Is it for us, approved, and neither signed nor given up? Pure."""
    wanted = says(value, "Approved") and not says(value, "Denied")
    over = is_issued(value) or says(value, "Failed")
    return wanted and not over and spec_of(value).get("signerName") in SIGNERS


def signed(value: Object, authority: Authority, now: float) -> Object:
    """The request with its certificate, or with why it has none. Pure."""
    status = dict(value.get("status") or {})
    try:
        check(value, parsed(value))
    except BadRequest as error:
        status["conditions"] = [*(status.get("conditions") or ()), _failed(str(error), now)]
        return {**value, "status": status}
    usages = spec_of(value).get("usages") or ()
    moment = datetime.fromtimestamp(int(now), UTC)
    certificate = sign_request(authority, pem_of(value), usages, moment, life_of(value))
    status["certificate"] = base64.b64encode(certificate_pem(certificate)).decode()
    return {**value, "status": status}


def _failed(message: str, now: float) -> Object:
    at = time.text(now)
    return {
        "type": "Failed",
        "status": "True",
        "reason": "SignerValidationFailure",
        "message": message,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }


def controller(context: Context) -> Controller:
    requests = context.informers.of(SIGNING_REQUESTS)

    async def reconcile(name: str) -> None:
        value = requests.get(name)
        if value is None or not is_ready(value):
            return
        now = context.clock()
        done = signed(value, _authority(context.options.pki, now), now)
        await context.client.update(SIGNING_REQUESTS, "", done, "status")
        failed = [one for one in done["status"].get("conditions") or () if one["type"] == "Failed"]
        if failed:
            context.explain(value, "SignerValidationFailure", failed[-1]["message"], "Make another request.")
        else:
            context.settle(value)

    found = Controller("certificate-signing", reconcile, [requests])
    found.watch(requests)
    return found


def _authority(directory: Path | None, now: float) -> Authority:
    """Read each time: it is replaced while we run."""
    if directory is None:
        raise Unavailable("no directory of the cluster's authorities was given")
    return Pki(directory, ()).authority(CLUSTER, datetime.fromtimestamp(now, UTC))
