"""What a certificate signing request is, and what each of Kubernetes' signers signs. Pure.

kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests, "Kubernetes signers";
k8s.io/kubernetes/pkg/apis/certificates/helpers.go
"""

import base64
import binascii
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from sampan.kube.client.requests import Object
from sampan.kube.pki.issuing import LEAF_LIFE, alternative_names
from sampan.specs.kubernetes.objects import condition

CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY = "kubernetes.io/legacy-unknown"
SIGNERS = (CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY)
NODES, NODE = "system:nodes", "system:node:"
_SHORTEST = timedelta(minutes=10)
_SIGNING = frozenset(("digital signature", "key encipherment"))
_KINDS: tuple[tuple[str, type[x509.GeneralName]], ...] = (
    ("DNS", x509.DNSName),
    ("email", x509.RFC822Name),
    ("IP", x509.IPAddress),
    ("URI", x509.UniformResourceIdentifier),
)


class BadRequest(Exception):
    """Why a signer does not sign it."""


def spec_of(value: Object) -> Object:
    found: Object = value.get("spec") or {}
    return found


def says(value: Object, kind: str) -> bool:
    """Has it a condition of this type? Those made before conditions had a status count."""
    found = condition(value, kind)
    return found is not None and found.get("status", "True") == "True"


def is_decided(value: Object) -> bool:
    return says(value, "Approved") or says(value, "Denied")


def is_issued(value: Object) -> bool:
    return bool((value.get("status") or {}).get("certificate"))


def pem_of(value: Object) -> bytes:
    """Raises BadRequest."""
    try:
        return base64.b64decode(spec_of(value).get("request") or "")
    except (binascii.Error, ValueError) as error:
        raise BadRequest(str(error)) from None


def parsed(value: Object) -> x509.CertificateSigningRequest:
    """Raises BadRequest."""
    try:
        return x509.load_pem_x509_csr(pem_of(value))
    except ValueError as error:
        raise BadRequest(f"unable to parse csr: {error}") from None


def check(value: Object, request: x509.CertificateSigningRequest) -> None:
    """Raises BadRequest with what its signer does not allow."""
    usages, signer = set(spec_of(value).get("usages") or ()), spec_of(value).get("signerName")
    if signer == CLIENT:
        _check_client(usages)
    elif signer == KUBELET_CLIENT:
        _check_kubelet(request, usages, allowed=(), purpose="client auth")
    elif signer == KUBELET_SERVING:
        _check_kubelet(request, usages, allowed=("DNS", "IP"), purpose="server auth")


def _check_client(usages: set[str]) -> None:
    wrong = sorted(usages - _SIGNING - {"client auth"})
    if wrong:
        raise BadRequest(f"invalid usage for client certificate: {wrong[0]}")
    if "client auth" not in usages:
        raise BadRequest("missing required usage for client certificate: client auth")


def _check_kubelet(
    request: x509.CertificateSigningRequest, usages: set[str], *, allowed: Collection[str], purpose: str
) -> None:
    if _names(request, NameOID.ORGANIZATION_NAME) != [NODES]:
        raise BadRequest("subject organization is not system:nodes")
    names = _alternatives(request)
    if allowed and not names & set(allowed):
        raise BadRequest("DNS or IP subjectAltName is required")
    for kind, _ in _KINDS:
        if kind in names and kind not in allowed:
            raise BadRequest(f"{kind} subjectAltNames are not allowed")
    required = _SIGNING | {purpose}
    early = purpose == "client auth"
    if early and not common_name(request).startswith(NODE):
        raise BadRequest("subject common name does not begin with system:node:")
    if usages not in (required, required - {"key encipherment"}):
        raise BadRequest(f"usages did not match [{' '.join(sorted(required))}]")
    if not early and not common_name(request).startswith(NODE):
        raise BadRequest("subject common name does not begin with system:node:")


def _names(request: x509.CertificateSigningRequest, oid: x509.ObjectIdentifier) -> list[Any]:
    return [one.value for one in request.subject.get_attributes_for_oid(oid)]


def common_name(request: x509.CertificateSigningRequest) -> str:
    """Of several the last, as Go takes it."""
    return str((_names(request, NameOID.COMMON_NAME) or [""])[-1])


def _alternatives(request: x509.CertificateSigningRequest) -> set[str]:
    """Which kinds of other names it asks for."""
    try:
        found = alternative_names(request)
    except ValueError as error:
        raise BadRequest(f"unable to parse csr: {error}") from None
    return {kind for kind, type_ in _KINDS if any(isinstance(one, type_) for one in found or ())}


def is_kubelets(value: Object, request: x509.CertificateSigningRequest) -> bool:
    """Is it for a node that wants to ask the API server?"""
    if spec_of(value).get("signerName") != KUBELET_CLIENT:
        return False
    try:
        check(value, request)
    except BadRequest:
        return False
    return True


def life_of(value: Object, longest: timedelta = LEAF_LIFE) -> timedelta:
    """How long the certificate is to be good: as long as is asked for, within bounds."""
    seconds = spec_of(value).get("expirationSeconds")
    if seconds is None:
        return longest
    return min(max(timedelta(seconds=seconds), _SHORTEST), longest)
