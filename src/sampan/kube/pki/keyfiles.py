"""Files of keys and certificates: written whole or not at all, readable by nobody else."""

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


def write(path: Path, data: bytes) -> None:
    """Beside, synced, renamed, the directory synced: a power cut leaves the old file or the new one."""
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True)
        _sync_directory(path.parent.parent)
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    os.rename(beside, path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def new_token_key() -> rsa.RSAPrivateKey:
    """Who reads tokens need not know any algorithm but RS256. OpenID Connect Discovery 1.0, section 3"""
    return rsa.generate_private_key(65537, 2048)


def key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def read_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    """None if there is no such file, or it holds no such key."""
    key = _read(path)
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def read_token_key(path: Path) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None:
    """The same of a key that signs tokens; older clusters have other ones than `new_token_key` makes."""
    key = _read(path)
    return key if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) else None


def _read(path: Path) -> PrivateKeyTypes | None:
    try:
        return load_pem_private_key(path.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def read_certificate(path: Path) -> x509.Certificate | None:
    """None if there is no such file, or it holds no certificate."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
