"""What a client trusts and shows of itself, in files that somebody else renews."""

import logging
import os
import ssl
import time
from collections.abc import Callable

log = logging.getLogger("sampan.kube")

LOOK = 10.0  # seconds between looks at the files


class TlsFiles:
    """Called, it gives a context: another one once the files have changed."""

    def __init__(
        self, ca: str, certificate: str = "", key: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`ca`: "" for the authorities that the system trusts. Without a certificate there is no key. Raises
        OSError.
        """
        self._ca, self._certificate, self._key = ca, certificate, key
        self._clock = clock
        self._seen = self._look()
        self._context = self._made()
        self._looked = clock()

    def __call__(self) -> ssl.SSLContext:
        now = self._clock()
        if now - self._looked >= LOOK:
            self._looked = now
            self._renew()
        return self._context

    def _renew(self) -> None:
        """What is there works on while the new files cannot be read, or do not belong together (yet)."""
        try:
            seen = self._look()
            if seen != self._seen:
                self._context = self._made()
                self._seen = seen
        except OSError as error:  # as ssl's errors are
            log.warning("cannot load %s anew: %s", self._certificate or self._ca, error)

    def _look(self) -> list[tuple[int, int, int]]:
        found = [os.stat(name) for name in (self._ca, self._certificate, self._key) if name]
        return [(one.st_ino, one.st_mtime_ns, one.st_size) for one in found]

    def _made(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca or None)
        if self._certificate:
            context.load_cert_chain(self._certificate, self._key)
        return context
