"""Certificates that clients show to the listener."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sampan.kube.pki.issuing import Authority, leaf, new_authority
from sampan.kube.pki.keyfiles import certificate_pem, key_pem, new_key, read_certificate, read_key
from tests.kube.attacks.client import Hostile
from tests.support.cluster import ClusterProcess, running

ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters"),
        x509.NameAttribute(NameOID.COMMON_NAME, "jane"),
    ]
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    directory = tmp_path_factory.mktemp("cluster")
    tokens = directory / "tokens.csv"
    tokens.write_text("good,joe,j-1\n")
    with running(directory, "--controllers", "false", "--token-auth-file", str(tokens)) as found:
        yield found


def authority(cluster: ClusterProcess, name: str) -> Authority:
    pki = cluster.data / "pki"
    certificate, key = read_certificate(pki / f"{name}-1.crt"), read_key(pki / f"{name}-1.key")
    assert certificate is not None and key is not None
    return Authority(1, certificate, key)


def client(
    cluster: ClusterProcess, place: Path, signer: Authority, start: timedelta, life: timedelta
) -> Hostile:
    """One with a certificate of its own, good from `start` from now on."""
    key = new_key()
    now = datetime.now(UTC) + start
    made = leaf(signer, key.public_key(), SUBJECT, [ExtendedKeyUsageOID.CLIENT_AUTH], None, now, life)
    (place / "crt").write_bytes(certificate_pem(made))
    (place / "key").write_bytes(key_pem(key))
    found = Hostile(cluster, certificate=False)
    found.context.load_cert_chain(place / "crt", place / "key")
    return found


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("sentence", "start", "life", "code"),
    [
        ("good", -DAY, 2 * DAY, 201),
        ("ended yesterday", -2 * DAY, DAY, 401),
        ("begins tomorrow", DAY, DAY, 401),
    ],
)
def test_the_time_of_a_certificate(
    cluster: ClusterProcess, tmp_path: Path, sentence: str, start: timedelta, life: timedelta, code: int
) -> None:
    found = client(cluster, tmp_path, authority(cluster, "ca"), start, life)
    answer = found.json("POST", ME, {})
    assert answer.code == code, sentence
    if code == 401:
        assert answer.json["message"] == "Unauthorized"
        # As upstream: nobody is anonymous who shows what does not count, but a token still does.
        assert found.send("GET", "/version").code == 401
        headers = {"Authorization": "Bearer good", "Content-Type": "application/json"}
        told = found.send("POST", ME, b"{}", headers).json
        assert told["status"]["userInfo"]["username"] == "joe"
    found.close()


def test_a_proxy_whose_certificate_has_ended_speaks_for_nobody(
    cluster: ClusterProcess, tmp_path: Path
) -> None:
    found = client(cluster, tmp_path, authority(cluster, "front-proxy-ca"), -2 * DAY, DAY)
    assert found.send("GET", "/version", headers={"X-Remote-User": "kubernetes-admin"}).code == 401
    found.close()


def test_an_unknown_authority_is_refused_at_the_handshake(cluster: ClusterProcess, tmp_path: Path) -> None:
    """And nothing of it gets through: Python's ssl cannot ask for a certificate that it does not verify."""
    other = Authority(1, *new_authority("kubernetes-ca", datetime.now(UTC)))
    found = client(cluster, tmp_path, other, -DAY, 2 * DAY)
    with pytest.raises((ssl.SSLError, OSError)):
        found.send("GET", "/version")
    found.close()
