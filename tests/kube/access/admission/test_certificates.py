"""Approving, signing, and what no request may ask for."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from sampan.kube.access.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
)
from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.authorization import from_modes
from sampan.kube.access.nodegraph import Graph
from sampan.kube.access.rbac import Rbac
from sampan.kube.access.user import User
from sampan.kube.kinds.certificates.certificatesigningrequest import RESOURCE
from sampan.kube.pki.keyfiles import new_key
from sampan.specs.kubernetes.status import StatusError
from tests.kube.access.support import Objects

SIGNER = "example.com/s"


def authorizer(*rules):
    reader = Objects(
        [
            ("clusterroles.rbac.authorization.k8s.io", {"metadata": {"name": "r"}, "rules": [*rules]}),
            (
                "clusterrolebindings.rbac.authorization.k8s.io",
                {
                    "metadata": {"name": "r"},
                    "roleRef": {"kind": "ClusterRole", "name": "r"},
                    "subjects": [{"kind": "User", "name": "joe"}],
                },
            ),
        ]
    )
    rbac = Rbac(reader)
    rbac.load()
    return from_modes(["RBAC"], Graph(reader), rbac)


def pem(*organizations):
    names = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, one) for one in organizations]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    return builder.sign(new_key(), SHA256()).public_bytes(Encoding.PEM)


def found(signer=SIGNER, request=b"", **status):
    spec = {"signerName": signer, "request": base64.b64encode(request).decode()}
    return {"metadata": {"name": "x"}, "spec": spec, "status": status}


async def write(plugin, operation, subresource, new, old=None):
    request = AdmissionRequest(operation, RESOURCE, User("joe"), Objects(), "", "x", subresource, new, old)
    await plugin.validate(request)


def signers(verb, name):
    return {
        "verbs": [verb],
        "apiGroups": ["certificates.k8s.io"],
        "resources": ["signers"],
        "resourceNames": [name],
    }


@pytest.mark.parametrize("name", [SIGNER, "example.com/*"])
async def test_an_approver_needs_the_signer_or_its_domain(name):
    plugin = CertificateApproval(authorizer(signers("approve", name)))
    await write(plugin, "UPDATE", "approval", found(), found())


async def test_nobody_else_approves():
    plugin = CertificateApproval(authorizer(signers("approve", "example.com/other")))
    with pytest.raises(StatusError) as caught:
        await write(plugin, "UPDATE", "approval", found(), found())
    assert caught.value.message == (
        'certificatesigningrequests.certificates.k8s.io "x" is forbidden: user not permitted to approve '
        'requests with signerName "example.com/s"'
    )


async def test_only_signers_issue_and_fail():
    failed = {"conditions": [{"type": "Failed", "status": "True"}]}
    for change in ({"certificate": "eA=="}, failed):
        await write(
            CertificateSigning(authorizer(signers("sign", SIGNER))),
            "UPDATE",
            "status",
            found(**change),
            found(),
        )
        with pytest.raises(StatusError, match="user not permitted to sign requests with signerName"):
            await write(CertificateSigning(authorizer()), "UPDATE", "status", found(**change), found())
    await write(CertificateSigning(authorizer()), "UPDATE", "status", found(), found())


async def test_nobody_becomes_a_master_by_a_certificate():
    plugin = CertificateSubjectRestriction()
    client = "kubernetes.io/kube-apiserver-client"
    with pytest.raises(StatusError) as caught:
        await write(plugin, "CREATE", "", found(client, pem("a", "system:masters")))
    assert caught.value.message == (
        'certificatesigningrequests.certificates.k8s.io "x" is forbidden: use of '
        "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
    )
    await write(plugin, "CREATE", "", found(client, pem("a")))
    await write(plugin, "CREATE", "", found(SIGNER, pem("system:masters")))
