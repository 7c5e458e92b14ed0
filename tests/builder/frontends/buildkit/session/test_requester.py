"""What the builder asks of a session, over real sockets, against a client of our own."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sampan.builder.errors import DiskFull
from sampan.builder.frontends.buildkit.session.identity import Identity
from sampan.builder.frontends.buildkit.session.localsources import LocalSources
from sampan.builder.frontends.buildkit.session.requester import SessionRequester
from sampan.builder.frontends.buildkit.session.sessions import SessionInfo, Sessions
from sampan.errors import AlreadyExists, Failed, Invalid, NotFound
from sampan.http.grpc.call import ServerCall
from sampan.http.grpc.status import GrpcError
from tests.support.sessions import FakeClient, open_session


def fill(root: Path) -> None:
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "sub-x").write_text("sorts after sub/")
    (root / "sub" / "a").write_text("a")
    (root / "sub" / "deep" / "big").write_bytes(os.urandom(3_000_000))
    (root / "empty").touch()
    (root / "tool").write_text("#!/bin/sh\n")
    (root / "tool").chmod(0o4755)
    (root / "link").symlink_to("sub/a")
    (root / "dangling").symlink_to("/etc/nowhere")
    os.link(root / "sub" / "a", root / "z-hard")
    os.mkfifo(root / "fifo", 0o622)
    os.chmod(root / "fifo", 0o622)
    (root / "umlaut-ä").write_text("ä")
    Path(os.fsdecode(os.fsencode(root) + b"/not-utf8-\xff")).write_text("x")
    for path in (root / "sub" / "deep", root / "sub", root / "tool"):
        os.utime(path, ns=(1_000_000_000_123_456_789, 1_000_000_000_123_456_789))


def state(root: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(directory, name)
            info = path.lstat()
            content: object = None
            if stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(info.st_mode):
                content = path.read_bytes()
            found[str(path.relative_to(root))] = (info.st_mode, info.st_mtime_ns, info.st_nlink, content)
    return found


async def test_a_directory_arrives_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "source"
    fill(source)
    client = FakeClient({"context": source})
    progress: list[int] = []
    async with open_session(client, tmp_path / "received") as (_, requester):
        async with requester.directory("context", progress=progress.append) as directory:
            assert state(directory.path) == state(source)
            assert not directory.filtered and not directory.in_place
            assert len(client.requested) == 6  # neither empty ones, nor links
            before = {p: (i.st_ino, i.st_ctime_ns) for p, i in inodes(directory.path)}
        async with requester.directory("context") as directory:
            assert client.requested == []
            assert {p: (i.st_ino, i.st_ctime_ns) for p, i in inodes(directory.path)} == before
    assert progress[-1] > 3_000_000


def inodes(root: Path) -> list[tuple[str, os.stat_result]]:
    return [(str(path), path.lstat()) for path in sorted(root.rglob("*"))]


def changes() -> list[tuple[str, object]]:
    """A name, and what is done to the source between two transfers."""

    def touch(root: Path) -> None:
        (root / "sub" / "a").write_text("b")

    def add(root: Path) -> None:
        (root / "sub" / "new").write_text("new")
        (root / "Aaa").write_text("first")
        (root / "zzz").write_text("last")

    def remove(root: Path) -> None:
        (root / "sub" / "deep" / "big").unlink()
        (root / "sub" / "deep").rmdir()
        (root / "empty").unlink()

    def directory_to_file(root: Path) -> None:
        remove(root)
        (root / "sub" / "deep").write_text("no directory any more")

    def directory_to_link(root: Path) -> None:
        remove(root)
        (root / "sub" / "deep").symlink_to("..")

    def file_to_directory(root: Path) -> None:
        (root / "empty").unlink()
        (root / "empty").mkdir()
        (root / "empty" / "x").write_text("x")

    def modes(root: Path) -> None:
        (root / "tool").chmod(0o600)
        (root / "sub").chmod(0o700)

    def link(root: Path) -> None:
        (root / "link").unlink()
        (root / "link").symlink_to("elsewhere")

    def break_hard_link(root: Path) -> None:
        (root / "z-hard").unlink()
        (root / "z-hard").write_text("of its own")

    def first_of_the_links_goes(root: Path) -> None:
        (root / "sub" / "a").unlink()

    def everything(root: Path) -> None:
        for path in sorted(root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    def link_to_directory(root: Path) -> None:
        (root / "link").unlink()
        (root / "link").mkdir()
        (root / "link" / "inside").write_text("i")

    found = [touch, add, remove, directory_to_file, directory_to_link, file_to_directory, modes, link]
    found += [break_hard_link, first_of_the_links_goes, everything, link_to_directory]
    return [(change.__name__, change) for change in found]


@pytest.mark.parametrize("change", [change for _, change in changes()], ids=[name for name, _ in changes()])
async def test_only_what_changed_is_sent(tmp_path: Path, change: object) -> None:
    source = tmp_path / "source"
    fill(source)
    client = FakeClient({"context": source})
    async with open_session(client, tmp_path / "received") as (_, requester):
        async with requester.directory("context"):
            pass
        change(source)  # type: ignore[operator]
        async with requester.directory("context") as directory:
            assert state(directory.path) == state(source)
            assert len(client.requested) <= 3
        async with requester.directory("context") as directory:
            assert state(directory.path) == state(source)
            assert client.requested == []


async def test_a_transfer_that_was_cut_is_made_good(tmp_path: Path) -> None:
    source = tmp_path / "source"
    fill(source)
    client = FakeClient({"context": source})
    async with open_session(client, tmp_path / "received") as (_, requester):
        async with requester.directory("context") as directory:
            files = directory.path
        # As if killed amid changes: an old listing, and files that do not fit it.
        os.rename(files.parent / "listing", files.parent / "listing.old")
        (files / "tool").unlink()
        (files / "sub" / "a").write_text("half")
        (files / "sub" / "stray").write_text("stray")
        (files / "link").unlink()
        (files / "link").symlink_to("stray")
        async with requester.directory("context") as directory:
            assert state(directory.path) == state(source)
            assert len(client.requested) == 2


async def test_builds_at_the_same_time_have_a_directory_each(tmp_path: Path) -> None:
    source = tmp_path / "source"
    fill(source)
    client = FakeClient({"context": source})
    sources = LocalSources(tmp_path / "received")
    sessions = Sessions(sources)
    async with AsyncExitStack() as stack:
        paths = []
        for _ in range(4):
            opened = open_session(client, tmp_path, sessions=sessions)
            _, requester = await stack.enter_async_context(opened)
            paths.append((await stack.enter_async_context(requester.directory("context"))).path)
        assert len(set(paths)) == 4
        assert all(state(path) == state(source) for path in paths)
        usage = await sources.usage()
        assert [found.in_use for found in usage] == [True] * 4
        assert all(found.size > 3_000_000 for found in usage)
        await sources.remove([found.id for found in usage])
        assert state(paths[0]) == state(source)  # in use: it stays
    await asyncio.gather(*sources._removing)
    assert len(await sources.usage()) == 2  # and no more are kept
    await sources.remove([found.id for found in usage])
    assert await sources.usage() == []
    assert list((tmp_path / "received").iterdir()) == []


async def test_builds_of_one_session_share_what_they_want_at_the_same_time(tmp_path: Path) -> None:
    source = tmp_path / "source"
    fill(source)
    client = FakeClient({"context": source})
    sources = LocalSources(tmp_path / "received")
    async with open_session(client, tmp_path, sessions=Sessions(sources)) as (session, requester):
        other = SessionRequester(session, sources)
        told: list[int] = []
        async with requester.directory("context") as one:
            async with other.directory("context", progress=told.append) as two:
                assert one == two and len(client.options) == 1
            async with other.directory("context", follow=["x"]) as three:
                assert three.path != one.path and len(client.options) == 2
            assert state(one.path) == state(source)
        (source / "new").touch()
        async with other.directory("context") as again:
            assert state(again.path) == state(source)
        assert not any(found.in_use for found in await sources.usage())


async def test_who_shares_is_not_hurt_by_who_leaves(tmp_path: Path) -> None:
    source = tmp_path / "source"
    fill(source)
    begun, go_on = asyncio.Event(), asyncio.Event()
    client = FakeClient({"context": source})

    async def script(call: ServerCall) -> None:
        begun.set()
        await go_on.wait()
        client.script = None
        await client.diff_copy(call)

    client.script = script
    sources = LocalSources(tmp_path / "received")
    async with open_session(client, tmp_path, sessions=Sessions(sources)) as (session, requester):

        async def transfer(requester: SessionRequester) -> None:
            async with requester.directory("context") as directory:
                assert state(directory.path) == state(source)

        first = asyncio.create_task(transfer(requester))
        await begun.wait()
        second = asyncio.create_task(transfer(SessionRequester(session, sources)))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        go_on.set()
        await second
        assert first.cancelled() and not client.cancelled.is_set()
        assert not any(found.in_use for found in await sources.usage())


async def test_options_reach_the_client(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    client = FakeClient({"context": tmp_path / "source"})
    async with open_session(client, tmp_path / "received") as (_, requester):
        wanted = requester.directory("context", include=["a", "ä b"], exclude=["*.o", "!x"], follow=["l"])
        async with wanted as directory:
            assert directory.filtered
    assert client.options[0]["include-patterns"] == ["a", "ä b"]
    assert client.options[0]["exclude-patterns"] == ["*.o", "!x"]
    assert client.options[0]["followpaths"] == ["l"]
    assert client.options[0]["dir-name"] == ["context"]


async def test_a_directory_that_is_not_shared_is_not_found(tmp_path: Path) -> None:
    async with open_session(FakeClient(), tmp_path) as (_, requester):
        with pytest.raises(NotFound, match="no access allowed to dir"):
            async with requester.directory("other"):
                pass


async def test_secrets_logins_tokens_and_uploads(tmp_path: Path) -> None:
    client = FakeClient(
        secrets={"s": b"\0secret"},
        logins={"registry-1.docker.io": ("user", "pass"), "r.example": ("", "identity")},
        uploads={"up": b"x" * 100_000},
    )
    async with open_session(client, tmp_path) as (_, requester):
        assert await requester.secret("s") == b"\0secret"
        with pytest.raises(NotFound, match="secret no: not found"):
            await requester.secret("no")
        for name in ("docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"):
            found = await requester.credentials(name)
            assert found is not None and (found.username, found.password) == ("user", "pass")
        found = await requester.credentials("r.example")
        assert found is not None and found.identity_token == "identity"
        assert await requester.credentials("unknown.example") is None
        assert b"".join([chunk async for chunk in requester.upload("up")]) == b"x" * 100_000
        with pytest.raises(NotFound, match="no http response from session for no"):
            async for _ in requester.upload("no"):
                pass


async def test_an_agent_is_spoken_to(tmp_path: Path) -> None:
    async with open_session(FakeClient(agents={"default"}), tmp_path) as (_, requester):
        assert await requester.has_ssh("default")
        assert not await requester.has_ssh("other")
        with pytest.raises(NotFound, match="unset ssh forward key other"):
            await requester.ssh("other")
        connection = await requester.ssh("default")
        await connection.write(b"hello")
        assert await connection.read() == b"HELLO"
        await connection.close()
        assert await connection.read() == b""


async def test_a_file_is_sent_with_its_metadata(tmp_path: Path) -> None:
    client = FakeClient()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"a" * 3_000_000
        yield b""
        yield b"b"

    async with open_session(client, tmp_path) as (_, requester):
        await requester.send_file(2, chunks(), {"containerimage.digest": "sha256:1"})
    assert client.received["2"] == b"a" * 3_000_000 + b"b"
    assert client.received_metadata[0]["exporter-md-containerimage.digest"] == ["sha256:1"]


async def test_a_client_that_vanishes_ends_the_transfer(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def script(call: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    client = FakeClient(script=script)
    with pytest.raises(GrpcError):
        async with asyncio.timeout(5), open_session(client, tmp_path) as (session, requester):

            async def transfer() -> None:
                async with requester.directory("context"):
                    pass

            task = asyncio.create_task(transfer())
            await begun.wait()
            session.client._connection._transport.abort()  # type: ignore[union-attr]
            await task


async def test_a_cancelled_build_cancels_the_clients_call(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def script(call: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    client = FakeClient(script=script)
    sources = LocalSources(tmp_path)
    opened = open_session(client, tmp_path, sessions=Sessions(sources))
    async with asyncio.timeout(5), opened as (_, requester):

        async def transfer() -> None:
            async with requester.directory("context"):
                pass

        task = asyncio.create_task(transfer())
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await client.cancelled.wait()
        assert not any(found.in_use for found in await sources.usage())


async def test_sessions_are_waited_for_and_forgotten(tmp_path: Path) -> None:
    sessions = Sessions(LocalSources(tmp_path))
    with pytest.raises(NotFound, match="no active session for nobody"):
        await sessions.get("nobody", seconds=0.01)
    async with open_session(FakeClient(), tmp_path, sessions=sessions) as (session, _):
        assert await sessions.get(session.id) is session
        assert await sessions.get(f"prefix:{session.id}") is session
        with pytest.raises(AlreadyExists):
            sessions.check({"X-Docker-Expose-Session-Uuid": session.id})
    with pytest.raises(NotFound):
        await sessions.get(session.id, seconds=0.01)


async def test_of_two_sessions_of_one_id_the_second_is_refused(tmp_path: Path) -> None:
    """Though both come before either stands."""
    sessions, headers = Sessions(LocalSources(tmp_path)), {"X-Docker-Expose-Session-Uuid": "one"}
    pairs = [socket.socketpair() for _ in range(2)]
    first, second = (asyncio.create_task(sessions.serve(ours, b"", headers)) for ours, _ in pairs)
    with pytest.raises(AlreadyExists, match="session one already exists"):
        await second
    assert (await sessions.get("one")).id == "one"
    pairs[0][1].close()
    await first
    pairs[1][1].close()
    with pytest.raises(NotFound):
        await sessions.get("one", seconds=0.01)
    sessions.check(headers)  # it is free again


def test_a_session_says_who_it_is() -> None:
    with pytest.raises(Invalid):
        SessionInfo.of([])
    info = SessionInfo.of(
        [
            ("x-docker-expose-session-uuid", "1"),
            ("X-Docker-Expose-Session-Grpc-Method", "/A/B"),
            ("X-Docker-Expose-Session-Grpc-Method", "/C/D"),
        ]
    )
    assert info == SessionInfo("1", methods=frozenset({"/a/b", "/c/d"}))


async def test_a_client_without_a_service_is_asked_nothing(tmp_path: Path) -> None:
    async with open_session(FakeClient(), tmp_path) as (session, _):
        bare = type(session)(SessionInfo(session.id, methods=frozenset({"/a/b"})), session.client)
        requester = SessionRequester(bare, LocalSources(tmp_path))
        assert await requester.credentials("h") is None
        assert not await requester.has_ssh("default")
        with pytest.raises(NotFound, match="no local sources enabled"):
            async with requester.directory("context"):
                pass


async def test_blobs_go_into_a_content_store_and_back(tmp_path: Path) -> None:
    client = FakeClient()
    data = os.urandom(5_000_000)
    sent = 0

    async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
        nonlocal sent
        for piece in pieces:
            sent += len(piece)
            yield piece

    async with open_session(client, tmp_path) as (_, requester):
        await requester.put_blob("local:d", "sha256:1", len(data), chunks(data[:3_000_000], data[3_000_000:]))
        assert b"".join([piece async for piece in requester.blob("local:d", "sha256:1")]) == data
        await requester.put_blob("local:d", "sha256:1", len(data), chunks(data))
        assert sent == len(data)  # it has it already
        with pytest.raises(Failed, match="1 bytes instead of 2"):
            await requester.put_blob("local:d", "sha256:2", 2, chunks(b"x"))
        with pytest.raises(NotFound, match="sha256:3: not found"):
            async for _ in requester.blob("local:d", "sha256:3"):
                pass
    assert list(client.blobs) == ["local:d sha256:1"]


async def test_the_ignore_file_has_a_directory_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    fill(source)
    client = FakeClient({"context": source})
    async with open_session(client, tmp_path / "received") as (_, requester):
        async with requester.directory("context", follow=[".dockerignore"]) as ignore:
            async with requester.directory("context", follow=["a", "sub"]) as first:
                assert first.path != ignore.path
        async with requester.directory("context") as second:
            assert second.path == first.path and client.requested == []


async def test_what_filled_the_disk_is_not_kept(tmp_path: Path) -> None:
    sources = LocalSources(tmp_path / "received")
    with pytest.raises(DiskFull):
        async with sources.hold(Identity("key", "session", "context")) as listing:
            listing.files.mkdir()
            (listing.files / "file").write_bytes(b"x")
            raise DiskFull("receive file: No space left on device")
    await asyncio.gather(*sources._removing)
    assert list((tmp_path / "received").iterdir()) == []
    assert await sources.usage() == []
