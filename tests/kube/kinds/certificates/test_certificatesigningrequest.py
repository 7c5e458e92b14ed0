"""Requests for certificates: who asks, what is refused, who may change what."""

import base64
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from sampan.kube.kinds.certificates.certificatesigningrequest import RESOURCE
from sampan.kube.kinds.certificates.signing import signer_errors
from sampan.kube.kinds.resource import Context

NOW = "2026-01-02T03:04:05Z"
CONTEXT = Context(NOW, "jane", ("dev",), "u-1", {"k": ("v",)})
KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
REQUEST = (
    x509.CertificateSigningRequestBuilder().subject_name(NAME).sign(KEY, SHA256()).public_bytes(Encoding.PEM)
)
START = datetime(2026, 1, 1, tzinfo=UTC)
CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(NAME)
    .issuer_name(NAME)
    .public_key(KEY.public_key())
    .serial_number(1)
    .not_valid_before(START)
    .not_valid_after(START + timedelta(days=1))
    .sign(KEY, SHA256())
    .public_bytes(Encoding.PEM)
)
APPROVAL, STATUS = RESOURCE.subresources


def text(data):
    return base64.b64encode(data).decode()


def request(status=None, **spec):
    wanted = {"request": text(REQUEST), "signerName": "example.com/s", "usages": ["client auth"], **spec}
    return {"metadata": {"name": "x"}, "spec": wanted, "status": status or {}}


def condition(type_, status="True", **rest):
    return {"type": type_, "status": status, **rest}


def test_who_asks_is_what_the_server_knows():
    found = request({"conditions": [condition("Approved")]}, username="root", groups=["system:masters"])
    RESOURCE.prepare_create(found, CONTEXT)
    assert found["spec"] | {"request": "", "signerName": "", "usages": ""} == {
        "request": "",
        "signerName": "",
        "usages": "",
        "username": "jane",
        "uid": "u-1",
        "groups": ["dev"],
        "extra": {"k": ["v"]},
    }
    assert found["status"] == {}


def errors(found):
    return [str(one) for one in RESOURCE.validate(found, CONTEXT)]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"usages": []}, "spec.usages: Required value: usages must be provided"),
        ({"usages": ["client auth"] * 2}, 'spec.usages[1]: Duplicate value: "client auth"'),
        (
            {"signerName": "kubernetes.io/legacy-unknown"},
            'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not '
            "allowed via this API version",
        ),
        (
            {"expirationSeconds": 599},
            "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds "
            "(10 minutes)",
        ),
        (
            {"request": text(b"x")},
            'spec.request: Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST',
        ),
        ({"request": None}, "spec.request: Invalid value: null: PEM block type must be CERTIFICATE REQUEST"),
    ],
)
def test_requests_that_are_refused(spec, message):
    assert errors(request(**spec)) == [message]


def test_an_unknown_usage_is_told_with_all_known_ones():
    (message,) = errors(request(usages=["flying"]))
    start = (
        'spec.usages[0]: Unsupported value: "flying": supported values: "any", "cert sign", "client auth", '
    )
    assert message.startswith(start) and message.endswith('"signing", "timestamping"')


def test_a_request_that_was_changed_is_refused():
    der = bytearray(base64.b64decode(b"".join(REQUEST.splitlines()[1:-1])))
    der[-1] ^= 1
    pem = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(der))
    (message,) = errors(request(request=text(pem + b"-----END CERTIFICATE REQUEST-----\n")))
    assert message.startswith("spec.request: Invalid value: ")


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("example.com/s", 0),
        ("example.com/ns.name", 0),
        ("", 1),
        ("nope", 1),
        ("a/b/c", 1),
        ("single/s", 1),
        ("Example.com/s", 1),
        ("example.com/S", 1),
        (f"{'a.' * 130}com/s", 1),
    ],
)
def test_names_of_signers(name, messages):
    assert len(signer_errors(name, "p")) == messages


def test_the_resource_itself_is_never_changed():
    old, new = request({"conditions": []}), request({"certificate": "x"}, signerName="other.com/s")
    RESOURCE.prepare_update(new, old, CONTEXT)
    assert (new["spec"], new["status"]) == (old["spec"], old["status"])


def change(subresource, new, old):
    new = deepcopy(new)
    subresource.prepare_update(new, old, CONTEXT)
    return new, [str(one) for one in subresource.validate_update(new, old, CONTEXT)]


def test_an_approver_sets_conditions_and_nothing_else():
    old = request({"certificate": text(CERTIFICATE)})
    new, wrong = change(APPROVAL, request({"conditions": [condition("Approved")]}, usages=[]), old)
    assert wrong == []
    stamped = condition("Approved", lastUpdateTime=NOW, lastTransitionTime=NOW)
    assert new["status"] == {"conditions": [stamped], "certificate": text(CERTIFICATE)}
    assert new["spec"] == old["spec"]


def test_a_condition_that_was_there_keeps_its_time():
    old = request({"conditions": [condition("X", lastTransitionTime="2025-01-01T00:00:00Z")]})
    new, _ = change(APPROVAL, request({"conditions": [condition("X"), condition("Y")]}), old)
    times = [one["lastTransitionTime"] for one in new["status"]["conditions"]]
    assert times == ["2025-01-01T00:00:00Z", NOW]


@pytest.mark.parametrize(
    ("conditions", "before", "message"),
    [
        (
            [condition("Approved", "False")],
            [],
            'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
        ),
        (
            [condition("Other", "Maybe")],
            [],
            'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", '
            '"Unknown"',
        ),
        ([condition("", "True")], [], "status.conditions[0].type: Required value"),
        ([condition("Other", "")], [], "status.conditions[0].status: Required value"),
        (
            [condition("Approved"), condition("Denied")],
            [],
            'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are '
            "mutually exclusive",
        ),
        (
            [condition("A"), condition("A")],
            [],
            'status.conditions[1].type: Duplicate value: "A"',
        ),
        (
            [condition("Nope")],
            [condition("Denied")],
            'status.conditions: Forbidden: updates may not remove a condition of type "Denied"',
        ),
    ],
)
def test_conditions_that_are_refused(conditions, before, message):
    _, wrong = change(APPROVAL, request({"conditions": conditions}), request({"conditions": before}))
    assert wrong == [message]


def test_a_signer_issues_once():
    old = request({"conditions": [condition("Approved")]})
    issued = request({"conditions": [condition("Approved")], "certificate": text(CERTIFICATE)})
    new, wrong = change(STATUS, issued, old)
    assert wrong == [] and new["status"]["certificate"] == text(CERTIFICATE)
    other = request({"conditions": [condition("Approved")], "certificate": text(CERTIFICATE * 2)})
    _, wrong = change(STATUS, other, new)
    assert wrong == ["status.certificate: Forbidden: updates may not modify existing certificate content"]


def test_a_signer_does_not_approve():
    _, wrong = change(STATUS, request({"conditions": [condition("Approved")]}), request())
    assert wrong == ['status.conditions: Forbidden: updates may not add a condition of type "Approved"']


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        (b"x", "must contain at least one CERTIFICATE PEM block"),
        (REQUEST, 'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'),
    ],
)
def test_certificates_that_are_none(certificate, message):
    _, wrong = change(STATUS, request({"certificate": text(certificate)}), request())
    assert wrong == [f'status.certificate: Invalid value: "<certificate data>": {message}']


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({}, "Pending"),
        ({"conditions": [condition("Approved")]}, "Approved"),
        ({"conditions": [condition("Denied"), condition("Failed")]}, "Denied,Failed"),
        ({"conditions": [condition("Approved")], "certificate": "eA=="}, "Approved,Issued"),
    ],
)
def test_cells(status, shown):
    found = request(status, username="jane", expirationSeconds=3600)
    found["metadata"]["creationTimestamp"] = NOW
    cells = RESOURCE.cells(found, 1767323045 + 5)
    assert cells == ["5s", "example.com/s", "jane", "60m", shown]
