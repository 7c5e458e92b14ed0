"""How the cluster's store does under load, and whether it rots: SQLite by default, or any etcd.

    bench/kube_store.py                                  a new file, in --directory (default: a temporary one)
    bench/kube_store.py --store etcd://127.0.0.1:2379    the same work, in an etcd without other keys
    bench/kube_store.py --revisions 100000               shorter (default: a million)
    bench/kube_store.py --every 300                      seconds between compactions (default: 10)

Rows: writes through the watch cache as a server makes them, by 1 and by 16 writers; then updates of 10,000
live keys until there were so many revisions, compacted all the while, each compaction keeping what was
written since the last one, as the server does every five minutes: `max` is the longest stall. Then a cache
that starts with it, lists, gets, and 10,000 subscriptions. Values have 2 KB. Nothing is asserted.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from sampan.kube.store.cache import Cache
from sampan.kube.store.compaction import Compactor
from sampan.kube.store.opening import open_store
from sampan.kube.store.rings import Subscription
from sampan.kube.store.store import Store

PREFIX = "/registry/core/pods/"
HEAD = b'{"metadata":{"name":"bench"},"spec":"'


def value(size: int) -> bytes:
    """JSON that does not compress."""
    return HEAD + os.urandom((size - len(HEAD)) // 2).hex().encode() + b'"}'


def key(number: int) -> str:
    return f"{PREFIX}namespace-{number % 20:02}/deployment-5d4f8c7b9-{number:05}"


class Latencies:
    """Seconds of each of many operations."""

    def __init__(self) -> None:
        self.found: list[float] = []

    async def timed(self, work: Awaitable[object]) -> None:
        begun = time.perf_counter()
        await work
        self.found.append(time.perf_counter() - begun)

    def row(self, what: str, seconds: float) -> None:
        ordered = sorted(self.found)
        rate = len(ordered) / seconds
        at = [ordered[int(len(ordered) * share)] * 1e3 for share in (0.5, 0.99)]
        print(
            f"{what:44} {rate:8.0f}/s   p50 {at[0]:6.2f} ms   p99 {at[1]:6.2f} ms"
            f"   max {ordered[-1] * 1e3:7.2f} ms",
            flush=True,
        )


def row(what: str, figure: str) -> None:
    print(f"{what:44} {figure}", flush=True)


async def creates(cache: Cache, writers: int, count: int, size: int) -> None:
    numbers = iter(range(count))
    seen = Latencies()
    data = value(size)

    async def one() -> None:
        for number in numbers:
            name = f"{PREFIX}creates-{writers}/{number:06}"
            await seen.timed(cache.write(name, data, expected=0))

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(writers)))
    seen.row(f"creates by {writers}", time.perf_counter() - begun)
    for item in cache.items(f"{PREFIX}creates-{writers}/"):
        await cache.write(item.key, None, expected=item.revision)


async def rot(store: Store, cache: Cache, options: argparse.Namespace, path: Path | None) -> None:
    data = [value(options.size) for _ in range(50)]
    await fill(cache, options.keys, data)
    live = sum(len(entry.value) for entry in (await store.list(PREFIX)).entries)
    compaction = asyncio.ensure_future(Compactor(store, interval=options.every).run())
    left = iter(range(options.revisions))
    chance = random.Random(1)
    seen = Latencies()

    async def one() -> None:
        for _ in left:
            name = key(chance.randrange(options.keys))
            await seen.timed(cache.write(name, data[chance.randrange(50)], expected=None))

    largest, watching = 0, True

    async def measure() -> None:
        nonlocal largest
        while watching:
            largest = max(largest, size_of(path))
            await asyncio.sleep(0.5)

    measuring = asyncio.ensure_future(measure())
    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(options.writers)))
    seen.row(
        f"{options.revisions} updates of {options.keys} by {options.writers}", time.perf_counter() - begun
    )
    if path is not None:
        await settle(store, path, live)
    watching = False
    await measuring
    compaction.cancel()
    if path is not None:
        final = size_of(path)
        row("live data", f"{live >> 20} MiB")
        row("file and log, largest", f"{largest >> 20} MiB")
        row(
            "file and log, after the last compaction",
            f"{final >> 20} MiB, {final / live:.2f} times the live data",
        )


async def settle(store: Store, path: Path, live: int) -> None:
    """An idle server's: compact what there is, and see how long it takes until the file is small."""
    begun = time.perf_counter()
    await store.compact(await store.revision())
    before = 0
    while (now := size_of(path)) != before or now > 3 * live:
        before = now
        if time.perf_counter() - begun > 60:
            break
        await asyncio.sleep(0.5)
    row("idle until the file stays as it is", f"{time.perf_counter() - begun:.1f} s")


def size_of(path: Path | None) -> int:
    if path is None:
        return 0
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


async def fill(cache: Cache, keys: int, data: list[bytes]) -> None:
    for start in range(0, keys, 500):
        numbers = range(start, min(start + 500, keys))
        await asyncio.gather(*(cache.write(key(n), data[n % 50], expected=None) for n in numbers))


async def reading(store: Store, size: int) -> None:
    cache = Cache(store)
    begun = time.perf_counter()
    await cache.start()
    row(f"a cache of {cache.count(PREFIX)} loads", f"{(time.perf_counter() - begun) * 1e3:.0f} ms")
    for what, prefix in (("all", PREFIX), ("of a namespace", f"{PREFIX}namespace-07/")):
        took = repeated(lambda prefix=prefix: b",".join([item.body for item in cache.items(prefix)]))
        row(f"list {what} ({cache.count(prefix)}), joined", f"{took * 1e3:.2f} ms")
    revision = cache.revision
    await cache.write(key(0), value(size), expected=None)
    begun = time.perf_counter()
    await store.list(PREFIX, revision=revision, limit=500)
    row("list 500 at an old revision, by the store", f"{(time.perf_counter() - begun) * 1e3:.1f} ms")
    begun = time.perf_counter()
    for number in range(1000):
        await cache.current()
        cache.get(key(number))
    row("consistent get", f"{(time.perf_counter() - begun) * 1e3:.1f} us")
    await subscriptions(cache, size)
    await cache.stop()


def repeated(work: Callable[[], object]) -> float:
    found = []
    for _ in range(15):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


async def subscriptions(cache: Cache, size: int, count: int = 10_000) -> None:
    came = 0
    tracemalloc.start()

    async def follow(subscription: Subscription) -> None:
        nonlocal came
        async for events in subscription:
            came += len(events)

    opened = [cache.subscribe(PREFIX, cache.revision) for _ in range(count)]
    tasks = [asyncio.ensure_future(follow(subscription)) for subscription in opened]
    await asyncio.sleep(0)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    row(f"{count} idle subscriptions, with tasks", f"{used / count:.0f} bytes each")
    begun = time.perf_counter()
    await cache.write(key(1), value(size), expected=None)
    while came < count:  # noqa: ASYNC110 - not to be measured with it
        await asyncio.sleep(0)
    row(f"an event to all {count}", f"{(time.perf_counter() - begun) * 1e3:.0f} ms")
    for subscription in opened:
        subscription.close()
    await asyncio.gather(*tasks)


async def run(options: argparse.Namespace, directory: Path) -> None:
    path = None if options.store else directory / "store"
    store = await open_store(options.store or str(path))
    cache = Cache(store)
    await cache.start()
    await creates(cache, 1, 2_000, options.size)
    await creates(cache, 16, 20_000, options.size)
    await rot(store, cache, options, path)
    await cache.stop()
    await reading(store, options.size)
    await store.close()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--store", default="", help="etcd://host:port (default: a new SQLite file)")
    words.add_argument("--directory", help="where the file is made")
    words.add_argument("--revisions", type=int, default=1_000_000)
    words.add_argument("--keys", type=int, default=10_000)
    words.add_argument("--writers", type=int, default=16)
    words.add_argument("--size", type=int, default=2048, help="bytes of a value")
    words.add_argument("--every", type=float, default=10.0, help="seconds between compactions")
    options = words.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        uvloop.run(run(options, Path(directory)))


if __name__ == "__main__":
    main()
