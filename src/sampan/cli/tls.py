"""TLS for tcp:// hosts, on memory buffers so that one direction can be closed alone (close_notify)."""

from __future__ import annotations

import ssl

from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.sockets import Connection, PlainSocket


class TlsFiles:
    """Which files prove who we are and whom we trust; an empty path means none."""

    def __init__(self, ca: str, cert: str, key: str, verify: bool) -> None:
        self.ca = ca
        self.cert = cert
        self.key = key
        self.verify = verify


class TlsSocket:
    """The same few methods as a plain socket."""

    def __init__(self, raw: PlainSocket, context: ssl.SSLContext, host: str) -> None:
        self._raw = raw
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        while True:
            try:
                self._object.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._exchange()
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._raw.sendall(self._outgoing.read())

    def _exchange(self) -> bool:
        self._flush()
        data = self._raw.recv(1 << 16)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)

    def recv(self, size: int, /) -> bytes:
        while True:
            try:
                return self._object.read(size)
            except ssl.SSLWantReadError:
                self._exchange()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def pending(self) -> int:
        """Decrypted bytes that `recv` returns without waiting; poll cannot see them."""
        return self._object.pending() or self._incoming.pending

    def sendall(self, data: bytes, /) -> None:
        self._object.write(data)
        self._flush()

    def send(self, data: bytes, flags: int = 0, /) -> int:
        self.sendall(data)
        return len(data)

    def fileno(self) -> int:
        return self._raw.fileno()

    def half_close(self) -> None:
        try:
            self._object.unwrap()
        except ssl.SSLError:
            pass  # our close_notify is queued; the peer's comes when it is done
        try:
            self._flush()
        except OSError:
            pass

    def close(self) -> None:
        self._raw.close()


def wrap(raw: PlainSocket, files: TlsFiles, host: str) -> Connection:
    """Shake hands; raises CliError in the words of Docker's client where the certificate does not fit."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = files.verify
        context.verify_mode = ssl.CERT_REQUIRED if files.verify else ssl.CERT_NONE
        if files.verify:
            context.load_verify_locations(files.ca) if files.ca else context.load_default_certs()
        if files.cert and files.key:
            context.load_cert_chain(files.cert, files.key)
        return TlsSocket(raw, context, host)
    except (ssl.SSLError, ssl.CertificateError) as error:
        raw.close()
        raise CliError(f"error during connect: tls: {error}") from None
