"""JSON Web Tokens, by PyJWT: HS256 for our own, RS256 and ES256 for a service's. RFC 7519, RFC 8725.

Importing this brings cryptography with it: 37 ms and 13 MB, so only registries with tokens do.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeGuard

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sampan.registry.auth.access import BadToken
from sampan.registry.blobs import Clock

Claims = Mapping[str, Any]
Key = bytes | rsa.RSAPublicKey | ec.EllipticCurvePublicKey

# Times are checked below: PyJWT knows only the system's clock. `sub` and `jti` are the service's matter.
_READER = jwt.PyJWT(
    {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_sub": False, "verify_jti": False}
)
_REMEMBERED = 256  # tokens, of at most 8 kB each: aiohttp's limit for a header
_END_OF_TIME = 1 << 40
_LEEWAY = 60.0  # seconds that clocks may differ


def sign(claims: Claims, key: bytes) -> str:
    """A token of our own."""
    return jwt.encode(dict(claims), key, "HS256")


def algorithm_of(key: Key) -> str | None:
    """The one algorithm a key may be used for, whatever a token says; None: it signs no tokens."""
    if isinstance(key, bytes):
        return "HS256"
    if isinstance(key, rsa.RSAPublicKey):
        return "RS256"
    return "ES256" if key.curve.name == "secp256r1" else None


class Verifier:
    """Tokens for `audience`, by `issuer` (None: whoever has a key), that one of the keys signed.

    A chain in the token (x5c) is not looked at: only keys the administrator listed count. A client sends the
    same token with each of its requests, so what a good signature covers is remembered.
    """

    def __init__(self, keys: Sequence[Key], audience: str, issuer: str | None, clock: Clock) -> None:
        found = [(key, algorithm_of(key)) for key in keys]
        self._keys = [(key, algorithm) for key, algorithm in found if algorithm is not None]
        self._audience = audience
        self._issuer = issuer
        self._clock = clock
        self._read = lru_cache(_REMEMBERED)(self._verified)

    def verify(self, token: str) -> Claims:
        """The claims of a good token. Raises BadToken."""
        claims = self._read(token)
        check_times(claims, self._clock())
        return claims

    def _verified(self, token: str) -> Claims:
        if not token.isascii():
            raise BadToken("not three parts of base64url")
        for key, algorithm in self._keys:
            try:
                found: Claims = _READER.decode(
                    token, key, algorithms=[algorithm], audience=self._audience, issuer=self._issuer
                )
                return found
            except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
                continue
            except jwt.InvalidTokenError as error:
                raise BadToken(_reason(error)) from None
        raise BadToken("signed by no trusted key")


def _reason(error: jwt.InvalidTokenError) -> str:
    if isinstance(error, jwt.InvalidIssuerError):
        return "by another issuer"
    if isinstance(error, jwt.InvalidAudienceError):
        return "for another service"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"without {error.claim}"
    return f"malformed: {error}"


def check_times(claims: Claims, now: float) -> None:
    """Raises BadToken for a token that is not good yet, or no more."""
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not _is_time(expires) or not _is_time(begins):
        raise BadToken("no expiry time")
    if now > expires + _LEEWAY:
        raise BadToken("expired")
    if now < begins - _LEEWAY:
        raise BadToken("not valid yet")


def _is_time(value: Any) -> TypeGuard[float]:
    """PyJWT's JSON has NaN and Infinity, which would be good for ever."""
    return isinstance(value, (int, float)) and abs(value) < _END_OF_TIME
