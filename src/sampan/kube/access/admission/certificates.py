"""Who may approve and sign certificates for which signers, and what no request may ask for.

Kubernetes: plugin/pkg/admission/certificates/{approval,signing,subjectrestriction}.
"""

from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.access.authorization import MASTERS, Authorizer
from sampan.kube.access.user import Attributes
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status

_GROUP, _PLURAL = "certificates.k8s.io", "certificatesigningrequests"
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


def _is_request(request: AdmissionRequest, subresource: str) -> bool:
    return (
        request.resource.group == _GROUP
        and request.resource.plural == _PLURAL
        and request.subresource == subresource
    )


def _signer(found: Object | None) -> str:
    return ((found or {}).get("spec") or {}).get("signerName") or ""


async def _may(request: AdmissionRequest, authorizer: Authorizer, verb: str, signer: str) -> bool:
    """For this signer, or for all of its domain: "example.com/*"."""
    domain = signer.partition("/")[0]
    for name in (signer, f"{domain}/*"):
        asked = Attributes(request.user, verb, _GROUP, "*", "signers", name=name)
        if (await authorizer.authorize(asked)).allowed:
            return True
    return False


class CertificateApproval(Plugin):
    """Who approves needs the verb `approve` on the signer."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    async def validate(self, request: AdmissionRequest) -> None:
        if not _is_request(request, "approval") or request.operation != "UPDATE":
            return
        signer = _signer(request.object)
        if not await _may(request, self._authorizer, "approve", signer):
            why = f"user not permitted to approve requests with signerName {quote(signer)}"
            raise status.forbidden(_GROUP, _PLURAL, request.name, why)


class CertificateSigning(Plugin):
    """Who issues, or says why not, needs the verb `sign` on the signer."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    async def validate(self, request: AdmissionRequest) -> None:
        if not _is_request(request, "status") or request.operation != "UPDATE":
            return
        if _issued(request.object) == _issued(request.old):
            return
        signer = _signer(request.old)
        if not await _may(request, self._authorizer, "sign", signer):
            why = f"user not permitted to sign requests with signerName {quote(signer)}"
            raise status.forbidden(_GROUP, _PLURAL, request.name, why)


def _issued(found: Object | None) -> tuple[str, list[Object]]:
    """What only a signer sets."""
    state: Object = (found or {}).get("status") or {}
    failed = [one for one in state.get("conditions") or () if one.get("type") == "Failed"]
    return state.get("certificate") or "", failed


class CertificateSubjectRestriction(Plugin):
    """No certificate for clients makes anybody a member of system:masters."""

    async def validate(self, request: AdmissionRequest) -> None:
        if not _is_request(request, "") or request.operation != "CREATE":
            return
        found = request.object
        if _signer(found) != _CLIENT_SIGNER or MASTERS not in _organizations(found):
            return
        why = f"use of {_CLIENT_SIGNER} signer with {MASTERS} group is not allowed"
        raise status.forbidden(_GROUP, _PLURAL, request.name, why)


def _organizations(found: Object | None) -> list[str]:
    """Those of the subject; the request is a valid one, or validation has refused it."""
    from cryptography import x509

    from sampan.kube.kinds.certificates.signing import decoded

    pem = decoded(((found or {}).get("spec") or {}).get("request"))
    try:
        subject = x509.load_pem_x509_csr(pem).subject
    except ValueError:
        return []
    return [str(one.value) for one in subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)]
