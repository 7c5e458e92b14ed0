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


def exposure_warning(address: str, *, encrypted: bool, verified: bool) -> str | None:
    """What to warn of when `address` (host:port) is served without client certificates."""
    if verified:
        return None
    how = "without TLS client verification" if encrypted else "without encryption"
    scheme = "https" if encrypted else "http"
    return (
        f"[DEPRECATION NOTICE]: API is accessible on {scheme}://{address} {how}.\n"
        "         Access to the remote API is equivalent to root access on the host. Refer\n"
        "         to the 'Docker daemon attack surface' section in the documentation for\n"
        "         more information: https://docs.docker.com/go/attack-surface/"
    )
