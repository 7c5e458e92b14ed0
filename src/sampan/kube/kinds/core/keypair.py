"""Do a certificate and a private key in PEM belong together? In the words of Go's crypto/tls.X509KeyPair."""

import base64
import binascii
import re

_block = re.compile(
    rb"^-----BEGIN ([^\r\n-]+)-----[ \t]*\r?\n(.*?)^-----END \1-----[ \t]*\r?$", re.DOTALL | re.MULTILINE
).finditer


def _blocks(text: bytes) -> list[tuple[str, bytes]]:
    """(what it is, what is in it) of each PEM block."""
    found = []
    for match in _block(text):
        body = match[2].rpartition(b"\n\n")[2] if b":" in match[2] else match[2]
        try:
            found.append((match[1].decode("ascii", "replace"), base64.b64decode(body, validate=False)))
        except binascii.Error:
            continue
    return found


def complaint(certificate: bytes, key: bytes) -> str:
    """What is wrong with the two; "" if nothing is."""
    from cryptography import x509

    blocks = _blocks(certificate)
    leaves = [body for kind, body in blocks if kind == "CERTIFICATE"]
    if not leaves:
        return _no_certificate([kind for kind, _ in blocks])
    blocks = _blocks(key)
    keys = [body for kind, body in blocks if kind == "PRIVATE KEY" or kind.endswith(" PRIVATE KEY")]
    if not keys:
        return _no_key([kind for kind, _ in blocks])
    try:
        leaf = x509.load_der_x509_certificate(leaves[0])
    except ValueError:
        return "x509: malformed certificate"
    return _mismatch(leaf.public_key(), keys[0])


def _no_certificate(kinds: list[str]) -> str:
    if not kinds:
        return "tls: failed to find any PEM data in certificate input"
    if len(kinds) == 1 and kinds[0].endswith("PRIVATE KEY"):
        return (
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
            "PEM inputs may have been switched"
        )
    return (
        'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks '
        f"of the following types: [{' '.join(kinds)}]"
    )


def _no_key(kinds: list[str]) -> str:
    if not kinds:
        return "tls: failed to find any PEM data in key input"
    if kinds == ["CERTIFICATE"]:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    return (
        'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM '
        f"blocks of the following types: [{' '.join(kinds)}]"
    )


def _mismatch(public: object, der: bytes) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        private = load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "tls: failed to parse private key"
    other = private.public_key()
    if type(other) is not type(public):
        return "tls: private key type does not match public key type"
    return "" if other == public else "tls: private key does not match public key"
