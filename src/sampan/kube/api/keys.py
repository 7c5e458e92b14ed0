"""The certificates and keys that requests are checked by, in memory; read again when they are renewed."""

from datetime import datetime

from cryptography import x509

from sampan.kube.access.tokens import Issuer
from sampan.kube.pki.certificates import CLUSTER, FRONT_PROXY, Pki


class Keys:
    def __init__(self, pki: Pki, issuer: str, now: datetime) -> None:
        """`issuer` stands in tokens, and is their audience."""
        self._pki = pki
        self._name = issuer
        self.clients: list[x509.Certificate] = []
        self.proxies: list[x509.Certificate] = []
        self.issuer: Issuer
        self.reload(now)

    def reload(self, now: datetime) -> None:
        """What is on disk counts from now on."""
        self.clients = self._pki.trusted(CLUSTER, now)
        self.proxies = self._pki.trusted(FRONT_PROXY, now)
        keys = self._pki.service_account_keys()
        verifying = tuple(key.public_key() for key in keys)
        self.issuer = Issuer((self._name,), keys[0], verifying, (self._name,))
