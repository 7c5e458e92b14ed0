"""ConfigMaps and Secrets."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sampan.kube.kinds.core import configmap, secret
from sampan.kube.kinds.core.keypair import complaint
from sampan.kube.kinds.resource import Object
from tests.kube.kinds.core.checks import CONTEXT, cells, changed, errors, made

IMMUTABLE = "Forbidden: field is immutable when `immutable` is set"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("length", range(8))
def test_sizes_of_base64(length: int) -> None:
    assert configmap.decoded_size(encoded("x" * length)) == length


def test_a_key_stands_in_one_of_the_two_maps() -> None:
    found = errors(configmap.RESOURCE, data={"a": "b"}, binaryData={"a": encoded("b")})
    assert found == ['data[a]: Invalid value: "a": duplicate of key present in binaryData']


def test_a_config_map_has_room_for_a_mebibyte() -> None:
    half = "x" * (1 << 19)
    assert errors(configmap.RESOURCE, data={"a": half}, binaryData={"b": encoded(half)}) == []
    assert errors(configmap.RESOURCE, data={"a": half}, binaryData={"b": encoded(half + "x")}) == [
        "[]: Too long: may not be more than 1048576 bytes"
    ]


def test_what_is_immutable_stays() -> None:
    old = {"data": {"a": "b"}, "binaryData": {"c": ""}, "immutable": True}
    assert changed(configmap.RESOURCE, old, old) == []
    assert changed(configmap.RESOURCE, old, {"data": {"a": "c"}}) == [
        f"immutable: {IMMUTABLE}",
        f"data: {IMMUTABLE}",
        f"binaryData: {IMMUTABLE}",
    ]


def test_string_data_becomes_data() -> None:
    value = made(secret.RESOURCE, data={"a": encoded("1"), "b": encoded("2")}, stringData={"a": "ü"})
    assert value["data"] == {"a": encoded("ü"), "b": encoded("2")}
    assert value["type"] == "Opaque" and "stringData" not in value


@pytest.mark.parametrize(
    "text, message",
    [
        ("{}", ""),
        ("null", ""),
        ("[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("{", "unexpected end of JSON input"),
        ("", "unexpected end of JSON input"),
    ],
)
def test_a_docker_configuration_is_a_json_object(text: str, message: str) -> None:
    found = errors(secret.RESOURCE, type="kubernetes.io/dockercfg", stringData={".dockercfg": text})
    path = 'data[.dockercfg]: Invalid value: "<secret contents redacted>"'
    assert found == ([f"{path}: {message}"] if message else [])


@pytest.mark.parametrize(
    "kind, data, missing",
    [
        ("kubernetes.io/basic-auth", {"password": ""}, []),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": ""}, ["data[ssh-privatekey]: Required value"]),
        ("kubernetes.io/tls", {"tls.crt": ""}, ["data[tls.key]: Required value"]),
        ("example.com/own", {}, []),
    ],
)
def test_what_a_type_requires(kind: str, data: Object, missing: list[str]) -> None:
    assert errors(secret.RESOURCE, type=kind, data=data) == missing


def test_the_type_of_a_secret_stays() -> None:
    assert changed(secret.RESOURCE, {}, {"type": "a/b"}) == ['type: Invalid value: "a/b": field is immutable']


def pair() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    certificate = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    return certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_complaints_about_a_certificate_and_its_key() -> None:
    certificate, key = pair()
    other, _ = pair()
    assert complaint(certificate, key) == ""
    assert complaint(other, key) == "tls: private key does not match public key"
    assert complaint(b"", key) == "tls: failed to find any PEM data in certificate input"
    assert complaint(certificate, b"x") == "tls: failed to find any PEM data in key input"
    assert complaint(certificate, certificate) == (
        "tls: found a certificate rather than a key in the PEM for the private key"
    )
    assert complaint(key, certificate) == (
        "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
        "PEM inputs may have been switched"
    )
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert complaint(broken, key) == "x509: malformed certificate"


def test_a_secret_for_tls_is_warned_of() -> None:
    value = made(secret.RESOURCE, type="kubernetes.io/tls", stringData={"tls.crt": "", "tls.key": ""})
    assert secret.RESOURCE.warnings(value, None, CONTEXT) == [
        "tls: failed to find any PEM data in certificate input"
    ]


def test_what_kubectl_shows() -> None:
    value = made(configmap.RESOURCE, data={"a": ""}, binaryData={"b": ""})
    assert cells(configmap.RESOURCE, value) == [2, "<unknown>"]
    value = made(secret.RESOURCE, data={"a": ""})
    assert cells(secret.RESOURCE, value) == ["Opaque", 1, "<unknown>"]
