"""Sealed values: opened by their key, at their place, and by nothing else."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import Invalid, Unsupported
from sampan.kube.access import encryption
from sampan.kube.access.encryption import AesCbc, AesGcm, Encryption, Identity, Key, Unreadable

PLACE = "/registry/core/secrets/ns/x"
OLD, NEW = Key("old", b"0" * 32), Key("new", b"1" * 32)


@given(st.binary(max_size=200), st.sampled_from([AesGcm, AesCbc]))
def test_what_is_sealed_is_opened_again(value, kind):
    sealed = kind(OLD).seal(PLACE, value)
    assert kind(OLD).open(PLACE, sealed) == value
    assert kind(OLD).seal(PLACE, value) != sealed


def test_the_form_is_upstreams():
    sealed = AesGcm(OLD).seal(PLACE, b"secret")
    assert sealed.startswith(b"k8s:enc:aesgcm:v1:old:") and b"secret" not in sealed


@given(st.integers(0, 60), st.integers(1, 255))
def test_no_byte_can_be_changed(position, change):
    sealed = bytearray(AesGcm(OLD).seal(PLACE, b"a secret of some length"))
    start = len(b"k8s:enc:aesgcm:v1:old:")
    at = start + position % (len(sealed) - start)
    sealed[at] ^= change
    with pytest.raises(Unreadable):
        AesGcm(OLD).open(PLACE, bytes(sealed))


def test_a_value_cannot_be_moved_to_another_object():
    sealed = AesGcm(OLD).seal(PLACE, b"secret")
    with pytest.raises(Unreadable, match="is not what was written"):
        AesGcm(OLD).open("/registry/core/secrets/ns/y", sealed)


@pytest.mark.parametrize("value", [b"k8s:enc:aesgcm:v1:old:", b"k8s:enc:aesgcm:v1:old:short"])
def test_a_value_that_was_cut_is_unreadable(value):
    with pytest.raises(Unreadable):
        AesGcm(OLD).open(PLACE, value)


def test_the_first_key_writes_and_all_read():
    before = Encryption([(("secrets",), (AesGcm(OLD), Identity()))])
    after = Encryption([(("secrets",), (AesGcm(NEW), AesGcm(OLD), Identity()))])
    sealed = before.seal("secrets", PLACE, b"v")
    assert before.open("secrets", PLACE, sealed) == (b"v", False)
    assert after.open("secrets", PLACE, sealed) == (b"v", True)
    assert after.open("secrets", PLACE, b"plain") == (b"plain", True)
    with pytest.raises(Unreadable):
        before.open("secrets", PLACE, after.seal("secrets", PLACE, b"v"))
    with pytest.raises(Unreadable, match="no key that we have opens it"):
        Encryption([]).open("secrets", PLACE, sealed)


def test_without_identity_nothing_plain_is_read():
    strict = Encryption([(("secrets",), (AesGcm(OLD),))])
    with pytest.raises(Unreadable, match="is not encrypted"):
        strict.open("secrets", PLACE, b"plain")


@pytest.mark.parametrize(
    ("rule", "resource", "covered"),
    [
        ("secrets", "secrets", True),
        ("secrets", "configmaps", False),
        ("*.", "secrets", True),
        ("*.", "deployments.apps", False),
        ("*.apps", "deployments.apps", True),
        ("*.*", "deployments.apps", True),
        ("deployments.apps", "deployments.apps", True),
    ],
)
def test_what_a_rule_covers(rule, resource, covered):
    assert Encryption([((rule,), (Identity(),))]).covers(resource) == covered


def test_secrets_are_sealed_by_default_and_keys_rotate(tmp_path):
    first = encryption.default(tmp_path)
    assert (tmp_path / "secrets-1.key").stat().st_mode & 0o777 == 0o600
    sealed = first.seal("secrets", PLACE, b"v")
    assert first.seal("configmaps", PLACE, b"v") == b"v"
    assert encryption.default(tmp_path).open("secrets", PLACE, sealed) == (b"v", False)
    assert encryption.add_key(tmp_path) == "key2"
    second = encryption.default(tmp_path)
    assert second.open("secrets", PLACE, sealed) == (b"v", True)
    assert second.seal("secrets", PLACE, b"v").startswith(b"k8s:enc:aesgcm:v1:key2:")


def configured(tmp_path, resources, version="apiserver.config.k8s.io/v1"):
    path = tmp_path / "encryption.yaml"
    path.write_text(
        json.dumps({"kind": "EncryptionConfiguration", "apiVersion": version, "resources": resources})
    )
    return encryption.from_file(path)


def keys(*lengths):
    return {
        "keys": [
            {"name": f"k{index}", "secret": base64.b64encode(b"x" * length).decode()}
            for index, length in enumerate(lengths)
        ]
    }


def test_a_configuration_file(tmp_path):
    made = configured(
        tmp_path,
        [
            {"resources": ["secrets"], "providers": [{"aesgcm": keys(32, 16)}, {"identity": {}}]},
            {"resources": ["*.*"], "providers": [{"identity": {}}]},
        ],
    )
    assert [type(one) for one in made.providers("secrets")] == [AesGcm, AesGcm, Identity]
    assert made.seal("pods", PLACE, b"v") == b"v"


@pytest.mark.parametrize(
    ("resources", "kind", "message"),
    [
        ([], Invalid, "resources is needed"),
        ([{"resources": ["secrets"], "providers": []}], Invalid, "resources and providers are needed"),
        (
            [{"resources": ["s"], "providers": [{"kms": {"name": "x"}}]}],
            Unsupported,
            "kms is not offered",
        ),
        (
            [{"resources": ["s"], "providers": [{"secretbox": keys(32)}]}],
            Unsupported,
            "secretbox is not",
        ),
        ([{"resources": ["s"], "providers": [{"aesgcm": keys(31)}]}], Invalid, "has 31 bytes"),
        ([{"resources": ["s"], "providers": [{"aesgcm": {"keys": []}}]}], Invalid, "needs a key"),
        ([{"resources": ["s"], "providers": [{"aes": {}}]}], Invalid, "unknown field 'aes'"),
        ([{"resources": ["s"], "providers": [{}]}], Invalid, "a provider is one of"),
        ([{"resources": "s"}], Invalid, "a list is wanted"),
        ([7], Invalid, "an object is wanted"),
    ],
)
def test_files_that_are_refused(tmp_path, resources, kind, message):
    with pytest.raises(kind) as caught:
        configured(tmp_path, resources)
    assert message in str(caught.value)
