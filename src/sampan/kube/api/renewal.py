"""Certificates of a server that runs: renewed when they are due, and shown from then on."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sampan.kube.access import kubeconfig
from sampan.kube.api.keys import Keys
from sampan.kube.api.settings import Settings
from sampan.kube.pki import keyfiles
from sampan.kube.pki.certificates import CLUSTER, Pki

log = logging.getLogger("sampan.kube")

NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME, which Python's ssl does not name

LONGEST = timedelta(hours=1)  # between looks at the certificates


@dataclass(frozen=True)
class Clock:
    """Seconds since 1970, and waiting."""

    time: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)


def listener_context(pki: Pki) -> ssl.SSLContext:
    """Clients may show a certificate, of one of our authorities."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    # A certificate that has ended is a matter of who asks, and answered with 401: clientcertificates.py looks
    # at the time at each request, also of a connection that has been open for long.
    context.verify_flags |= NO_CHECK_TIME
    pki.load(context)
    return context


def write_kubeconfig(settings: Settings, pki: Pki) -> None:
    certificate, key = pki.path("admin").read_bytes(), pki.path("admin", "key").read_bytes()
    document = kubeconfig.document(settings.url, pki.bundle(CLUSTER), certificate, key)
    keyfiles.write(settings.paths.kubeconfig, kubeconfig.yaml(document))


async def keep_renewing(
    settings: Settings,
    pki: Pki,
    keys: Keys,
    context: ssl.SSLContext,
    clock: Clock,
    renewed: Callable[[], None],
) -> None:
    """Until cancelled; `renewed` is called when files are others than before."""
    while True:
        now = clock.now()
        wait = min(pki.next_due(now) - now, LONGEST)
        await clock.sleep(max(wait.total_seconds(), 1))
        done = pki.renew(clock.now())
        if done:
            log.info("renewed: %s", ", ".join(f"{one.name} ({one.why})" for one in done))
            keys.reload(clock.now())
            pki.load(context)
            renewed()
            write_kubeconfig(settings, pki)
