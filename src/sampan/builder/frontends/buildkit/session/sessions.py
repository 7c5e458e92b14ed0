"""The sessions that clients hold open, by id. moby/buildkit session/manager.go, grpc.go

sessions = Sessions(LocalSources(paths.build_received))
await sessions.serve(hijacked.socket, hijacked.leftover, request.headers)   # until it has ended
session = await sessions.get(id, seconds=5)                                # waits for it to come
requester = SessionRequester(session, sessions.sources)
"""

import asyncio
import logging
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sampan.builder.frontends.buildkit.session.localsources import LocalSources
from sampan.errors import AlreadyExists, Invalid, NotFound
from sampan.http.grpc.client import Client, connect
from sampan.http.grpc.status import Code, GrpcError
from sampan.specs.buildkit.schema import schema
from sampan.specs.protobuf import Method

logger = logging.getLogger(__name__)

PREFIX = "x-docker-expose-session-"
CHECK_EVERY = 5.0  # seconds; these three as BuildKit
CHECK_SECONDS = 15.0
FAILURES = 2


@dataclass(frozen=True)
class SessionInfo:
    """What a client says of its session in the headers of POST /session."""

    id: str
    name: str = ""
    shared_key: str = ""
    methods: frozenset[str] = frozenset()  # paths, in lower case; none: it does not say

    @classmethod
    def of(cls, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> "SessionInfo":
        """From all headers, repeated ones included (`request.headers.items()`). Raises Invalid."""
        found: dict[str, list[str]] = {}
        for name, value in headers.items() if isinstance(headers, Mapping) else headers:
            if name.lower().startswith(PREFIX):
                found.setdefault(name.lower()[len(PREFIX) :], []).append(value)
        id = found.get("uuid", [""])[0]
        if not id:
            raise Invalid("no session id in the request")
        return cls(
            id=id,
            name=found.get("name", [""])[0],
            shared_key=found.get("sharedkey", [""])[0],
            methods=frozenset(value.lower() for value in found.get("grpc-method", ())),
        )


class Session:
    """One client's, open. Its calls raise GrpcError (UNAVAILABLE) once it has ended."""

    def __init__(self, info: SessionInfo, client: Client) -> None:
        self.info = info
        self.client = client

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def shared_key(self) -> str:
        return self.info.shared_key

    @property
    def ended(self) -> "asyncio.Future[None]":
        """Not to be cancelled: shield it."""
        return self.client.closed

    def supports(self, service: str, name: str) -> bool:
        return not self.info.methods or f"/{service}/{name}".lower() in self.info.methods

    def method(self, service: str, name: str, message: str) -> Method:
        """Raises NotFound with `message` if the client does not offer it."""
        if not self.supports(service, name):
            raise NotFound(message)
        return schema().method(service, name)


class Sessions:
    """Of one engine. Builds and their sessions arrive in any order."""

    def __init__(self, sources: LocalSources) -> None:
        self.sources = sources
        self._sessions: dict[str, Session] = {}
        self._taken: set[str] = set()  # ids, from before the session stands until it has ended
        self._awaited: dict[str, set[asyncio.Future[Session]]] = {}

    def check(self, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> SessionInfo:
        """Of a session that may be held. Raises Invalid, AlreadyExists."""
        info = SessionInfo.of(headers)
        if info.id in self._taken:
            raise AlreadyExists(f"session {info.id} already exists")
        return info

    async def serve(
        self, sock: socket.socket, leftover: bytes, headers: Mapping[str, str] | Iterable[tuple[str, str]]
    ) -> None:
        """Hold it until it has ended, by either side, or stops answering. Raises Invalid, AlreadyExists."""
        try:
            info = self.check(headers)
        except BaseException:
            sock.close()
            raise
        self._taken.add(info.id)
        try:
            await self._hold(Session(info, await connect(sock, leftover)))
        finally:
            self._taken.discard(info.id)

    async def _hold(self, session: Session) -> None:
        self._add(session)
        watching = asyncio.create_task(watch(session))
        try:
            await asyncio.shield(session.ended)
        finally:
            watching.cancel()
            del self._sessions[session.id]
            session.client.close()

    def _add(self, session: Session) -> None:
        self._sessions[session.id] = session
        for waiter in self._awaited.pop(session.id, ()):
            if not waiter.done():
                waiter.set_result(session)

    async def get(self, id: str, *, seconds: float = 5.0) -> Session:
        """Waits for it to come. Raises NotFound."""
        # What stands before a colon tells contexts of one session apart, in BuildKit.
        _, colon, rest = id.partition(":")
        id = rest if colon and rest else id
        found = self._sessions.get(id)
        if found is not None:
            return found
        waiter: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        waiters = self._awaited.setdefault(id, set())
        waiters.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except TimeoutError:
            raise NotFound(f"no active session for {id}: context deadline exceeded") from None
        finally:
            waiters.discard(waiter)
            if not waiters and self._awaited.get(id) is waiters:
                del self._awaited[id]


async def watch(session: Session) -> None:
    """End a session whose client has stopped answering, though its connection stands."""
    method = schema().method("grpc.health.v1.Health", "Check")
    failures, seconds = 0, CHECK_SECONDS
    loop = asyncio.get_running_loop()
    while failures < FAILURES:
        await asyncio.sleep(CHECK_EVERY)
        begun = loop.time()
        try:
            await session.client.unary(method, method.request(), seconds=seconds)
            failures = 0
        except GrpcError as error:
            # A client without the service answers all the same.
            failures = 0 if error.code == Code.UNIMPLEMENTED else failures + 1
        seconds = max(CHECK_SECONDS, (loop.time() - begun) * 1.5)
    logger.warning("session %s does not answer any more", session.id)
    session.client.close()
