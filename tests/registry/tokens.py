"""Tokens put together by hand, as a forger does: RFC 7515, independent of the library we use."""

import base64
import hashlib
import hmac
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def to_sign(header: dict[str, Any], claims: dict[str, Any] | bytes) -> str:
    body = claims if isinstance(claims, bytes) else orjson.dumps(claims)
    return f"{encode(orjson.dumps(header))}.{encode(body)}"


def unsigned(claims: dict[str, Any]) -> str:
    return to_sign({"alg": "none"}, claims) + "."


def hs256(claims: dict[str, Any] | bytes, key: bytes, **header: Any) -> str:
    signed = to_sign({"alg": "HS256", **header}, claims)
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def rs256(claims: dict[str, Any], key: rsa.RSAPrivateKey, **header: Any) -> str:
    signed = to_sign({"alg": "RS256", **header}, claims)
    return f"{signed}.{encode(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def es256(claims: dict[str, Any], key: ec.EllipticCurvePrivateKey, **header: Any) -> str:
    signed = to_sign({"alg": "ES256", **header}, claims)
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    size = key.key_size // 8
    return f"{signed}.{encode(r.to_bytes(size, 'big') + s.to_bytes(size, 'big'))}"
