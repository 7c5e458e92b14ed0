"""Encryption at rest: what the store keeps of secrets is not readable without a key.

A sealed value begins with `k8s:enc:<provider>:v1:<key's name>:`, as upstream's do. The storage key is
authenticated with the value: it cannot be moved to another object.
Kubernetes: staging/src/k8s.io/apiserver/pkg/{server/options/encryptionconfig,storage/value/encrypt}.
"""

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sampan.errors import Invalid, Unsupported
from sampan.kube.access.configuration import Shape, expect, load
from sampan.kube.pki import keyfiles

_START = b"k8s:enc:"
_NONCE = 12
_BLOCK = 16
_PROVIDERS = ("identity", "aesgcm", "aescbc", "secretbox", "kms")


class Unreadable(Exception):
    """A sealed value that no key opens."""


@dataclass(frozen=True)
class Key:
    name: str
    secret: bytes


class Provider:
    """One way of keeping values; `prefix` is how what it made begins."""

    prefix = b""

    def seal(self, storage_key: str, value: bytes) -> bytes:
        raise NotImplementedError

    def open(self, storage_key: str, value: bytes) -> bytes:
        """Raises Unreadable."""
        raise NotImplementedError


class Identity(Provider):
    """As it is."""

    def seal(self, storage_key: str, value: bytes) -> bytes:
        return value

    def open(self, storage_key: str, value: bytes) -> bytes:
        if value.startswith(_START):
            raise Unreadable(f"{storage_key} is encrypted, and no key that we have opens it")
        return value


class AesGcm(Provider):
    """Nonces are random: a key is good for 2^32 writes (NIST SP 800-38D, 8.3)."""

    def __init__(self, key: Key) -> None:
        self.prefix = b"k8s:enc:aesgcm:v1:" + key.name.encode() + b":"
        self._cipher = AESGCM(key.secret)

    def seal(self, storage_key: str, value: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return self.prefix + nonce + self._cipher.encrypt(nonce, value, storage_key.encode())

    def open(self, storage_key: str, value: bytes) -> bytes:
        body = value[len(self.prefix) :]
        try:
            return self._cipher.decrypt(body[:_NONCE], body[_NONCE:], storage_key.encode())
        except (InvalidTag, ValueError) as error:
            raise Unreadable(f"{storage_key} is not what was written") from error


class AesCbc(Provider):
    """For stores that were written with it: it does not notice changes, and should not be the first."""

    def __init__(self, key: Key) -> None:
        self.prefix = b"k8s:enc:aescbc:v1:" + key.name.encode() + b":"
        self._algorithm = algorithms.AES(key.secret)

    def seal(self, storage_key: str, value: bytes) -> bytes:
        vector = os.urandom(_BLOCK)
        padder = padding.PKCS7(_BLOCK * 8).padder()
        encryptor = Cipher(self._algorithm, modes.CBC(vector)).encryptor()
        padded = padder.update(value) + padder.finalize()
        return self.prefix + vector + encryptor.update(padded) + encryptor.finalize()

    def open(self, storage_key: str, value: bytes) -> bytes:
        body = value[len(self.prefix) :]
        try:
            decryptor = Cipher(self._algorithm, modes.CBC(body[:_BLOCK])).decryptor()
            padded = decryptor.update(body[_BLOCK:]) + decryptor.finalize()
            unpadder = padding.PKCS7(_BLOCK * 8).unpadder()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError as error:
            raise Unreadable(f"{storage_key} is not what was written") from error


class Encryption:
    """Which values are sealed, and how. The first provider writes, all read."""

    def __init__(self, rules: Sequence[tuple[Sequence[str], Sequence[Provider]]]) -> None:
        """`rules`: resources ("secrets", "*.apps", "*.*") and providers; the first that fits counts."""
        self._rules = [(tuple(resources), tuple(providers)) for resources, providers in rules]

    def providers(self, resource: str) -> tuple[Provider, ...]:
        """Of a resource with its group; none: it is kept as it is."""
        group = resource.partition(".")[2]
        names = {resource, f"*.{group}", "*.*"}
        for resources, providers in self._rules:
            if any(one in names for one in resources):
                return providers
        return ()

    def covers(self, resource: str) -> bool:
        return bool(self.providers(resource))

    def seal(self, resource: str, storage_key: str, value: bytes) -> bytes:
        """What is to be stored."""
        providers = self.providers(resource)
        return providers[0].seal(storage_key, value) if providers else value

    def open(self, resource: str, storage_key: str, value: bytes) -> tuple[bytes, bool]:
        """What was stored, and whether another key would seal it now. Raises Unreadable."""
        providers = self.providers(resource)
        for index, provider in enumerate(providers):
            if provider.prefix and value.startswith(provider.prefix):
                return provider.open(storage_key, value), index > 0
        if value.startswith(_START):
            raise Unreadable(f"{storage_key} is encrypted, and no key that we have opens it")
        # Written before there was encryption. Upstream reads it only where `identity` is among the providers.
        if providers and not any(isinstance(one, Identity) for one in providers):
            raise Unreadable(f"{storage_key} is not encrypted, and identity is no provider of its resource")
        return value, bool(providers) and not isinstance(providers[0], Identity)


def default(path: Path) -> Encryption:
    """Secrets with AES-GCM, by keys of our own in files `<path>/secrets-N.key`; made if there is none."""
    if not _numbers(path):
        add_key(path)
    numbers = reversed(_numbers(path))
    keys = [Key(f"key{number}", (path / f"secrets-{number}.key").read_bytes()) for number in numbers]
    return Encryption([(("secrets",), (*(AesGcm(key) for key in keys), Identity()))])


def add_key(path: Path) -> str:
    """A new key, which writes from the next start on; the older ones still read. Its name."""
    number = max(_numbers(path), default=0) + 1
    keyfiles.write(path / f"secrets-{number}.key", os.urandom(32))
    return f"key{number}"


def _numbers(path: Path) -> list[int]:
    found = (one.stem.rpartition("-")[2] for one in path.glob("secrets-*.key"))
    return sorted(int(number) for number in found if number.isdigit())


# EncryptionConfiguration

_KEYS = Shape({"keys": [Shape({"name": str, "secret": str})]})
_SHAPE = Shape(
    {
        "resources": [
            Shape(
                {
                    "resources": [str],
                    "providers": [
                        Shape(
                            {
                                "identity": Shape({}),
                                "aesgcm": _KEYS,
                                "aescbc": _KEYS,
                                "secretbox": _KEYS,
                                "kms": dict,
                            }
                        )
                    ],
                }
            )
        ]
    }
)


def from_file(path: Path) -> Encryption:
    """An EncryptionConfiguration. Raises Invalid, and Unsupported for KMS and secretbox."""
    found = load(path, "EncryptionConfiguration", ("apiserver.config.k8s.io/v1",))
    expect(found, _SHAPE, str(path))
    rules = []
    for index, rule in enumerate(found.get("resources") or ()):
        where = f"{path}: resources[{index}]"
        names, configured = rule.get("resources") or [], rule.get("providers") or []
        if not names or not configured:
            raise Invalid(f"{where}: resources and providers are needed")
        providers = [made for one in configured for made in _providers(one, where)]
        rules.append((names, providers))
    if not rules:
        raise Invalid(f"{path}: resources is needed")
    return Encryption(rules)


def _providers(configured: dict[str, Any], where: str) -> list[Provider]:
    """One for each key."""
    if len(configured) != 1:
        raise Invalid(f"{where}: a provider is one of {', '.join(_PROVIDERS)}, not {len(configured)} of them")
    ((kind, settings),) = configured.items()
    if kind == "identity":
        return [Identity()]
    if kind in ("kms", "secretbox"):
        raise Unsupported(f"{where}: the provider {kind} is not offered", hint="use aesgcm")
    keys = [_key(one, where, kind) for one in (settings or {}).get("keys") or ()]
    if not keys:
        raise Invalid(f"{where}: {kind} needs a key")
    if len({key.name for key in keys}) < len(keys):
        raise Invalid(f"{where}: {kind} has two keys of one name")
    return [AesGcm(key) if kind == "aesgcm" else AesCbc(key) for key in keys]


def _key(one: dict[str, Any], where: str, kind: str) -> Key:
    name = one.get("name") or ""
    if not name or ":" in name:
        raise Invalid(f"{where}: a key of {kind} needs a name without a colon, has {name!r}")
    try:
        secret = base64.b64decode(one.get("secret") or "", validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"{where}: the secret of key {name} is not base64") from None
    if len(secret) not in (16, 24, 32):
        raise Invalid(f"{where}: the secret of key {name} has {len(secret)} bytes, 16, 24 or 32 are wanted")
    return Key(name, secret)
