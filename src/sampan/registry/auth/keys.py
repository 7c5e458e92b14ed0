"""The keys of a token service: certificates or public keys in a PEM file, verifying RS256 and ES256."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sampan.errors import Invalid
from sampan.registry.auth.jwt import BadToken, split

Key = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----\n?", re.DOTALL)


def load_keys(path: str) -> list[Key]:
    """Raises Invalid when there is none in the file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"cannot read {path}: {error.strerror}") from None
    keys = [_load(match[0], match[1], path) for match in _BLOCK.finditer(data)]
    if not keys:
        raise Invalid(f"{path} has no certificate and no public key in PEM form")
    return keys


def _load(block: bytes, kind: bytes, path: str) -> Key:
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


def verify(token: str, keys: list[Key]) -> dict[str, Any]:
    """The claims of a token that one of the keys signed. Raises BadToken.

    A chain in the token (x5c) is not looked at: only keys the administrator listed count.
    """
    header, claims, signed, signature = split(token)
    check = _CHECKS.get(str(header.get("alg")))
    if check is None:
        raise BadToken("signature algorithm is neither RS256 nor ES256")
    if not any(check(key, signature, signed) for key in keys):
        raise BadToken("signed by no trusted key")
    return claims


def _rs256(key: Key, signature: bytes, signed: bytes) -> bool:
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, signed, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _es256(key: Key, signature: bytes, signed: bytes) -> bool:
    if (
        not isinstance(key, ec.EllipticCurvePublicKey)
        or key.curve.name != "secp256r1"
        or len(signature) != 64
    ):
        return False
    # RFC 7518, 3.4: R and S as 32 bytes each, not DER.
    pair = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(pair, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


_CHECKS: dict[str, Callable[[Key, bytes, bytes], bool]] = {"RS256": _rs256, "ES256": _es256}
