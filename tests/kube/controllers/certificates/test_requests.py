"""Which requests are approved and signed, what the certificates are like, and when requests go."""

import base64
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import SIGNING_REQUESTS
from sampan.kube.controllers.certificates import approving, cleaning, requests, signing
from sampan.kube.controllers.context import Context, Options
from sampan.kube.controllers.controller import Controller
from sampan.kube.pki.certificates import CLUSTER, Pki
from sampan.kube.pki.issuing import Authority, issued_by
from sampan.kube.pki.keyfiles import new_key
from sampan.specs.kubernetes import time
from tests.kube.controllers.world import EPOCH, World, run

KEY = new_key()
NOW = datetime.fromtimestamp(EPOCH, UTC)
CLIENT_USAGES = ("digital signature", "key encipherment", "client auth")
SERVER_USAGES = ("digital signature", "key encipherment", "server auth")
DNS = x509.DNSName("n1")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    Pki(directory, ()).renew(NOW)
    return directory


@pytest.fixture(scope="module")
def authority(pki: Path) -> Authority:
    return Pki(pki, ()).authority(CLUSTER, NOW)


def pem(common: str, organization: str, *names: x509.GeneralName) -> str:
    attributes = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organization)]
    subject = x509.Name([*attributes, x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return base64.b64encode(builder.sign(KEY, SHA256()).public_bytes(Encoding.PEM)).decode()


def made(
    signer: str,
    usages: Sequence[str] = CLIENT_USAGES,
    common: str = "system:node:n1",
    organization: str = "system:nodes",
    names: Sequence[x509.GeneralName] = (),
    **spec: Any,
) -> Object:
    given = {
        "request": pem(common, organization, *names),
        "signerName": signer,
        "usages": list(usages),
        **spec,
    }
    metadata = {"name": "r", "uid": "r", "creationTimestamp": time.text(EPOCH)}
    return {"kind": "CertificateSigningRequest", "metadata": metadata, "spec": given, "status": {}}


CHECKS: list[tuple[str, Object, str]] = [
    ("a client", made(requests.CLIENT, ["client auth"], "joe", "team"), ""),
    ("a client with all usages", made(requests.CLIENT, CLIENT_USAGES, "joe", "team"), ""),
    (
        "a client that wants to serve",
        made(requests.CLIENT, SERVER_USAGES, "joe"),
        "invalid usage for client certificate: server auth",
    ),
    (
        "a client that does not say so",
        made(requests.CLIENT, ["digital signature"], "joe"),
        "missing required usage for client certificate: client auth",
    ),
    ("a kubelet", made(requests.KUBELET_CLIENT), ""),
    ("a kubelet with another key", made(requests.KUBELET_CLIENT, ["digital signature", "client auth"]), ""),
    (
        "not of the nodes",
        made(requests.KUBELET_CLIENT, organization="system:masters"),
        "subject organization is not system:nodes",
    ),
    (
        "not a node",
        made(requests.KUBELET_CLIENT, common="n1"),
        "subject common name does not begin with system:node:",
    ),
    ("with names", made(requests.KUBELET_CLIENT, names=[DNS]), "DNS subjectAltNames are not allowed"),
    (
        "for another use",
        made(requests.KUBELET_CLIENT, ["client auth"]),
        "usages did not match [client auth digital signature key encipherment]",
    ),
    ("a kubelet that serves", made(requests.KUBELET_SERVING, SERVER_USAGES, names=[DNS]), ""),
    (
        "by no name",
        made(requests.KUBELET_SERVING, SERVER_USAGES),
        "DNS or IP subjectAltName is required",
    ),
    (
        "by an email address",
        made(requests.KUBELET_SERVING, SERVER_USAGES, names=[DNS, x509.RFC822Name("a@b.c")]),
        "email subjectAltNames are not allowed",
    ),
    ("whatever else", made(requests.LEGACY, ["any"], "x", "y"), ""),
    (
        "rubbish",
        {**made(requests.CLIENT), "spec": {"request": "AAAA", "signerName": requests.CLIENT}},
        "unable to parse",
    ),
]


@pytest.mark.parametrize(("_what", "value", "why"), CHECKS, ids=[case[0] for case in CHECKS])
def test_a_signer_knows_what_it_signs(_what: str, value: Object, why: str, authority: Authority) -> None:
    found = signing.signed(value, authority, EPOCH)["status"]
    if not why:
        certificate = x509.load_pem_x509_certificate(base64.b64decode(found["certificate"]))
        assert issued_by(certificate, authority.certificate) and certificate.public_key() == KEY.public_key()
        return
    (failed,) = found["conditions"]
    assert (failed["type"], failed["status"], failed["reason"]) == (
        "Failed",
        "True",
        "SignerValidationFailure",
    )
    assert failed["message"].startswith(why) and "certificate" not in found


@pytest.mark.parametrize(
    ("seconds", "life"),
    [
        (None, timedelta(days=365)),
        (3600, timedelta(hours=1, minutes=5)),
        (1, timedelta(minutes=15)),
        (10**9, timedelta(days=365)),
        (86400, timedelta(days=1)),
    ],
)
def test_a_certificate_lives_as_long_as_is_asked(
    seconds: int | None, life: timedelta, authority: Authority
) -> None:
    value = made(requests.CLIENT, expirationSeconds=seconds)
    found = signing.signed(value, authority, EPOCH)["status"]["certificate"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(found))
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == life


def told(*kinds: str, certificate: str = "", ago: float = 0.0) -> Object:
    at = time.text(EPOCH - ago)
    conditions = [{"type": kind, "status": "True", "lastUpdateTime": at} for kind in kinds]
    return {"conditions": conditions, **({"certificate": certificate} if certificate else {})}


@pytest.mark.parametrize(
    ("signer", "status", "ready"),
    [
        (requests.CLIENT, told("Approved"), True),
        (requests.CLIENT, told(), False),
        (requests.CLIENT, told("Denied"), False),
        (requests.CLIENT, told("Approved", "Failed"), False),
        (requests.CLIENT, told("Approved", certificate="x"), False),
        ("example.com/signer", told("Approved"), False),
    ],
)
def test_what_is_approved_is_signed(signer: str, status: Object, ready: bool) -> None:
    assert signing.is_ready({**made(signer), "status": status}) == ready


def test_who_may_make_a_kubelets_request_has_it_approved() -> None:
    own = made(
        requests.KUBELET_CLIENT, username="system:node:n1", groups=["system:nodes"], extra={"a": ["b"]}
    )
    parsed = requests.parsed(own)
    assert [one for one, _ in approving.chances(own, parsed)] == ["selfnodeclient", "nodeclient"]
    other = made(requests.KUBELET_CLIENT, username="system:bootstrap:abcdef")
    assert [one for one, _ in approving.chances(other, parsed)] == ["nodeclient"]
    assert list(approving.chances(made(requests.CLIENT), parsed)) == []
    spec = approving.review(own, "selfnodeclient")["spec"]
    assert (spec["user"], spec["groups"], spec["extra"]) == ("system:node:n1", ["system:nodes"], {"a": ["b"]})
    assert spec["resourceAttributes"]["subresource"] == "selfnodeclient" and "uid" not in spec
    (condition,) = approving.approved(own, approving.OF_SELF, EPOCH)["status"]["conditions"]
    assert (condition["reason"], condition["message"]) == ("AutoApproved", approving.OF_SELF)


HOUR, DAY = 3600.0, 86400.0
STALE: list[tuple[str, Object, float, bool]] = [
    ("nobody has looked at it", told(), DAY - 1, False),
    ("for a day", told(), DAY + 1, True),
    ("approved, and never signed", told("Approved", ago=DAY), 0, False),
    ("signed just now", told("Approved", certificate="eA==", ago=HOUR - 1), 0, False),
    ("signed long ago", told("Approved", certificate="eA==", ago=HOUR + 1), 0, True),
    ("denied just now", told("Denied", ago=HOUR - 1), 0, False),
    ("denied long ago", told("Denied", ago=HOUR + 1), 0, True),
    ("given up long ago", told("Approved", "Failed", ago=HOUR + 1), 0, True),
]


@pytest.mark.parametrize(("_what", "status", "age", "stale"), STALE, ids=[case[0] for case in STALE])
def test_old_requests_go(_what: str, status: Object, age: float, stale: bool) -> None:
    assert cleaning.is_stale({**made(requests.CLIENT), "status": status}, EPOCH + age) == stale


def test_a_request_goes_with_its_certificate(authority: Authority) -> None:
    value = made(requests.CLIENT, expirationSeconds=600)
    signed = signing.signed({**value, "status": told("Approved")}, authority, EPOCH)
    assert not cleaning.is_stale(signed, EPOCH + 599)
    assert cleaning.is_stale(signed, EPOCH + 601)


@pytest.mark.parametrize("seed", range(4))
def test_requests_are_signed_and_cleared_away(seed: int, pki: Path) -> None:
    def signer(context: Context) -> Controller:
        return signing.controller(replace(context, options=Options(pki=pki)))

    async def work() -> None:
        world = World(random.Random(seed), frozenset({2 * seed + 2, 2 * seed + 3}))
        world.start(signer, cleaning.controller, names=["a", "b"])
        for name, signer_name in (
            ("a", requests.CLIENT),
            ("b", "example.com/x"),
            ("c", requests.KUBELET_SERVING),
        ):
            value = {**made(signer_name), "metadata": {"name": name}}
            world.add(SIGNING_REQUESTS, {**value, "status": told("Approved")})
        await world.settle()
        states = {one["metadata"]["name"]: one["status"] for one in world.all(SIGNING_REQUESTS)}
        assert [bool(states[name].get("certificate")) for name in "abc"] == [True, False, False]
        assert [one["type"] for one in states["c"]["conditions"]] == ["Approved", "Failed"]
        await world.settle(quiet=2 * HOUR + 60)
        assert set(world.objects[SIGNING_REQUESTS]) == {"b"}
        await world.stop()

    run(work())
