"""The certificates of a cluster: made, renewed and replaced by the server itself.

<directory>/
  ca-1.crt ca-1.key          the cluster's authority; ca-2 comes when a third of ca-1's life is left
  front-proxy-ca-1.crt .key  the authority of whoever may say on whose behalf it asks
  ca.crt front-proxy-ca.crt  all generations that are still good: what others are to trust
  apiserver.crt .key         what listeners show
  <client>.crt .key          of each of CLIENTS
  service-accounts-1.key     signs tokens; -2 comes by rotation, and the older ones still verify

A new authority is trusted from the day it is made, and signs when a sixth of the old one's life is left:
whoever reads ca.crt once in a while never meets a certificate that it cannot check.
"""

import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sampan.kube.pki.issuing import (
    Authority,
    client_certificate,
    issued_by,
    left,
    names_of,
    new_authority,
    serving_certificate,
)
from sampan.kube.pki.keyfiles import (
    certificate_pem,
    key_pem,
    new_key,
    new_token_key,
    read_certificate,
    read_key,
    read_token_key,
    write,
)

CLUSTER, FRONT_PROXY = "ca", "front-proxy-ca"
SERVING = "apiserver"
_SERVICE_ACCOUNTS = "service-accounts"
_AUTHORITIES = {CLUSTER: "kubernetes-ca", FRONT_PROXY: "front-proxy-ca"}
# Name of the file -> authority, common name, organizations.
CLIENTS = {
    "admin": (CLUSTER, "kubernetes-admin", ("system:masters",)),
    "controller-manager": (CLUSTER, "system:kube-controller-manager", ()),
    "scheduler": (CLUSTER, "system:kube-scheduler", ()),
    "apiserver-kubelet-client": (CLUSTER, "kube-apiserver-kubelet-client", ("system:masters",)),
    "front-proxy-client": (FRONT_PROXY, "front-proxy-client", ()),
}


@dataclass(frozen=True)
class Work:
    """A file that is to be made, and why."""

    name: str
    why: str


def serving_names(domain: str, addresses: Sequence[str], extra: Sequence[str] = ()) -> tuple[str, ...]:
    """All names and addresses by which this server is called."""
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    own = (*service, f"kubernetes.default.svc.{domain}", "localhost", "127.0.0.1", "::1")
    return tuple(dict.fromkeys((*own, *addresses, *extra)))


class Pki:
    """`names` are those of the serving certificate; all times are given by the caller."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self._directory = directory
        self._names = tuple(names)

    def path(self, name: str, kind: str = "crt") -> Path:
        """Of a certificate, or of its `key`."""
        return self._directory / f"{name}.{kind}"

    def due(self, now: datetime) -> list[Work]:
        """What has to be made now. What an authority's replacement entails is known once it is made."""
        found = [Work(name, why) for name in _AUTHORITIES for why in self._authority_due(name, now)]
        if not self._generations(_SERVICE_ACCOUNTS, "key"):
            found.append(Work(_SERVICE_ACCOUNTS, "there is none"))
        found += [Work(name, why) for name in (SERVING, *CLIENTS) for why in self._leaf_due(name, now)]
        bundles = (Work(f"{name}.crt", "it is stale") for name in _AUTHORITIES if self._stale(name, now))
        return [*found, *bundles]

    def renew(self, now: datetime) -> list[Work]:
        """Do what is due, authorities first; says what was done. Listeners are to be reloaded afterwards."""
        done = []
        for name in _AUTHORITIES:
            for why in self._authority_due(name, now):
                self._make_authority(name, now)
                done.append(Work(name, why))
            if self._stale(name, now):
                write(self.path(name), self._bundle(name, now))
                done.append(Work(f"{name}.crt", "it was stale"))
        if not self._generations(_SERVICE_ACCOUNTS, "key"):
            self.rotate_service_accounts()
            done.append(Work(_SERVICE_ACCOUNTS, "there was none"))
        for name in (SERVING, *CLIENTS):
            for why in self._leaf_due(name, now):
                self._make_leaf(name, now)
                done.append(Work(name, why))
        return done

    def next_due(self, now: datetime) -> datetime:
        """When something will be due, if nothing is now."""
        dates = [
            certificate.not_valid_after_utc
            - (certificate.not_valid_after_utc - certificate.not_valid_before_utc) / 3
            for certificate in self._certificates()
        ]
        return min(dates, default=now)

    def _certificates(self) -> Iterator[x509.Certificate]:
        for name in (SERVING, *CLIENTS):
            certificate = read_certificate(self.path(name))
            if certificate:
                yield certificate
        for name in _AUTHORITIES:
            authorities = self._authorities(name)
            if authorities:
                yield authorities[-1].certificate

    # Authorities

    def _generations(self, name: str, kind: str) -> list[int]:
        pattern = re.compile(rf"{re.escape(name)}-(\d+)\.{kind}")
        found = (pattern.fullmatch(path.name) for path in self._directory.glob(f"{name}-*.{kind}"))
        return sorted(int(match[1]) for match in found if match)

    def _authorities(self, name: str) -> list[Authority]:
        """All generations, the oldest first; one whose key or certificate is missing is none."""
        found = []
        for number in self._generations(name, "crt"):
            certificate = read_certificate(self.path(f"{name}-{number}"))
            key = read_key(self.path(f"{name}-{number}", "key"))
            if certificate and key and certificate.public_key() == key.public_key():
                found.append(Authority(number, certificate, key))
        return found

    def trusted(self, name: str, now: datetime) -> list[x509.Certificate]:
        """The certificates of an authority that are still good, the newest first."""
        return [one.certificate for one in reversed(self._authorities(name)) if one.left(now) > 0]

    def _signing(self, name: str, now: datetime) -> Authority | None:
        """The oldest that will last; the newest if none does."""
        good = [one for one in self._authorities(name) if one.left(now) > 0]
        return next((one for one in good if one.left(now) > 1 / 6), good[-1] if good else None)

    def _authority_due(self, name: str, now: datetime) -> Iterator[str]:
        authorities = self._authorities(name)
        if not authorities:
            yield "there is none"
        elif authorities[-1].left(now) <= 1 / 3:
            yield f"it ends on {authorities[-1].certificate.not_valid_after_utc:%Y-%m-%d}"

    def _make_authority(self, name: str, now: datetime) -> None:
        number = max(self._generations(name, "crt"), default=0) + 1
        common = _AUTHORITIES[name] if number == 1 else f"{_AUTHORITIES[name]}-{number}"
        certificate, key = new_authority(common, now)
        # The certificate last: without it there is no authority.
        write(self.path(f"{name}-{number}", "key"), key_pem(key))
        write(self.path(f"{name}-{number}"), certificate_pem(certificate))

    def _bundle(self, name: str, now: datetime) -> bytes:
        return b"".join(certificate_pem(one) for one in self.trusted(name, now))

    def _stale(self, name: str, now: datetime) -> bool:
        try:
            return self.path(name).read_bytes() != self._bundle(name, now)
        except FileNotFoundError:
            return True

    def bundle(self, name: str) -> bytes:
        """What others are to trust, in PEM."""
        return self.path(name).read_bytes()

    def authority(self, name: str, now: datetime) -> Authority:
        """The one that signs now; `renew` must have been called."""
        found = self._signing(name, now)
        if found is None:
            raise FileNotFoundError(self.path(name))
        return found

    # Leaves

    def _leaf_due(self, name: str, now: datetime) -> Iterator[str]:
        """One reason at most."""
        certificate, key = read_certificate(self.path(name)), read_key(self.path(name, "key"))
        authority = self._signing(CLIENTS[name][0] if name in CLIENTS else CLUSTER, now)
        if certificate is None or key is None or certificate.public_key() != key.public_key():
            yield "there is none"
        elif left(certificate, now) <= 1 / 3:
            yield f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}"
        elif authority is None or not issued_by(certificate, authority.certificate):
            yield "its authority is another"
        elif name == SERVING and not set(self._names) <= set(names_of(certificate)):
            yield "names are missing in it"

    def _make_leaf(self, name: str, now: datetime) -> None:
        key = new_key()
        if name == SERVING:
            authority = self.authority(CLUSTER, now)
            certificate = serving_certificate(authority, key.public_key(), "kube-apiserver", self._names, now)
        else:
            issuer, common, organizations = CLIENTS[name]
            authority = self.authority(issuer, now)
            certificate = client_certificate(authority, key.public_key(), common, organizations, now)
        write(self.path(name, "key"), key_pem(key))
        write(self.path(name), certificate_pem(certificate))

    def load(self, context: ssl.SSLContext) -> None:
        """Have a listener's context show and trust what is on disk; also one that is in use."""
        context.load_cert_chain(self.path(SERVING), self.path(SERVING, "key"))
        trusted = self.bundle(CLUSTER) + self.bundle(FRONT_PROXY)
        context.load_verify_locations(cadata=trusted.decode())

    # Keys of tokens

    def service_account_keys(self) -> list[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]:
        """The newest, which signs, first; the others only verify."""
        numbers = reversed(self._generations(_SERVICE_ACCOUNTS, "key"))
        keys = (read_token_key(self.path(f"{_SERVICE_ACCOUNTS}-{number}", "key")) for number in numbers)
        return [key for key in keys if key]

    def token_key(self) -> Path:
        """The file of the one that signs; `renew` must have been called."""
        return self.path(f"{_SERVICE_ACCOUNTS}-{self._generations(_SERVICE_ACCOUNTS, 'key')[-1]}", "key")

    def rotate_service_accounts(self) -> None:
        """A new key signs from now on. Older ones verify until their files are removed."""
        number = max(self._generations(_SERVICE_ACCOUNTS, "key"), default=0) + 1
        write(self.path(f"{_SERVICE_ACCOUNTS}-{number}", "key"), key_pem(new_token_key()))
