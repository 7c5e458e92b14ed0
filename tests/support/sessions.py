"""A client that holds a session open, without buildx: it has files, secrets, uploads, and takes files."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from sampan.builder.frontends.buildkit.session import packets
from sampan.builder.frontends.buildkit.session.localsources import LocalSources
from sampan.builder.frontends.buildkit.session.requester import SessionRequester
from sampan.builder.frontends.buildkit.session.send import Tree
from sampan.builder.frontends.buildkit.session.sessions import Session, Sessions
from sampan.http.grpc.call import ServerCall
from sampan.http.grpc.server import Routes, serve
from sampan.http.grpc.status import Code, GrpcError
from sampan.specs.buildkit.schema import schema

FILES = "moby.filesync.v1.FileSync"


@dataclass
class FakeClient:
    """What it has, and what it saw."""

    directories: dict[str, Path] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    agents: set[str] = field(default_factory=set)
    script: Callable[[ServerCall], Any] | None = None  # instead of DiffCopy
    options: list[dict[str, list[str]]] = field(default_factory=list)
    requested: list[int] = field(default_factory=list)
    listed: int = 0
    received: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)  # "store digest"
    received_metadata: list[dict[str, Any]] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def routes(self) -> Routes:
        routes = Routes(schema())
        routes.add(FILES, {"DiffCopy": self.diff_copy})
        routes.add("moby.filesync.v1.FileSend", {"DiffCopy": self.take})
        routes.add("moby.filesync.v1.Auth", {"Credentials": self.credentials})
        routes.add("moby.buildkit.secrets.v1.Secrets", {"GetSecret": self.secret})
        routes.add("moby.sshforward.v1.SSH", {"CheckAgent": self.check, "ForwardAgent": self.forward})
        routes.add("moby.upload.v1.Upload", {"Pull": self.pull})
        routes.add("containerd.services.content.v1.Content", {"Read": self.read, "Write": self.write})
        routes.add("grpc.health.v1.Health", {"Check": self.health})
        return routes

    async def diff_copy(self, call: ServerCall) -> None:
        options = decoded(call)
        self.options.append(options)
        self.requested.clear()
        if self.script is not None:
            try:
                await self.script(call)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return
        name = options.get("dir-name", [""])[0]
        if name not in self.directories:
            raise GrpcError(Code.NOT_FOUND, f'no access allowed to dir "{name}"')
        tree = Tree(self.directories[name])
        listing = list(tree.listing())
        self.listed = len(listing) - 1
        decode = packets.packet_class().FromString

        async def answer() -> None:
            while True:
                for raw in await call.receive_raw():
                    packet = decode(raw)
                    if packet.type == packets.FIN:
                        await call.send_raw([packets.FINISHED])
                        return
                    assert packet.type == packets.REQ, packet
                    self.requested.append(packet.ID)
                    await call.send_raw(list(tree.file(packet.ID)))

        async with asyncio.TaskGroup() as group:
            group.create_task(answer())
            for at in range(0, len(listing), 1000):
                await call.send_raw(listing[at : at + 1000])

    async def take(self, call: ServerCall) -> None:
        self.received_metadata.append(dict(call.metadata))
        data = b""
        async for message in call:
            data += message.data
        self.received[str(call.metadata["buildkit-attachable-exporter-id"][0])] = data

    async def credentials(self, request: Any, call: ServerCall) -> Any:
        user, secret = self.logins.get(request.Host, ("", ""))
        return schema().message("moby.filesync.v1.CredentialsResponse")(Username=user, Secret=secret)

    async def secret(self, request: Any, call: ServerCall) -> Any:
        if request.ID not in self.secrets:
            raise GrpcError(Code.NOT_FOUND, f"secret {request.ID} not found")
        answer = schema().message("moby.buildkit.secrets.v1.GetSecretResponse")
        return answer(data=self.secrets[request.ID])

    async def check(self, request: Any, call: ServerCall) -> Any:
        if request.ID not in self.agents:
            raise GrpcError(Code.UNKNOWN, f"unset ssh forward key {request.ID}")
        return schema().message("moby.sshforward.v1.CheckAgentResponse")()

    async def forward(self, call: ServerCall) -> None:
        async for message in call:  # an agent that says everything back, louder
            message.data = message.data.upper()
            await call.send(message)

    async def pull(self, call: ServerCall) -> None:
        id = str(call.metadata["urlpath"][0]).removeprefix("/")
        if id not in self.uploads:
            raise GrpcError(Code.UNKNOWN, f"no http response from session for {id}")
        message = schema().message("moby.upload.v1.BytesMessage")
        data = self.uploads[id]
        for at in range(0, len(data), 32 << 10):
            await call.send(message(data=data[at : at + (32 << 10)]))

    async def read(self, request: Any, call: ServerCall) -> None:
        store = call.metadata["buildkit-attachable-store-id"][0]
        data = self.blobs.get(f"{store} {request.digest}")
        if data is None:
            raise GrpcError(Code.NOT_FOUND, f"content {request.digest}: not found")
        answer = schema().message("containerd.services.content.v1.ReadContentResponse")
        for at in range(0, len(data), 1 << 20):
            await call.send(answer(offset=at, data=data[at : at + (1 << 20)]))

    async def write(self, call: ServerCall) -> None:
        store = call.metadata["buildkit-attachable-store-id"][0]
        answer = schema().message("containerd.services.content.v1.WriteContentResponse")
        data = b"left of an earlier attempt"
        async for request in call:
            if f"{store} {request.ref}" in self.blobs:
                raise GrpcError(Code.ALREADY_EXISTS, f"content {request.ref}: already exists")
            if request.action == 1:
                data = data[: request.offset] + request.data
            await call.send(answer(action=request.action, offset=len(data)))
            if request.action == 2:
                assert request.total == len(data) and request.expected == request.ref
                self.blobs[f"{store} {request.ref}"] = data
                return

    async def health(self, request: Any, call: ServerCall) -> Any:
        return schema().message("grpc.health.v1.HealthCheckResponse")(status=1)


def decoded(call: ServerCall) -> dict[str, list[str]]:
    options = {name: [str(value) for value in values] for name, values in call.metadata.items()}
    return {
        name: [unquote_plus(value) for value in values] if f"{name}-encoded" in options else values
        for name, values in options.items()
        if not name.endswith("-encoded")
    }


@asynccontextmanager
async def open_session(
    client: FakeClient, root: Path, *, shared_key: str = "key", sessions: Sessions | None = None
) -> AsyncIterator[tuple[Session, SessionRequester]]:
    """The daemon's view of `client`'s session."""
    sessions = sessions or Sessions(LocalSources(root))
    ours, theirs = socket.socketpair()
    id = os.urandom(8).hex()
    routes = client.routes()
    headers = [
        ("X-Docker-Expose-Session-Uuid", id),
        ("X-Docker-Expose-Session-Name", "project"),
        ("X-Docker-Expose-Session-Sharedkey", shared_key),
        *(("X-Docker-Expose-Session-Grpc-Method", path) for path in routes.paths()),
    ]
    holding = asyncio.create_task(sessions.serve(ours, b"", headers))
    serving = asyncio.create_task(serve(theirs, b"", routes))
    try:
        session = await sessions.get(id)
        yield session, SessionRequester(session, sessions.sources)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await asyncio.wait_for(holding, 5)
