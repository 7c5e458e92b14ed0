"""Files from a client's session. moby/buildkit session/filesync

Packets are handled in a thread, batch by batch: while one is worked on, the next piles up, and when it is
much the client's window runs out. Requests are sent from a task of their own, since a client that is busy
sending reads none.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote_plus

from sampan.builder.frontends.buildkit.session.listing import Listing
from sampan.builder.frontends.buildkit.session.receive import Receiver
from sampan.errors import Failed
from sampan.http.grpc.call import ClientCall

T = TypeVar("T")
TOLD_EVERY = 0.1  # seconds between two words of progress


def headers(values: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Options as metadata, which is ASCII: what is not gets a form of its own, and a header that says so."""
    found: dict[str, Sequence[str]] = {}
    for name, items in values.items():
        if all(item.isascii() and item.isprintable() for item in items):
            found[name] = list(items)
        else:
            found[name] = [quote_plus(item.encode("utf-8", "surrogateescape")) for item in items]
            found[f"{name}-encoded"] = ["1"]
    return found


async def receive(call: ClientCall, listing: Listing, progress: Callable[[int], None] | None) -> None:
    """Make the directory what the client lists. Raises GrpcError, Failed, Invalid."""
    receiver = await in_thread(partial(Receiver, listing))
    sending = Sending(call)
    told = 0.0
    total = 0
    try:
        while not receiver.done:
            batch = await call.receive_raw()
            if not batch:
                raise Failed("the client ended the transfer of its files")
            total += sum(map(len, batch))
            sending.add(await in_thread(partial(receiver.take, batch), receiver.stop))
            if progress is not None and time.monotonic() - told >= TOLD_EVERY:
                told = time.monotonic()
                progress(total)
        await sending.end()
        await call.receive_raw()  # its status
    finally:
        sending.cancel()
        await in_thread(receiver.close)
        if progress is not None:
            progress(total)


async def in_thread(function: Callable[[], T], stop: Callable[[], None] = lambda: None) -> T:
    """As to_thread, but cancelled it ends only after the function has: its files are somebody else's then.

    `stop` is called then, to make that soon.
    """
    work = asyncio.get_running_loop().run_in_executor(None, function)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([work])
        raise


class Sending:
    """What waits to be sent, in order, while somebody else reads."""

    def __init__(self, call: ClientCall) -> None:
        self._call = call
        self._waiting: list[bytes] = []
        self._more = asyncio.Event()
        self._ending = False
        self._task = asyncio.create_task(self._run())

    def add(self, packets: list[bytes]) -> None:
        if packets:
            self._waiting += packets
            self._more.set()

    async def end(self) -> None:
        self._ending = True
        self._more.set()
        await self._task

    def cancel(self) -> None:
        self._task.cancel()
        self._task.add_done_callback(
            lambda task: task.cancelled() or task.exception()
        )  # the reader tells it too

    async def _run(self) -> None:
        while not (self._ending and not self._waiting):
            await self._more.wait()
            self._more.clear()
            packets, self._waiting = self._waiting, []
            if packets:
                await self._call.send_raw(packets)
        await self._call.end()
