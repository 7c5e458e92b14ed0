"""The store in an etcd cluster of version 3.5 or newer: the same keys, and etcd's own revisions.

One connection carries everything; a watch is a stream of its own. What is asked again when a member is lost
is told by members.py; here stands what that means for a write.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from typing import Any

from sampan.errors import Invalid, Unavailable
from sampan.http.grpc.status import Code, GrpcError
from sampan.kube.store.leases import Leases
from sampan.kube.store.members import Members, Uncertain
from sampan.kube.store.progress import Follower, Followers
from sampan.kube.store.ranges import end_of
from sampan.kube.store.snapshotfile import Kept
from sampan.kube.store.store import Ahead, Batch, Change, Compacted, Entry, Mismatch, Page
from sampan.specs.etcd import schema

PAGE = 500  # entries of one answer, which must stay under 16 MB
ATTEMPTS = 3  # of a write, when members are lost while they do it
QUIET = 20.0  # seconds in which a watch hears nothing, until we ask whether the member still lives
COMPACTED = "etcdserver: mvcc: required revision has been compacted"
FUTURE = "etcdserver: mvcc: required revision is a future revision"
TOO_LARGE = "etcdserver: request is too large"

KeyValues = list[Any]  # mvccpb.KeyValue
Objects = list[Kept]


def message(name: str, **fields: Any) -> Any:
    return schema().message(f"etcdserverpb.{name}")(**fields)


class EtcdStore:
    """`await EtcdStore.open("etcd://host:2379,other:2379")`."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._leases = Leases(members)
        self._followers = Followers()
        self._asked: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None

    @classmethod
    async def open(cls, url: str, tls: ssl.SSLContext | None = None) -> "EtcdStore":
        """Raises Invalid, Unavailable and Unsupported."""
        members = Members(url, tls)
        try:
            await members.check_version()
        except BaseException:
            members.close()
            raise
        return cls(members)

    async def revision(self) -> int:
        """One question for all who ask while one is under way, as that one may have been answered already."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().create_task(self._ask_revision(None))
            return await asyncio.shield(self._asked)
        if self._next is None or self._next.done():
            self._next = asyncio.get_running_loop().create_task(self._ask_revision(self._asked))
        return await asyncio.shield(self._next)

    async def _ask_revision(self, before: "asyncio.Task[int] | None") -> int:
        if before is not None:
            await asyncio.wait([before])
            self._asked, self._next = self._next, None
        answer = await self._range(key=b"\0", limit=1, keys_only=True)
        return int(answer.header.revision)

    async def get(self, key: str) -> Entry | None:
        answer = await self._range(key=_encoded(key))
        return _entry(answer.kvs[0]) if answer.kvs else None

    async def list(self, prefix: str, *, revision: int = 0, start: str = "", limit: int = 0) -> Page:
        found, last = await self._pages(prefix, revision, start, limit)
        remaining = last.count - len(last.kvs) if last.more else 0
        entries = [_entry(kv) for kv in found]
        return Page(entries, revision or last.header.revision, last.more, remaining)

    async def everything(self, prefix: str) -> tuple[int, Objects]:
        """What is below `prefix`, and at which revision, with the time that is left to it: for snapshots."""
        found, last = await self._pages(prefix, 0, "", 0)
        left = {0: 0}
        for lease in {kv.lease for kv in found} - {0}:
            left[lease] = await self._leases.left(lease)
        kept = [Kept(_decoded(kv.key), kv.mod_revision, kv.value, left[kv.lease]) for kv in found]
        return int(last.header.revision), kept

    async def _pages(self, prefix: str, revision: int, start: str, limit: int) -> tuple[KeyValues, Any]:
        """All of one revision, and the last answer, whose header has that of the first."""
        found: KeyValues = []
        portion, first, at = PAGE, max(prefix, start), revision
        while True:
            wanted = min(portion, limit - len(found)) if limit else portion
            try:
                answer = await self._range(
                    key=_encoded(first) or b"\0",
                    range_end=_encoded(end_of(prefix)) or b"\0",
                    revision=at,
                    limit=wanted,
                )
            except GrpcError as error:
                portion = await self._smaller(error, portion, revision)
                continue
            at = at or answer.header.revision
            found += answer.kvs
            if not answer.more or (limit and len(found) >= limit):
                answer.header.revision = at
                return found, answer
            first = _decoded(found[-1].key) + "\0"

    async def _smaller(self, error: GrpcError, portion: int, revision: int) -> int:
        """Half of it, if the answer was too large for one message."""
        if error.code == Code.RESOURCE_EXHAUSTED and portion > 1:
            return portion // 2
        raise await self._meant(error, revision) from error

    async def _range(self, **fields: Any) -> Any:
        return await self._members.ask("KV", "Range", message("RangeRequest", **fields))

    async def write(self, key: str, value: bytes | None, *, expected: int | None, ttl: int = 0) -> int:
        lease = await self._leases.of(ttl) if ttl and value is not None else 0
        request = _transaction(_encoded(key), value, expected, lease)
        uncertain = 0
        while True:
            try:
                answer = await self._members.ask("KV", "Txn", request, safe=False)
            except Uncertain as error:
                uncertain += 1
                if uncertain == ATTEMPTS:
                    raise Unavailable(f"etcd does not say whether {key} was written") from error
                continue
            except GrpcError as error:
                raise await self._meant(error, expected or 0) from error
            if answer.succeeded:
                return int(answer.header.revision)
            found = answer.responses[0].response_range.kvs
            current = _entry(found[0]) if found else None
            return self._unless_ours(Mismatch(key, current), value, uncertain)

    @staticmethod
    def _unless_ours(mismatch: Mismatch, value: bytes | None, uncertain: int) -> int:
        """A first attempt, of which we heard nothing, may be what the second one finds."""
        current = mismatch.current
        if uncertain and current is not None and current.value == value:
            return current.revision
        if uncertain and current is None and value is None:
            raise Unavailable(f"{mismatch.key} is deleted, but it is not known by whom") from mismatch
        raise mismatch

    async def compact(self, revision: int) -> None:
        try:
            await self._members.ask("KV", "Compact", message("CompactionRequest", revision=revision))
        except GrpcError as error:
            raise await self._meant(error, revision) from error

    async def close(self) -> None:
        self._members.close()
        for task in (self._asked, self._next):
            if task is not None:
                await asyncio.gather(task, return_exceptions=True)

    async def _meant(self, error: GrpcError, revision: int) -> Exception:
        if error.message == COMPACTED:
            return Compacted(revision + 1)  # at least: etcd does not say
        if error.message == FUTURE:
            return Ahead(await self.revision())
        if error.message == TOO_LARGE:
            return Invalid(error.message)
        return Unavailable(f"etcd: {error.message}")

    # Watching

    async def reached(self) -> int:
        return await self._followers.reached()

    async def watch(self, prefix: str, revision: int) -> AsyncGenerator[Batch, None]:
        """As Store.watch."""
        client = await self._members.client()
        method = schema().method("etcdserverpb.Watch", "Watch")
        try:
            async with client.call(method, metadata={"hasleader": ["true"]}) as call:
                # From the revision itself on, whose event is left out below: etcd takes a start at the oldest
                # one it keeps, and may have forgotten a deletion at the one before.
                create = message(
                    "WatchCreateRequest",
                    key=_encoded(prefix) or b"\0",
                    range_end=_encoded(end_of(prefix)) or b"\0",
                    start_revision=max(revision, 1),
                    prev_kv=True,
                    fragment=True,
                )
                await call.send(message("WatchRequest", create_request=create))
                with self._followers.joined(Follower(call)) as follower:
                    async for batch in _batches(follower, revision):
                        yield batch
        except GrpcError as error:
            self._members.leave(client)
            raise Unavailable(f"etcd: the watch ended: {error.message}") from error


async def _batches(follower: Follower, revision: int) -> AsyncGenerator[Batch, None]:
    pending: Batch = []
    while True:
        answer = await _answer(follower)
        if answer.canceled:
            if answer.compact_revision:
                raise Compacted(answer.compact_revision)
            raise GrpcError(Code.UNAVAILABLE, answer.cancel_reason)
        if not answer.events:
            if not answer.created:
                follower.progress(answer.header.revision)
            continue
        pending += [_change(event) for event in answer.events if event.kv.mod_revision > revision]
        if answer.fragment or not pending:
            continue
        batch, pending = pending, []
        yield batch
        revision = batch[-1].revision
        follower.taken(revision)


async def _answer(follower: Follower) -> Any:
    """What comes next. Raises GrpcError when nothing does, though we have asked."""
    for _ in range(2):
        try:
            async with asyncio.timeout(QUIET):
                answer = await follower.call.receive()
        except TimeoutError:
            await follower.ask()
            continue
        if answer is None:
            break
        return answer
    raise GrpcError(Code.UNAVAILABLE, "nothing comes any more")


def _change(event: Any) -> Change:
    """Raises Compacted where compaction has overtaken the watch, so that what was before is gone."""
    kv, before = event.kv, event.prev_kv
    created = kv.create_revision == kv.mod_revision and event.type == 0
    if not created and not before.mod_revision:
        raise Compacted(kv.mod_revision)
    value = None if event.type == 1 else kv.value
    return Change(_decoded(kv.key), kv.mod_revision, value, None if created else _entry(before))


def _transaction(key: bytes, value: bytes | None, expected: int | None, lease: int) -> Any:
    request = message("TxnRequest")
    if expected is not None:
        request.compare.add(result="EQUAL", target="MOD", key=key, mod_revision=expected)
        request.failure.add().request_range.key = key
    done = request.success.add()
    if value is None:
        done.request_delete_range.key = key
    else:
        put = done.request_put
        put.key, put.value, put.lease = key, value, lease
    return request


def _entry(kv: Any) -> Entry:
    return Entry(_decoded(kv.key), kv.mod_revision, kv.value)


def _encoded(key: str) -> bytes:
    """Raises Invalid for what no store could keep."""
    try:
        return key.encode()
    except UnicodeEncodeError:
        raise Invalid(f"{key!r} is no key: not UTF-8") from None


def _decoded(key: bytes) -> str:
    return key.decode(errors="replace")  # others' keys; ours are all UTF-8
