"""A server through 400 days: who is connected stays so, and who comes sees certificates that are good then."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from sampan.kube.api import server
from sampan.kube.api.renewal import Clock, listener_context
from sampan.kube.api.settings import Settings, parse
from sampan.kube.client.requests import Client, Endpoint
from sampan.kube.client.resources import NAMESPACES
from sampan.kube.client.tlsfiles import TlsFiles
from sampan.kube.client.transport import Transport
from sampan.specs.kubernetes.status import StatusError
from tests.support.cluster import free_port
from tests.support.poll import until_async

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STEP = 5  # days at a time
NO_CHECK_TIME = 0x200000  # openssl/x509_vfy.h: OpenSSL has a clock of its own, and the tests look at dates


@dataclass
class Calendar:
    """A clock that is moved by hand; whoever sleeps wakes up when it is time."""

    at: datetime = START
    sleepers: list[tuple[float, "asyncio.Future[None]"]] = field(default_factory=list)

    def clock(self) -> Clock:
        return Clock(self.at_seconds, self.sleep)

    def at_seconds(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.at_seconds() + seconds, future))
        await future

    async def move(self, days: int) -> None:
        for _ in range(0, days, STEP):
            await until_async(lambda: self.sleepers, "the renewal waits")
            self.at += timedelta(days=STEP)
            due = [one for one in self.sleepers if one[0] <= self.at_seconds()]
            self.sleepers = [one for one in self.sleepers if one not in due]
            for _, future in due:
                if not future.done():
                    future.set_result(None)
        await until_async(lambda: self.sleepers, "the renewal has done its work")


@dataclass
class Running:
    settings: Settings
    calendar: Calendar

    def client(self, token: str = "") -> Client:
        """As a part of the cluster is one: by certificate, or by token."""
        pki = self.settings.paths.pki
        certificate, key = (
            "" if token else str(pki / f"controller-manager.{kind}") for kind in ("crt", "key")
        )
        files = TlsFiles(str(pki / "ca.crt"), certificate, key, self.calendar.at_seconds)
        return Client(Endpoint(self.settings.url, token=token), Transport(self.settings.url, files))

    async def shown(self) -> x509.Certificate:
        """The certificate that a new connection sees, which the bundle on disk must vouch for."""
        context = ssl.create_default_context(cafile=str(self.settings.paths.pki / "ca.crt"))
        _, writer = await asyncio.open_connection("127.0.0.1", self.settings.port, ssl=context)
        der = writer.get_extra_info("ssl_object").getpeercert(True)
        writer.close()
        await writer.wait_closed()
        return x509.load_der_x509_certificate(der)


def timeless(context: ssl.SSLContext) -> ssl.SSLContext:
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    return context


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    client = ssl.create_default_context
    monkeypatch.setattr(server, "listener_context", lambda pki: timeless(listener_context(pki)))
    monkeypatch.setattr(ssl, "create_default_context", lambda **files: timeless(client(**files)))
    tokens = tmp_path / "tokens"
    tokens.write_text('tok,somebody,1,"system:masters"\n')
    settings = parse(
        [
            *("--data-root", str(tmp_path / "data"), "--exec-root", str(tmp_path / "exec")),
            *("--bind-address", "127.0.0.1", "--secure-port", str(free_port()), "--controllers", "false"),
            *("--token-auth-file", str(tokens)),
        ]
    )
    for directory in (settings.paths.data, settings.paths.exec):
        directory.mkdir()
    calendar = Calendar()
    async with AsyncExitStack() as stack:
        await server.start(settings, stack, calendar.clock())
        yield Running(settings, calendar)


def good_at(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


async def test_new_connections_see_a_certificate_that_is_good(running: Running) -> None:
    first = await running.shown()
    await running.calendar.move(400)
    assert not good_at(first, running.calendar.at)
    assert good_at(await running.shown(), running.calendar.at)


async def test_connections_live_on(running: Running) -> None:
    client = running.client("tok")
    events = client.watch(NAMESPACES.path(), {})
    async with aclosing(events):
        await anext(events)
        await running.calendar.move(400)
        await client.create(NAMESPACES, "", {"metadata": {"name": "late"}})
        while (await anext(events))["object"]["metadata"]["name"] != "late":
            pass
    await client.close()


async def test_a_part_of_the_cluster_goes_on_with_its_renewed_certificate(running: Running) -> None:
    client = running.client()
    for _ in range(5):
        assert (await client.get(NAMESPACES, "", "default"))["kind"] == "Namespace"
        await running.calendar.move(80)
    assert (await client.get(NAMESPACES, "", "default"))["kind"] == "Namespace"
    await client.close()


async def test_a_certificate_that_has_ended_counts_no_more_on_an_old_connection(running: Running) -> None:
    pki = running.settings.paths.pki
    held = TlsFiles(str(pki / "ca.crt"), str(pki / "admin.crt"), str(pki / "admin.key"), clock=lambda: 0.0)
    client = Client(Endpoint(running.settings.url), Transport(running.settings.url, held))
    await client.get(NAMESPACES, "", "default")
    await running.calendar.move(300)
    await client.get(NAMESPACES, "", "default")
    await running.calendar.move(100)
    with pytest.raises(StatusError) as told:
        await client.get(NAMESPACES, "", "default")
    assert told.value.code == 401
    await client.close()


async def test_the_kubeconfig_is_written_anew(running: Running) -> None:
    await running.calendar.move(400)
    found = yaml.safe_load(running.settings.paths.kubeconfig.read_text())
    data = found["users"][0]["user"]["client-certificate-data"]
    assert good_at(x509.load_pem_x509_certificate(base64.b64decode(data)), running.calendar.at)
