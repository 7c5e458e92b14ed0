"""Certificates: what stands in them, and who signs them. Pure but for the random numbers in keys."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sampan.kube.pki.keyfiles import new_key

CA_LIFE = timedelta(days=3652)
LEAF_LIFE = timedelta(days=365)
# Clocks of clients may be behind.
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True)
class Authority:
    """One generation of an authority."""

    generation: int
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def left(self, now: datetime) -> float:
        """The part of its life that is left."""
        return left(self.certificate, now)


def left(certificate: x509.Certificate, now: datetime) -> float:
    """The part of a certificate's life that is left; 0 or less if it is over."""
    end = certificate.not_valid_after_utc
    return (end - now) / (end - certificate.not_valid_before_utc)


def _subject(common: str, organizations: Sequence[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, one) for one in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common)])


# Fields of x509.KeyUsage, by the names that a certificate signing request has for them.
_USAGES = {
    "digital signature": "digital_signature",
    "signing": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "data encipherment": "data_encipherment",
    "key agreement": "key_agreement",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
_SIGNS, _SIGNS_CERTIFICATES = ("digital signature",), ("digital signature", "cert sign", "crl sign")


def _key_usage(names: Iterable[str]) -> x509.KeyUsage | None:
    """None: nothing is said of what the key is for."""
    wanted = {_USAGES[name] for name in names if name in _USAGES}
    if "key_agreement" not in wanted:  # the two say what it is for beside that
        wanted -= {"encipher_only", "decipher_only"}
    return x509.KeyUsage(**{field: field in wanted for field in _USAGES.values()}) if wanted else None


def _builder(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(end)
    )


def _with_key_usage(builder: x509.CertificateBuilder, names: Iterable[str]) -> x509.CertificateBuilder:
    usage = _key_usage(names)
    return builder if usage is None else builder.add_extension(usage, critical=True)


def new_authority(common: str, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate that signs itself and others, and its key."""
    key = new_key()
    subject = _subject(common, ())
    builder = _builder(subject, subject, key.public_key(), now, now + CA_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = _with_key_usage(builder, _SIGNS_CERTIFICATES)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    )
    return builder.sign(key, hashes.SHA256()), key


def leaf(
    authority: Authority,
    key: CertificatePublicKeyTypes,
    subject: x509.Name,
    usages: Sequence[x509.ObjectIdentifier],
    names: x509.SubjectAlternativeName | None,
    now: datetime,
    life: timedelta = LEAF_LIFE,
    key_usages: Iterable[str] = _SIGNS,
) -> x509.Certificate:
    """A certificate that is no authority; it does not outlive the one that signs it."""
    issuer = authority.certificate
    end = min(now + life, issuer.not_valid_after_utc)
    builder = _builder(subject, issuer.subject, key, now, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = _with_key_usage(builder, key_usages)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def client_certificate(
    authority: Authority,
    key: CertificatePublicKeyTypes,
    common: str,
    organizations: Sequence[str],
    now: datetime,
) -> x509.Certificate:
    """Says who somebody is: the common name is the user, the organizations are its groups."""
    return leaf(authority, key, _subject(common, organizations), [ExtendedKeyUsageOID.CLIENT_AUTH], None, now)


def serving_certificate(
    authority: Authority, key: CertificatePublicKeyTypes, common: str, names: Sequence[str], now: datetime
) -> x509.Certificate:
    """For a server that goes by these names and addresses."""
    alternative = x509.SubjectAlternativeName([_general(name) for name in names])
    subject = _subject(common, ())
    return leaf(authority, key, subject, [ExtendedKeyUsageOID.SERVER_AUTH], alternative, now)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def names_of(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return [*found.get_values_for_type(x509.DNSName), *addresses]


def issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether this very authority signed it."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


# As a certificate signing request names them. pkg/apis/certificates/v1
_EXTENDED = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft sgc": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}
_SHORT = timedelta(hours=8)  # what lives so long has its time from now on, not from when it is backdated to


def alternative_names(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName | None:
    """Raises ValueError if they cannot be read."""
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def sign_request(
    authority: Authority, pem: bytes, usages: Sequence[str], now: datetime, life: timedelta = LEAF_LIFE
) -> x509.Certificate:
    """The certificate that a valid request asks for: its subject, names and key, and nothing else."""
    request = x509.load_pem_x509_csr(pem)
    names = alternative_names(request)
    extended = list(dict.fromkeys(_EXTENDED[usage] for usage in usages if usage in _EXTENDED))
    if life >= _SHORT:
        life -= _BACKDATED
    return leaf(authority, request.public_key(), request.subject, extended, names, now, life, usages)
