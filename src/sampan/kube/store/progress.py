"""How far the watches of an etcd have come, and the question how far they could."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sampan.errors import Unavailable
from sampan.http.grpc.call import ClientCall
from sampan.http.grpc.status import GrpcError
from sampan.specs.etcd import schema

# A member that is still sending a watch what it has missed ignores the question (etcd 3.5, progressIfSync).
FIRST, LONGEST = 0.01, 0.1  # seconds until it is asked again


class Follower:
    """One watch. Its reader has had everything up to the revision that it tells those who wait."""

    def __init__(self, call: ClientCall) -> None:
        self.call = call
        self._waiting: set[asyncio.Future[int]] = set()

    async def ask(self) -> None:
        """Have etcd say how far it is, once all before that has been sent. Raises GrpcError."""
        request = schema().message("etcdserverpb.WatchRequest")()
        request.progress_request.SetInParent()
        await self.call.send(request)

    async def reached(self) -> int:
        """Raises Unavailable when the watch ends."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            pause = FIRST
            while not future.done():
                await self.ask()
                await asyncio.wait([future], timeout=pause)
                pause = min(2 * pause, LONGEST)
            return await future
        except GrpcError as error:
            raise Unavailable(f"etcd: the watch ended: {error.message}") from error
        finally:
            self._waiting.discard(future)

    def progress(self, revision: int) -> None:
        """etcd's answer; what came before it has been read, as the reader has asked for more."""
        for future in self._waiting:
            if not future.done():
                future.set_result(revision)

    taken = progress  # as good: the reader has come back from a batch

    def end(self) -> None:
        """Nothing comes any more."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(Unavailable("etcd: the watch ended"))


class Followers:
    """All watches of a store."""

    def __init__(self) -> None:
        self._followers: set[Follower] = set()
        self._some = asyncio.Event()

    @contextmanager
    def joined(self, follower: Follower) -> Iterator[Follower]:
        """For as long as the watch lives."""
        self._followers.add(follower)
        self._some.set()
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            if not self._followers:
                self._some.clear()
            follower.end()

    async def reached(self) -> int:
        """As Store.reached."""
        await self._some.wait()
        return min(await asyncio.gather(*(follower.reached() for follower in self._followers)))
