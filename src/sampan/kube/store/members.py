"""The members of an etcd cluster: one connection to one of them, and another member when that is lost."""

import asyncio
import ssl
from typing import Any
from urllib.parse import urlsplit

from sampan.errors import Invalid, Unavailable, Unsupported
from sampan.http.grpc.client import Client, dial
from sampan.http.grpc.status import Code, GrpcError
from sampan.specs.etcd import schema

DIAL = 2.0  # seconds for a member to take the connection
ANSWER = 5.0  # and for an answer, before another one is asked
PATIENCE = 10.0  # in which some member must have answered; an election takes one or two
PAUSE = 0.1
# A member that has lost the others must say so, and not let us wait: clientv3.WithRequireLeader.
METADATA = {"hasleader": ["true"]}
# Progress notifications came before events that they counted: fixed in these. etcd-io/etcd CHANGELOG-3.5,
# -3.4
OLDEST = {3: {4: 25, 5: 8}}

# What another member may answer better, or the same one in a moment. etcd api/v3rpc/rpctypes/error.go
TRANSIENT = {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.ABORTED}
BUSY = "etcdserver: too many requests"


class Uncertain(Exception):
    """The request was sent, and nobody knows whether it was done."""


def endpoints(url: str) -> list[tuple[str, int]]:
    """Of etcd://host:port,host:port. Raises Invalid."""
    found = []
    for part in url.removeprefix("etcd://").rstrip("/").split(","):
        try:
            split = urlsplit(f"//{part}")
            host, port = split.hostname, split.port or 2379
        except ValueError:
            host, port = None, 0
        if not host or split.path or split.query:
            raise Invalid(f"{url!r} is no address of an etcd: {part!r} is not host:port")
        found.append((host, port))
    return found


def client_tls(ca: str, certificate: str, key: str) -> ssl.SSLContext | None:
    """None if nothing is set. Raises Invalid for files that do not do."""
    if not (ca or certificate or key):
        return None
    try:
        context = ssl.create_default_context(cafile=ca or None)
        if certificate or key:
            context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(f"cannot use the certificates {ca} {certificate} {key} for etcd: {error}") from None
    context.set_alpn_protocols(["h2"])
    return context


class Members:
    """Asks one member after the other until one answers."""

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        self.url = url
        self._endpoints = endpoints(url)
        self._tls = tls
        self._client: Client | None = None
        self._dialing = asyncio.Lock()
        self._closed = False

    async def client(self) -> Client:
        """A connection that works, as far as we know. Raises Unavailable."""
        async with self._dialing:
            if self._closed:
                raise Unavailable(f"the store {self.url} is closed")
            if self._client is None or self._client.closed.done():
                self._client = await self._dial()
            return self._client

    async def _dial(self) -> Client:
        reasons = []
        for _ in range(len(self._endpoints)):
            host, port = self._endpoints[0]
            try:
                async with asyncio.timeout(DIAL):
                    return await dial(host, port, self._tls)
            except (OSError, TimeoutError) as error:
                reasons.append(f"{host}:{port}: {error or 'no answer'}")
                self._next()
        raise Unavailable(f"no etcd answers: {'; '.join(reasons)}")

    def _next(self) -> None:
        self._endpoints.append(self._endpoints.pop(0))

    def leave(self, client: Client) -> None:
        """This one does not do: use another."""
        if self._client is client:
            self._client = None
            self._next()
        client.close()

    async def ask(self, service: str, name: str, request: Any, *, safe: bool = True) -> Any:
        """One answer of any member. Raises GrpcError for one that no other would change, and Unavailable.

        Raises Uncertain where a request that is not `safe` to repeat may have been done.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        method = schema().method(f"etcdserverpb.{service}", name)
        while True:
            failed: Exception
            try:
                client = await self.client()
                return await client.unary(method, request, metadata=METADATA, seconds=ANSWER)
            except Unavailable as error:  # nothing was sent
                failed = error
            except GrpcError as error:
                if error.code not in TRANSIENT and error.message != BUSY:
                    raise
                failed = Unavailable(f"etcd: {error.message}")
                if error.message != BUSY:
                    self.leave(client)
                    if not safe:
                        raise Uncertain from failed
            if self._closed or loop.time() > end:
                raise failed
            await asyncio.sleep(PAUSE)

    async def check_version(self) -> None:
        """Raises Unsupported for one whose progress notifications cannot be relied on."""
        answer = await self.ask("Maintenance", "Status", schema().message("etcdserverpb.StatusRequest")())
        numbers = answer.version.partition("-")[0].split(".")
        major, minor, patch = (int(part) for part in numbers[:3])
        known = OLDEST.get(major, {})
        if (major, minor) < (3, 4) or patch < known.get(minor, 0):
            raise Unsupported(
                f"etcd {answer.version} is too old: its progress notifications come too early",
                hint="3.5.8 or newer does",
            )

    def close(self) -> None:
        self._closed = True
        if self._client is not None:
            self._client.close()
