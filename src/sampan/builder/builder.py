"""The builder of one engine: what the three wire forms call.

What building needs is imported at the first build: a daemon that builds nothing starts as fast as without.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sampan.builder.solve.cache.records import new_id
from sampan.builder.solve.cache.store import Cache
from sampan.db.sqlite import Store
from sampan.engine.buildcache.usage import GIT, LOCAL, MOUNT, Usage
from sampan.engine.images import Images
from sampan.errors import AlreadyExists, Conflict, NotFound, SampanError
from sampan.paths import Paths

if TYPE_CHECKING:
    from sampan.builder.build import Addressed, Build, BuildResult
    from sampan.builder.frontends.buildkit.session.localsources import LocalSources
    from sampan.builder.frontends.buildkit.session.sessions import Sessions
    from sampan.builder.history import BuildRecord, History
    from sampan.builder.options import BuildOptions
    from sampan.builder.progress import Progress
    from sampan.builder.requester import Requester
    from sampan.builder.solve.worker import Worker
    from sampan.engine.containers.manager import Containers
    from sampan.engine.daemon.config import DaemonConfig
    from sampan.engine.networks.manager import Networks

log = logging.getLogger("sampan.builder")
RECOVER_AFTER = 1.0  # seconds
MOST_TOLD = 64  # ended builds whose events stay in memory although they are not kept


class Builder:
    """Owned by the event loop."""

    def __init__(
        self,
        *,
        config: DaemonConfig,
        paths: Paths,
        store: Store,
        images: Images,
        containers: Containers,
        networks: Networks,
    ) -> None:
        self._config = config
        self._paths = paths
        self._images = images
        self._containers = containers
        self._networks = networks
        self.cache = Cache(store, images.store)
        self._rows = store
        self._builds: dict[str, Build] = {}
        # What builds told that have just ended: a client may ask for all of it a moment later.
        self._told: dict[str, Progress] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._loaded: asyncio.Task[Worker] | None = None

    def configure(self, config: DaemonConfig) -> None:
        """daemon.json was read again."""
        self._config = config

    # Life

    def read(self) -> None:
        """Before the images look for layers that nobody needs."""
        self.cache.start()

    async def start_up(self) -> None:
        """After images and networks: bring rows and disk together."""
        self.cache.drop_broken()
        if self._paths.builds.exists():
            self._in_background(self._recover())

    async def _recover(self) -> None:
        """What an earlier daemon's builds were in the middle of; nobody waits for the imports it takes."""
        await asyncio.sleep(RECOVER_AFTER)
        try:
            await self._worker()
        except SampanError as error:
            log.error("builds cannot be made: %s", error)

    async def stop(self) -> None:
        """End every build."""
        tasks = [build.task for build in self._builds.values()] + list(self._background)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._loaded is not None and self._loaded.done() and not self._loaded.exception():
            self._loaded.result().results.clear()

    def held(self) -> set[str]:
        """Diff IDs of the layers that the cache keeps."""
        return self.cache.held()

    async def _worker(self) -> Worker:
        """Made once."""
        if self._loaded is None:
            self._loaded = asyncio.create_task(self._load())
        try:
            return await asyncio.shield(self._loaded)
        except BaseException:
            if self._loaded.done():
                self._loaded = None
            raise

    async def _load(self) -> Worker:
        from sampan.builder.execute.executor import Executor
        from sampan.builder.solve.worker import make_worker

        executor = Executor(
            paths=self._paths,
            store=self._rows,
            images=self._images.store,
            containers=self._containers,
            networks=self._networks,
        )
        return await make_worker(
            config=self._config,
            paths=self._paths,
            cache=self.cache,
            images=self._images,
            executor=executor,
        )

    @cached_property
    def local_sources(self) -> LocalSources:
        """Where directories of BuildKit's clients are kept from build to build."""
        from sampan.builder.frontends.buildkit.session.localsources import LocalSources

        return LocalSources(self._paths.build_received)

    @cached_property
    def sessions(self) -> Sessions:
        """What BuildKit's clients hold open for their builds. Loads protobuf."""
        from sampan.builder.frontends.buildkit.session.sessions import Sessions

        return Sessions(self.local_sources)

    @cached_property
    def history(self) -> History:
        """Read when somebody asks for the first time."""
        from sampan.builder.history import History

        made = History(self._rows, self._paths.builds / "history")
        made.start()
        return made

    # Builds

    def start(self, options: BuildOptions, requester: Requester, ref: str = "") -> Build:
        """Begin; `ref` is the client's name for it, or a new one. Raises AlreadyExists."""
        from sampan.builder.build import Build
        from sampan.builder.progress import Progress

        ref = ref or new_id()
        if ref in self._builds:
            raise AlreadyExists(f"build {ref} already exists")
        build = Build(ref, options, Progress(), self.history.begin(ref, options))
        build._task = asyncio.create_task(self._run(build, requester))
        self._builds[ref] = build
        build._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return build

    async def _run(self, build: Build, requester: Requester) -> BuildResult:
        from sampan.builder.build import BuildResult
        from sampan.builder.errors import DiskFull

        result, error = BuildResult(), ""
        canceled = False
        try:
            worker = await self._worker()
            from sampan.builder.solve.pipeline import Pipeline

            result = await Pipeline(worker, build, requester).run()
            return result
        except asyncio.CancelledError:
            canceled, error = True, "context canceled"
            raise
        except SampanError as failure:
            error = failure.message
            raise
        except Exception as failure:
            if isinstance(failure, OSError) and failure.errno in DiskFull.NUMBERS:
                error = (failure.strerror or "").lower()
                raise DiskFull(error) from failure
            error = f"internal error: {type(failure).__name__}"
            log.exception("build %s", build.ref)
            raise
        finally:
            build.progress.close()
            del self._builds[build.ref]
            self._ended(build, result, error, canceled)

    def _ended(self, build: Build, result: BuildResult, error: str, canceled: bool) -> None:
        build.record = replace(
            build.record,
            completed=time.time_ns(),
            error=error,
            canceled=canceled,
            steps=len(build.plan.steps) if build.plan else 0,
            cached=build.state.cached if build.state else 0,
            warnings=build.warnings,
            exporter=result.exporter,
        )
        self._told[build.ref] = build.progress
        if build.options.call == "build":
            self.history.add(build.record)
            self._in_background(self._keep(build))
        elif len(self._told) > MOST_TOLD:  # nothing was built: nothing is kept
            del self._told[next(iter(self._told))]
        self._in_background(self._collect())

    async def _keep(self, build: Build) -> None:
        try:
            await self.history.write(build.record, build.progress.events)
        finally:
            self._told.pop(build.ref, None)

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background_done)

    def _background_done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("after a build: %s", error, exc_info=error)

    def get(self, ref: str) -> Build:
        """A build that runs. Raises NotFound."""
        if ref not in self._builds:
            raise NotFound(f"no build {ref}")
        return self._builds[ref]

    def builds(self) -> list[Build]:
        """Those that run."""
        return list(self._builds.values())

    def drop_result(self, id: str) -> None:
        """A result is not built on any more."""
        if self._loaded is not None and self._loaded.done():
            self._loaded.result().results.drop(id)

    # History

    def records(self) -> list[BuildRecord]:
        """Running builds and the last finished ones, newest first."""
        running = [build.record for build in self._builds.values()]
        names = {record.ref for record in running}
        ended = [record for record in self.history.records.values() if record.ref not in names]
        return sorted([*running, *ended], key=lambda record: record.created, reverse=True)

    def record(self, ref: str) -> BuildRecord:
        """By ref or its beginning. Raises NotFound, Conflict."""
        if ref in self._builds:
            return self._builds[ref].record
        return self.history.get(ref)

    def tells(self, ref: str) -> bool:
        """Whether there are `events` of it."""
        return ref in self._builds or ref in self._told or ref in self.history.records

    async def events(self, ref: str) -> Progress:
        """All that happened: a running build's own Progress, or a finished one's, closed. Raises NotFound."""
        if ref in self._builds:
            return self._builds[ref].progress
        if ref in self._told:
            return self._told[ref]
        return await self.history.events(self.record(ref).ref)

    def forget(self, ref: str) -> None:
        """Remove a finished build's record and log. Raises NotFound, Conflict for one that runs."""
        if ref in self._builds:
            raise Conflict(f"build {ref} is running")
        self.history.remove(self.history.get(ref).ref)

    # Cache

    def snapshot(self, id: str) -> Addressed:
        """By the id of a record or its beginning. Raises NotFound, Conflict."""
        from sampan.builder.build import Addressed
        from sampan.builder.trees import Snapshot

        record = self.cache.by_prefix(id)
        details = self.cache.details(record.id)
        return Addressed(
            id=record.id,
            snapshot=Snapshot(record.layers),
            description=record.description,
            env=details.env,
            cwd=details.cwd,
            user=details.user,
            failed=record.failed,
        )

    async def shell(self, id: str, **how: Any) -> str:
        """A container in a snapshot's files, to be started and attached to: see Executor.shell."""
        found = self.snapshot(id)
        worker = await self._worker()
        how = {"env": found.env, "cwd": found.cwd, "user": found.user, **how}
        return await worker.executor.shell(found.snapshot, f"build/{found.id}", **how)

    async def du(self, filters_: Sequence[str] = ()) -> list[Usage]:
        """`filters_` as BuildKit's: "type==regular", "id~=abc", "inuse", ... Raises Invalid."""
        from sampan.engine.buildcache import filters

        matches = filters.parse(filters_)
        return [usage for usage in await self._usage() if matches(usage)]

    def free_bytes(self) -> int:
        """Of the disk that the cache is on."""
        disk = os.statvfs(self._paths.data)
        return disk.f_bavail * disk.f_frsize

    async def _usage(self) -> list[Usage]:
        found = self.cache.usage()
        if not self._paths.builds.exists():
            return found
        worker = await self._worker()
        return [*found, *await worker.usage(), *await self.local_sources.usage()]

    async def prune(
        self,
        filters_: Sequence[str] = (),
        *,
        all: bool = False,
        keep_duration: float = 0,  # seconds unused
        keep_bytes: int = 0,
    ) -> list[Usage]:
        """Remove what is not in use; returns what went. Raises Invalid."""
        from sampan.builder.solve.cache import gc
        from sampan.engine.buildcache.policies import Policy

        policy = Policy(filters=tuple(filters_), all=all, keep_duration=keep_duration, keep_bytes=keep_bytes)
        gone = gc.choose(await self._usage(), policy, time.time_ns())
        await self._remove(gone)
        return gone

    async def _remove(self, gone: Sequence[Usage]) -> None:
        others = [usage for usage in gone if usage.type in (MOUNT, GIT, LOCAL)]
        if others:  # first: on a full disk they make room for the change of the records
            await self.local_sources.remove([usage.id for usage in others if usage.type == LOCAL])
            worker = await self._worker()
            await worker.remove(others)
        self.cache.remove([usage.id for usage in gone if usage.id in self.cache.records])

    async def _collect(self) -> None:
        """Keep the cache in its bounds, after a build."""
        from sampan.builder.solve.cache import gc
        from sampan.engine.buildcache.policies import policies

        rules = policies(self._config.builder.get("gc") or {}, self._paths.data)
        if rules and not self._builds:
            gone = gc.collect(await self._usage(), rules, time.time_ns())
            if gone:
                log.info("removing %d records of the build cache", len(gone))
                await self._remove(gone)
