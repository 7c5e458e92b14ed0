"""A cluster's certificates through the years, by a clock that the tests move."""

import asyncio
import os
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from sampan.kube.access.kubeconfig import document, yaml
from sampan.kube.pki import jws
from sampan.kube.pki.certificates import CLIENTS, CLUSTER, FRONT_PROXY, SERVING, Pki, serving_names
from sampan.kube.pki.issuing import client_certificate, issued_by, left, names_of, sign_request
from sampan.kube.pki.keyfiles import certificate_pem, key_pem, new_key, read_certificate, write

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = serving_names("cluster.local", ["10.96.0.1", "192.0.2.1"], ["api.example.com"])


@pytest.fixture
def pki(tmp_path):
    made = Pki(tmp_path / "pki", NAMES)
    made.renew(START)
    return made


def days(number):
    return START + timedelta(days=number)


def test_a_first_start_makes_everything_and_a_second_nothing(tmp_path):
    made = Pki(tmp_path / "pki", NAMES)
    done = {work.name for work in made.renew(START)}
    assert {CLUSTER, FRONT_PROXY, SERVING, *CLIENTS, "service-accounts"} <= done
    assert made.due(START) == [] == made.renew(START)


def test_files_are_for_nobody_else(pki, tmp_path):
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "pki").iterdir()}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "pki").stat().st_mode & 0o777 == 0o700


def test_the_serving_certificate_has_all_names(pki):
    found = read_certificate(pki.path(SERVING))
    assert set(names_of(found)) == set(NAMES)
    assert {"kubernetes.default.svc.cluster.local", "::1", "10.96.0.1"} <= set(NAMES)


def test_a_new_name_makes_a_new_serving_certificate(pki, tmp_path):
    wider = Pki(tmp_path / "pki", [*NAMES, "192.0.2.99"])
    assert [work.name for work in wider.due(START)] == [SERVING]
    wider.renew(START)
    assert "192.0.2.99" in names_of(read_certificate(wider.path(SERVING)))


def test_leaves_are_renewed_at_a_third_of_their_life(pki):
    before = pki.path(SERVING).read_bytes()
    assert pki.due(days(242)) == []
    due = {work.name for work in pki.due(days(244))}
    assert due == {SERVING, *CLIENTS}
    assert days(242) < pki.next_due(START) < days(244)
    pki.renew(days(244))
    assert pki.path(SERVING).read_bytes() != before
    assert pki.due(days(244)) == []


def test_400_days_later_nothing_has_ended(pki):
    now = START
    while now < days(400):
        now += timedelta(days=1)
        pki.renew(now)
        for name in (SERVING, *CLIENTS):
            assert left(read_certificate(pki.path(name)), now) > 0.3


def test_an_authority_is_trusted_long_before_it_signs(pki):
    first = pki.authority(CLUSTER, START).certificate
    later = days(2500)
    pki.renew(later)
    assert pki.bundle(CLUSTER).count(b"BEGIN") == 2
    assert pki.authority(CLUSTER, later).certificate == first
    assert issued_by(read_certificate(pki.path(SERVING)), first)
    much_later = days(3100)
    pki.renew(much_later)
    second = pki.authority(CLUSTER, much_later).certificate
    assert second != first
    assert issued_by(read_certificate(pki.path("admin")), second)
    assert pki.trusted(CLUSTER, much_later) == [second, first]
    after_the_first = days(3700)
    pki.renew(after_the_first)
    assert pki.trusted(CLUSTER, after_the_first) == [second]
    assert pki.bundle(CLUSTER).count(b"BEGIN") == 1


def test_a_write_that_was_cut_off_is_done_again(pki):
    write(pki.path("admin", "key"), key_pem(new_key()))
    assert [work.name for work in pki.due(START)] == ["admin"]
    pki.path("scheduler").write_bytes(b"rubbish")
    pki.renew(START)
    assert pki.due(START) == []


def test_older_keys_of_tokens_are_kept(pki):
    first = pki.service_account_keys()
    pki.rotate_service_accounts()
    assert len(first) == 1
    rotated = pki.service_account_keys()
    assert len(rotated) == 2
    assert rotated[1].public_key() == first[0].public_key()


def test_keys_of_tokens_that_older_clusters_made_still_count(pki):
    old = new_key()
    pki.path("service-accounts-1", "key").write_bytes(key_pem(old))
    assert [key.public_key() for key in pki.service_account_keys()] == [old.public_key()]
    pki.rotate_service_accounts()
    newest, oldest = pki.service_account_keys()
    # Every reader of tokens knows this one; OpenID Connect says that it must.
    assert jws.algorithm(newest.public_key()) == "RS256"
    assert oldest.public_key() == old.public_key()


def test_a_request_is_signed_as_it_asks(pki):
    key = new_key()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "system:node:n1")])
    names = x509.SubjectAlternativeName([x509.DNSName("n1")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    request = builder.add_extension(names, critical=False).sign(key, SHA256())
    pem = request.public_bytes(Encoding.PEM)
    made = sign_request(pki.authority(CLUSTER, START), pem, ["server auth"], START, timedelta(hours=1))
    assert made.subject == subject and names_of(made) == ["n1"]
    assert made.public_key() == key.public_key()
    assert made.not_valid_after_utc == START + timedelta(hours=1)
    with pytest.raises(x509.ExtensionNotFound):
        made.extensions.get_extension_for_class(x509.KeyUsage)
    usages = ["digital signature", "key encipherment", "encipher only", "client auth"]
    made = sign_request(pki.authority(CLUSTER, START), pem, usages, START, timedelta(hours=9))
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, True, False)
    assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(hours=9)


async def shown(port, trusted, pki=None):
    """The certificate that a server shows, verified."""
    context = ssl.create_default_context(cadata=trusted)
    if pki:
        context.load_cert_chain(pki.path("admin"), pki.path("admin", "key"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    name = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return found, name


async def test_a_listener_shows_the_new_certificate_without_a_restart(tmp_path):
    real = datetime.now(UTC)
    pki = Pki(tmp_path / "pki", NAMES)
    pki.renew(real)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_OPTIONAL
    pki.load(context)

    async def greet(_, writer):
        found = writer.get_extra_info("ssl_object").getpeercert()
        subject = dict(pair for part in found["subject"] for pair in part) if found else {}
        writer.write(subject.get("commonName", "nobody").encode() + b"\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    trusted = pki.bundle(CLUSTER).decode()
    before = await shown(port, trusted)
    assert before[1] == b"nobody\n"
    os.unlink(pki.path(SERVING))
    pki.renew(real)
    pki.load(context)
    after = await shown(port, trusted, pki)
    assert after[1] == b"kubernetes-admin\n"
    assert after[0] != before[0]
    server.close()
    await server.wait_closed()


def test_a_kubeconfig_holds_its_certificates(pki):
    key = new_key()
    certificate = client_certificate(pki.authority(CLUSTER, START), key.public_key(), "me", ["g"], START)
    found = document("https://127.0.0.1:6443", b"CA", certificate_pem(certificate), key_pem(key))
    text = yaml(found).decode()
    assert 'server: "https://127.0.0.1:6443"' in text
    assert "certificate-authority-data: Q0E=" in text
    assert "current-context: sampan" in text
