"""Users by their certificates, and by the headers of a proxy that has one.

TLS has checked the certificate's signatures already, at the handshake: Python's ssl refuses there what a real
server answers with 401, a certificate of an unknown authority. What is left to say is which authority it was,
and whether now is a time at which it counts.
Kubernetes: staging/src/k8s.io/apiserver/pkg/authentication/request/{x509,headerrequest}.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from multidict import CIMultiDictProxy

from sampan.kube.access.user import User
from sampan.kube.pki.issuing import issued_by

_REMEMBERED = 1024
_UID = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")
_CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a certificate says; `authority` is whose signature it has, None if we trust none that did."""

    user: User
    start: datetime
    end: datetime
    authority: x509.Certificate | None


_EPOCH = datetime.fromtimestamp(0, UTC)
_UNREADABLE = Shown(User(""), _EPOCH, _EPOCH, None)


class _Reader:
    """Certificates are looked at once: checking a signature takes 100 us."""

    def __init__(self, trusted: Callable[[], Sequence[x509.Certificate]]) -> None:
        self._trusted = trusted
        self._known: dict[bytes, Shown] = {}

    def shown(self, der: bytes) -> Shown:
        found = self._known.get(der)
        if found is None or (found.authority is not None and found.authority not in self._trusted()):
            try:
                found = _read(der, self._trusted())
            except ValueError:  # OpenSSL took it, cryptography does not
                found = _UNREADABLE
            while len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[der] = found
        return found


def _read(der: bytes, trusted: Sequence[x509.Certificate]) -> Shown:
    certificate = x509.load_der_x509_certificate(der)
    authority = next((one for one in trusted if issued_by(certificate, one)), None)
    if not _may_be_client(certificate):
        authority = None
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Shown(_user(certificate, der), start, end, authority)


def _may_be_client(certificate: x509.Certificate) -> bool:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return any(usage in usages for usage in _CLIENT)


def _values(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(one.value) for one in certificate.subject.get_attributes_for_oid(oid)]


def _user(certificate: x509.Certificate, der: bytes) -> User:
    common = _values(certificate, NameOID.COMMON_NAME)
    uids = _values(certificate, _UID)
    digest = hashlib.sha256(der).hexdigest()
    return User(
        common[-1] if common else "",
        uids[0] if len(uids) == 1 else "",
        tuple(_values(certificate, NameOID.ORGANIZATION_NAME)),
        {"authentication.kubernetes.io/credential-id": (f"X509SHA256={digest}",)},
    )


class ClientCertificates:
    """The common name is the user, organizations are groups."""

    def __init__(self, trusted: Callable[[], Sequence[x509.Certificate]]) -> None:
        """`trusted`: the authorities of now, by which clients are known; asked often, so it must be cheap."""
        self._reader = _Reader(trusted)

    def user(self, der: bytes, now: datetime) -> User | bool | None:
        """Whose it is; False if it names nobody, None if it does not count."""
        shown = self._reader.shown(der)
        if shown.authority is None or not shown.start <= now <= shown.end:
            return None
        return shown.user if shown.user.name else False


class RequestHeaders:
    """A proxy with a certificate of the authority for proxies says on whose behalf it asks."""

    def __init__(
        self,
        trusted: Callable[[], Sequence[x509.Certificate]],
        names: Sequence[str] = ("front-proxy-client",),
        *,
        users: Sequence[str] = ("X-Remote-User",),
        uids: Sequence[str] = (),
        groups: Sequence[str] = ("X-Remote-Group",),
        extras: Sequence[str] = ("X-Remote-Extra-",),
    ) -> None:
        """`names`: which common names may; none: all. The rest are the names of headers."""
        self._reader = _Reader(trusted)
        self._names = frozenset(names)
        self._users, self._uids, self._groups, self._extras = users, uids, groups, extras

    def user(self, der: bytes, headers: CIMultiDictProxy[str], now: datetime) -> User | None:
        """None: this is no proxy, or it says nothing."""
        name = next((value for one in self._users if (value := headers.get(one))), "")
        if not name:
            return None
        shown = self._reader.shown(der)
        if shown.authority is None or not shown.start <= now <= shown.end:
            return None
        if self._names and shown.user.name not in self._names:
            return None
        groups = [value for one in self._groups for value in headers.getall(one, ())]
        uid = next((value for one in self._uids if (value := headers.get(one))), "")
        return User(name, uid, tuple(groups), extra_of(headers, self._extras))


def extra_of(headers: CIMultiDictProxy[str], prefixes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What headers with these prefixes say, by the rest of their names in lower case, unescaped."""
    found: dict[str, tuple[str, ...]] = {}
    lower = [prefix.lower() for prefix in prefixes]
    for name, value in headers.items():
        prefix = next((one for one in lower if name.lower().startswith(one)), None)
        if prefix is not None:
            key = unquote(name.lower()[len(prefix) :])
            found[key] = (*found.get(key, ()), value)
    return found
