"""Signed tokens: JWS in its compact form, JWK sets. RFC 7515, 7517, 7518. Raises BadToken and nothing else.

Own code instead of a library: algorithms are those of the key, never what a token says alone.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
LONGEST = 64 * 1024  # bytes of a token; aiohttp takes no longer header anyway
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: dict[str, tuple[type[ec.EllipticCurve], str]] = {
    "ES256": (ec.SECP256R1, "P-256"),
    "ES384": (ec.SECP384R1, "P-384"),
    "ES512": (ec.SECP521R1, "P-521"),
}


class BadToken(Exception):
    """It is no token, or not signed by a key that counts."""


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Of base64 without padding."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("illegal base64") from error


def key_id(key: PublicKey) -> str:
    """As Kubernetes names keys: the digest of their public part."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encode(hashlib.sha256(der).digest())


def algorithm(key: PublicKey) -> str:
    """Which one a key signs with."""
    if isinstance(key, rsa.RSAPublicKey):
        return "RS256"
    return next(name for name, (curve, _) in _CURVES.items() if isinstance(key.curve, curve))


def sign(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, claims: Mapping[str, Any]) -> str:
    """A token with these claims."""
    public = key.public_key()
    name = algorithm(public)
    header = json.dumps({"alg": name, "kid": key_id(public)}, separators=(",", ":"))
    body = json.dumps(claims, separators=(",", ":"), ensure_ascii=False)
    signed = f"{encode(header.encode())}.{encode(body.encode())}"
    digest = _HASHES[name[2:]]
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed.encode(), padding.PKCS1v15(), digest)
    else:
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(digest)))
        signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return f"{signed}.{encode(signature)}"


def parse(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, as the token says; nothing is verified."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > LONGEST:
        raise BadToken("not a JWT")
    header, claims = _object(parts[0]), _object(parts[1])
    return header, claims


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(decode(part))
    except (ValueError, RecursionError) as error:
        raise BadToken("not JSON") from error
    if not isinstance(found, dict):
        raise BadToken("not an object")
    return found


def verify(token: str, header: Mapping[str, Any], keys: Sequence[tuple[str, PublicKey]]) -> None:
    """Raises BadToken unless one of the keys, those with the token's key ID if it has one, signed it."""
    named, alg = header.get("kid"), header.get("alg")
    fitting = [key for name, key in keys if name == named] if named else []
    signed, _, tail = token.rpartition(".")
    signature = decode(tail)
    for key in fitting or [key for _, key in keys]:
        if _verifies(key, alg, signed.encode(), signature):
            return
    raise BadToken("no key verifies it")


def _verifies(key: PublicKey, alg: object, signed: bytes, signature: bytes) -> bool:
    if not isinstance(alg, str) or alg[2:] not in _HASHES:
        return False
    digest = _HASHES[alg[2:]]
    try:
        if isinstance(key, rsa.RSAPublicKey):
            return _verifies_rsa(key, alg, digest, signed, signature)
        if alg not in _CURVES or not isinstance(key.curve, _CURVES[alg][0]):
            return False
        half = (key.curve.key_size + 7) // 8
        if len(signature) != 2 * half:
            return False
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def _verifies_rsa(
    key: rsa.RSAPublicKey, alg: str, digest: hashes.HashAlgorithm, signed: bytes, signature: bytes
) -> bool:
    if alg.startswith("PS"):
        pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
        key.verify(signature, signed, pss, digest)
        return True
    if alg.startswith("RS"):
        key.verify(signature, signed, padding.PKCS1v15(), digest)
        return True
    return False


def jwk(key: PublicKey) -> dict[str, Any]:
    """A public key as a JWK set has it."""
    name = algorithm(key)
    head = {"use": "sig", "kid": key_id(key), "alg": name}
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {**head, "kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    point = key.public_numbers()
    size = (key.curve.key_size + 7) // 8
    coordinates = {"x": encode(point.x.to_bytes(size, "big")), "y": encode(point.y.to_bytes(size, "big"))}
    return {**head, "kty": "EC", "crv": _CURVES[name][1], **coordinates}


def _number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def from_jwks(value: Any) -> list[tuple[str, PublicKey]]:
    """The keys of a JWK set that somebody else publishes, with their IDs; other kinds are left out."""
    found = []
    keys = value.get("keys") if isinstance(value, dict) else None
    for one in keys if isinstance(keys, list) else ():
        if isinstance(one, dict) and one.get("use", "sig") == "sig":
            try:
                key = _from_jwk(one)
            except (ValueError, BadToken, KeyError, TypeError):
                continue
            if key:
                found.append((str(one.get("kid") or ""), key))
    return found


def _from_jwk(one: Mapping[str, Any]) -> PublicKey | None:
    if one.get("kty") == "RSA":
        return rsa.RSAPublicNumbers(_integer(one["e"]), _integer(one["n"])).public_key()
    if one.get("kty") == "EC":
        curve = next(curve for curve, name in _CURVES.values() if name == one["crv"])
        return ec.EllipticCurvePublicNumbers(_integer(one["x"]), _integer(one["y"]), curve()).public_key()
    return None


def _integer(text: Any) -> int:
    if not isinstance(text, str):
        raise BadToken("no number")
    return int.from_bytes(decode(text), "big")
