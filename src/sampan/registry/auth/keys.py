"""The keys of a token service: certificates or public keys in a PEM file."""

import re
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sampan.errors import Invalid

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----\n?", re.DOTALL)


def load_keys(path: str) -> list[PublicKey]:
    """Raises Invalid when there is none in the file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"cannot read {path}: {error.strerror}") from None
    keys = [_load(match[0], match[1], path) for match in _BLOCK.finditer(data)]
    if not keys:
        raise Invalid(f"{path} has no certificate and no public key in PEM form")
    return keys


def _load(block: bytes, kind: bytes, path: str) -> PublicKey:
    try:
        if kind == b"CERTIFICATE":
            key: Any = x509.load_pem_x509_certificate(block).public_key()
        else:
            key = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(f"{path}: {error}") from None
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        raise Invalid(f"{path}: only RSA and EC keys can verify tokens")
    return key
