"""Requests of kubelets are approved by who asks: may it make requests for nodes, or for itself?"""

from collections.abc import Iterator

from cryptography import x509

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ACCESS_REVIEWS, SIGNING_REQUESTS
from sampan.kube.controllers.certificates.requests import (
    BadRequest,
    common_name,
    is_decided,
    is_issued,
    is_kubelets,
    parsed,
    spec_of,
)
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes import time

OF_SELF = "Auto approving self kubelet client certificate after SubjectAccessReview."
OF_NODES = "Auto approving kubelet client certificate after SubjectAccessReview."


def chances(value: Object, request: x509.CertificateSigningRequest) -> Iterator[tuple[str, str]]:
    """What the asker may have the right to (a subresource), and what is said then. Pure."""
    if is_kubelets(value, request):
        if spec_of(value).get("username") == common_name(request):
            yield "selfnodeclient", OF_SELF
        yield "nodeclient", OF_NODES


def review(value: Object, subresource: str) -> Object:
    """Whether who made the request may have it approved. Pure."""
    spec = spec_of(value)
    asked = {
        "group": "certificates.k8s.io",
        "resource": "certificatesigningrequests",
        "verb": "create",
        "subresource": subresource,
        "version": "*",
    }
    user = {"user": spec.get("username"), "groups": spec.get("groups"), "uid": spec.get("uid")}
    known = {name: one for name, one in {**user, "extra": spec.get("extra")}.items() if one}
    return {
        "apiVersion": ACCESS_REVIEWS.api_version,
        "kind": "SubjectAccessReview",
        "spec": {**known, "resourceAttributes": asked},
    }


def approved(value: Object, message: str, now: float) -> Object:
    """Pure."""
    at = time.text(now)
    new = {
        "type": "Approved",
        "status": "True",
        "reason": "AutoApproved",
        "message": message,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }
    status = value.get("status") or {}
    return {**value, "status": {**status, "conditions": [*(status.get("conditions") or ()), new]}}


def controller(context: Context) -> Controller:
    requests = context.informers.of(SIGNING_REQUESTS)

    async def reconcile(name: str) -> None:
        value = requests.get(name)
        if value is None or is_issued(value) or is_decided(value):
            return
        try:
            request = parsed(value)
        except BadRequest as error:
            context.explain(value, "BadRequest", str(error))
            return
        tried = []
        for subresource, message in chances(value, request):
            tried.append(subresource)
            answer = await context.client.create(ACCESS_REVIEWS, "", review(value, subresource))
            if (answer.get("status") or {}).get("allowed"):
                done = approved(value, message, context.clock())
                await context.client.update(SIGNING_REQUESTS, "", done, "approval")
                context.settle(value)
                return
        why = f"{spec_of(value).get('username')} may not create {' or '.join(tried)}" if tried else ""
        message = f"Nobody has approved or denied it{': ' + why if why else ''}."
        context.explain(value, "Pending", message, f"kubectl certificate approve {name}")

    found = Controller("certificate-approving", reconcile, [requests])
    found.watch(requests)
    return found
