"""Why another server could not be asked, as Go's net, crypto/tls and net/http word it."""

import asyncio
import socket
import ssl

import aiohttp

UNKNOWN_AUTHORITY = "certificate signed by unknown authority"


def reason(error: BaseException) -> str:
    """Of one failed exchange."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _certificate(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _dial(error.os_error, error.host, error.port)
    if isinstance(error, aiohttp.ServerDisconnectedError | asyncio.IncompleteReadError):
        return "EOF"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "unexpected EOF"
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.http_exceptions.HttpProcessingError):
        return f"malformed HTTP response: {_line(error.message)}"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded"
    if isinstance(error, OSError):
        return _tls(error) if isinstance(error, ssl.SSLError) else _system(error)
    return _line(str(error))


def dialed(error: OSError, host: str, port: int) -> str:
    """The same, of a connection that was never there."""
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    return _tls(error) if isinstance(error, ssl.SSLError) else _dial(error, host, port)


def _dial(error: OSError, host: str, port: int | None) -> str:
    if isinstance(error, ssl.SSLError):
        return _tls(error)
    where = f"[{host}]" if ":" in host else host
    if isinstance(error, TimeoutError):
        return f"dial tcp {where}:{port}: i/o timeout"
    return f"dial tcp {where}:{port}: connect: {_system(error)}"


def _system(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset by peer"
    return _line(error.strerror or str(error)).lower()


def _tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error)
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "tls: first record does not look like a TLS handshake"
    return f"remote error: tls: {_line(error.reason or str(error)).lower().replace('_', ' ')}"


def _certificate(error: Exception) -> str:
    text = getattr(error, "verify_message", "") or str(error)
    if "self-signed" in text or "self signed" in text or "unable to get" in text:
        text = UNKNOWN_AUTHORITY
    return f"tls: failed to verify certificate: x509: {text}"


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
