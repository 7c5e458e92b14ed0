"""A client that holds a session open, as the builder sees it: what it may ask back. moby/buildkit session/"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampan.builder.frontends.buildkit.session import content, filesync, send
from sampan.builder.frontends.buildkit.session.agent import AgentConnection
from sampan.builder.frontends.buildkit.session.identity import Identity
from sampan.builder.frontends.buildkit.session.listing import Listing
from sampan.builder.frontends.buildkit.session.localsources import LocalSources
from sampan.builder.requester import Connection, Directory
from sampan.errors import NotFound
from sampan.http.bearer import Credentials
from sampan.http.grpc.status import Code, GrpcError
from sampan.specs.buildkit.schema import schema

if TYPE_CHECKING:
    from sampan.builder.frontends.buildkit.session.sessions import Session

FILES = "moby.filesync.v1.FileSync"
SEND = "moby.filesync.v1.FileSend"
AUTH = "moby.filesync.v1.Auth"
SECRETS = "moby.buildkit.secrets.v1.Secrets"
SSH = "moby.sshforward.v1.SSH"
UPLOAD = "moby.upload.v1.Upload"
CONTENT = "containerd.services.content.v1.Content"

EXPORTER_ID = "buildkit-attachable-exporter-id"
STORE_ID = "buildkit-attachable-store-id"
SSH_ID = "buildkit.ssh.id"
UPLOAD_HOST = "buildkit-session"
ATTRIBUTE = "exporter-md-"
CHUNK = 1 << 20  # a client takes messages of 4 MB
SECONDS = 60.0  # an answer may need a credential helper, or a person who types a passphrase
# The names under which a client's configuration knows Docker Hub.
HUB = {"docker.io", "index.docker.io", "https://index.docker.io/v1/"}


class SessionRequester:
    """Implements Requester. One for each build; the session may serve several."""

    def __init__(self, session: "Session", sources: LocalSources) -> None:
        self._session = session
        self._sharing = sources.sharing
        self._credentials: dict[str, Credentials | None] = {}

    def directory(
        self,
        name: str,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        follow: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> AbstractAsyncContextManager[Directory]:
        options = {"dir-name": [name]}
        for key, patterns in (
            ("include-patterns", include),
            ("exclude-patterns", exclude),
            ("followpaths", follow),
        ):
            if patterns:
                options[key] = list(patterns)
        # A build asks for the ignore file first, and holds it: not where the files themselves are kept.
        alone = bool(follow) and all(path.endswith(".dockerignore") for path in follow)
        variant = (*include, *follow) if alone else tuple(include)
        identity = Identity(self._session.shared_key, self._session.name, name, variant)
        return self._directory(identity, options, progress)

    @asynccontextmanager
    async def _directory(
        self, identity: Identity, options: Mapping[str, Sequence[str]], progress: Callable[[int], None] | None
    ) -> AsyncIterator[Directory]:
        method = self._session.method(FILES, "DiffCopy", "no local sources enabled")

        async def fill(listing: Listing, tell: Callable[[int], None]) -> None:
            try:
                async with self._session.client.call(method, metadata=filesync.headers(options)) as call:
                    await filesync.receive(call, listing, tell)
            except GrpcError as error:
                if error.code == Code.NOT_FOUND:
                    raise NotFound(error.message) from error
                raise

        what = (self._session.id, identity, *((name, tuple(values)) for name, values in options.items()))
        async with self._sharing.use(what, identity, fill, progress) as listing:
            yield Directory(path=listing.files, filtered="exclude-patterns" in options)

    async def secret(self, id: str) -> bytes:
        try:
            answer = await self._unary(SECRETS, "GetSecret", ID=id)
        except GrpcError as error:
            # Clients before 0.13 say UNKNOWN with these words.
            if error.code in (Code.NOT_FOUND, Code.UNIMPLEMENTED) or error.message.endswith("not found"):
                raise NotFound(f"secret {id}: not found") from error
            raise
        return bytes(answer.data)

    async def has_ssh(self, id: str) -> bool:
        if not self._session.supports(SSH, "CheckAgent"):
            return False
        try:
            await self._unary(SSH, "CheckAgent", ID=id)
        except GrpcError as error:
            if error.code in (Code.UNAVAILABLE, Code.CANCELLED, Code.DEADLINE_EXCEEDED):
                raise
            return False
        return True

    async def ssh(self, id: str) -> Connection:
        if not await self.has_ssh(id):
            raise NotFound(f"unset ssh forward key {id}")
        method = schema().method(SSH, "ForwardAgent")
        async with AsyncExitStack() as stack:
            call = await stack.enter_async_context(
                self._session.client.call(method, metadata=filesync.headers({SSH_ID: [id]}))
            )
            return AgentConnection(call, method.request, stack.pop_all())

    async def credentials(self, host: str) -> Credentials | None:
        if host in HUB:
            host = "registry-1.docker.io"
        if host not in self._credentials:
            self._credentials[host] = await self._ask_credentials(host)
        return self._credentials[host]

    async def _ask_credentials(self, host: str) -> Credentials | None:
        if not self._session.supports(AUTH, "Credentials"):
            return None
        try:
            answer = await self._unary(AUTH, "Credentials", Host=host)
        except GrpcError as error:
            if error.code == Code.UNIMPLEMENTED:
                return None
            raise
        if not answer.Secret:
            return None
        if not answer.Username:
            return Credentials(identity_token=answer.Secret)
        return Credentials(username=answer.Username, password=answer.Secret)

    async def upload(self, id: str) -> AsyncIterator[bytes]:
        method = self._session.method(UPLOAD, "Pull", f"no http response from session for {id}")
        metadata = filesync.headers({"urlpath": ["/" + id.removeprefix("/")], "urlhost": [UPLOAD_HOST]})
        async with self._session.client.call(method, metadata=metadata) as call:
            await call.end()
            try:
                async for message in call:
                    yield message.data
            except GrpcError as error:
                if error.message.startswith("no http response from session"):
                    raise NotFound(error.message) from error
                raise

    async def blob(self, store: str, digest: str) -> AsyncIterator[bytes]:
        """Of an OCI layout the client has (`--build-context x=oci-layout://...`). Raises NotFound."""
        method = self._session.method(CONTENT, "Read", f"no content store {store}")
        async with self._session.client.call(method, metadata={STORE_ID: [store]}) as call:
            await call.send(method.request(digest=digest))
            await call.end()
            try:
                async for message in call:
                    yield message.data
            except GrpcError as error:
                if error.code == Code.NOT_FOUND:
                    raise NotFound(error.message) from error
                raise

    async def put_blob(self, store: str, digest: str, size: int, chunks: AsyncIterator[bytes]) -> None:
        """Into a content store of the client's; one that it has already is not sent."""
        method = self._session.method(CONTENT, "Write", f"no content store {store}")
        try:
            async with self._session.client.call(method, metadata={STORE_ID: [store]}) as call:
                await content.write(call, method.request, digest, size, chunks)
        except GrpcError as error:
            if error.code != Code.ALREADY_EXISTS:
                raise

    async def send_directory(self, index: int, tree: Path, attrs: Mapping[str, str]) -> None:
        method = self._session.method(SEND, "DiffCopy", "the client takes no files")
        async with self._session.client.call(method, metadata={EXPORTER_ID: [str(index)]}) as call:
            await send.send(call, tree)

    async def send_file(self, index: int, chunks: AsyncIterator[bytes], attrs: Mapping[str, str]) -> None:
        method = self._session.method(SEND, "DiffCopy", "the client takes no files")
        metadata = filesync.headers({f"{ATTRIBUTE}{key.lower()}": [value] for key, value in attrs.items()})
        async with self._session.client.call(
            method, metadata={**metadata, EXPORTER_ID: [str(index)]}
        ) as call:
            async for chunk in chunks:
                for at in range(0, len(chunk), CHUNK):
                    await call.send(method.request(data=chunk[at : at + CHUNK]))
            await call.end()
            while await call.receive_raw():  # until its status: the client has the file
                pass

    async def _unary(self, service: str, name: str, **fields: Any) -> Any:
        method = schema().method(service, name)
        return await self._session.client.unary(method, method.request(**fields), seconds=SECONDS)
