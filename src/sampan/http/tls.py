"""TLS for tcp hosts: the server's certificate, and client certificates with --tlsverify."""

import ssl

from sampan.errors import Invalid


def server_context(cert: str, key: str, client_ca: str = "") -> ssl.SSLContext:
    """A context to serve with; with `client_ca`, clients must show a certificate it signed.

    Raises Invalid for files that are missing, unreadable or no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # HTTP upgrades (attach, exec) need HTTP/1.1.
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(
            f'invalid TLS configuration: Could not load X509 key pair (cert: "{cert}", key: "{key}"): {error}'
        ) from None
    if client_ca:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as error:
            raise Invalid(
                f'invalid TLS configuration: could not read CA certificate "{client_ca}": {error}'
            ) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def exposure_warning(host: str, *, verified: bool) -> str | None:
    """What to warn of before serving `host` (a tcp:// address) without client certificates."""
    if verified:
        return None
    return (
        f"[DEPRECATION NOTICE]: API is accessible on {host} without TLS client verification: access to the "
        "remote API is equivalent to root access on the host."
    )
