"""One build from its request to its result: fetch, parse, resolve, plan, solve, export."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from sampan.builder.build import Build, BuildResult
from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.dockerfile.lint.checks import check_file
from sampan.builder.dockerfile.lint.linter import Linter, lint_config
from sampan.builder.dockerfile.parse import parse
from sampan.builder.errors import DockerfileError
from sampan.builder.execute.executor import Execution
from sampan.builder.export.document import document
from sampan.builder.export.results import Solved
from sampan.builder.plan.bases import Base, NeededBase
from sampan.builder.plan.graph import Plan, ResultSource
from sampan.builder.plan.plan import plan as make_plan
from sampan.builder.plan.resolve import needed_bases
from sampan.builder.progress import Warning, now
from sampan.builder.requester import Requester
from sampan.builder.solve import subrequests
from sampan.builder.solve.cache.store import Lease
from sampan.builder.solve.explainer import Explainer
from sampan.builder.solve.images import ImageResolver
from sampan.builder.solve.solver import Solver
from sampan.builder.solve.state import SolveState
from sampan.builder.solve.syntax import check_syntax
from sampan.builder.solve.vertices import VertexProgress, vertex_progress
from sampan.builder.solve.worker import Worker
from sampan.builder.sources.sources import BuildSources
from sampan.builder.trees import Snapshot
from sampan.engine.images import Image
from sampan.engine.images.ingest import staging, uncancelled
from sampan.engine.images.store import NewImage, Staging
from sampan.errors import NotFound, SampanError
from sampan.specs.golang.numbers import TRUE

HUGE_FILE = 64 << 10  # bytes; reading a Dockerfile takes up to 3 ms for each kilobyte
if TYPE_CHECKING:
    from sampan.builder.solve.cache.exports import Exports
    from sampan.builder.solve.cache.imports import Imports

MAX_ROUNDS = 32  # of ONBUILD triggers that name further images


class Pipeline:
    """Used once: `run`, in the build's task."""

    def __init__(self, worker: Worker, build: Build, requester: Requester) -> None:
        self._worker = worker
        self._build = build
        self._requester = requester
        self._options = build.options
        self._progress = build.progress
        self._definition: VertexProgress | None = None

    async def run(self) -> BuildResult:
        """Raises DockerfileError, StepFailed, and other SampanErrors. Nothing is left but what rows name."""
        worker = self._worker
        async with AsyncExitStack() as stack:
            staged = await stack.enter_async_context(staging(worker.images.store))
            lease = stack.enter_context(worker.cache.lease(staged))
            sources = await stack.enter_async_context(worker.sources.open(self._options, self._requester))
            checking = self._options.call == "check"
            try:
                dockerfile = await self._dockerfile(sources)
            except DockerfileError as error:
                if not checking:
                    raise
                return BuildResult(answer=subrequests.unreadable(error))
            self._build.dockerfile = dockerfile
            if self._options.call in ("outline", "targets"):
                return BuildResult(answer=subrequests.describe(dockerfile, self._options))
            linter = Linter(lint_config(dockerfile, self._options.build_args))
            check_file(dockerfile, linter)
            resolver = ImageResolver(
                images=worker.images,
                requester=self._requester,
                staging=staged,
                progress=self._progress,
                results=worker.results,
                pull=self._options.pull,
                salt=self._build.ref,
            )
            try:
                plan = await self._plan(dockerfile, linter, resolver, sources)
            except DockerfileError as error:
                if not checking:
                    raise
                return BuildResult(answer=subrequests.lint(dockerfile, linter, error))
            if checking:
                return BuildResult(answer=subrequests.lint(dockerfile, linter))
            self._warn(dockerfile, linter)
            return await self._make(stack, plan, dockerfile, resolver, sources, lease, staged)

    # From the request to a plan

    async def _dockerfile(self, sources: BuildSources) -> Dockerfile:
        self._definition = definition = self._vertex(
            f"[internal] load build definition from {self._options.dockerfile or 'Dockerfile'}"
        )
        with definition.running():
            counter = definition.counter()
            missing: NotFound | None = None
            try:
                text = await sources.dockerfile(counter)
            except NotFound as error:
                missing = error  # the transfer was all right
            counter.done()
        if missing is not None:
            raise missing
        if len(text.data) < HUGE_FILE:
            dockerfile = parse(text.data, text.name)
        else:
            dockerfile = await asyncio.to_thread(parse, text.data, text.name)
        check_syntax(dockerfile, self._options)
        return dockerfile

    async def _ignore(self, sources: BuildSources) -> tuple[str, ...]:
        vertex = self._vertex("[internal] load .dockerignore")
        with vertex.running():
            counter = vertex.counter()
            found = await sources.ignore(counter)
            counter.done()
        return found.patterns

    async def _plan(
        self, dockerfile: Dockerfile, linter: Linter, resolver: ImageResolver, sources: BuildSources
    ) -> Plan:
        bases: dict[tuple[str, str], Base] = {}
        for _ in range(MAX_ROUNDS):
            needed = needed_bases(dockerfile, self._options, bases, linter)
            if not needed:
                break
            bases.update(await self._resolve(dockerfile, resolver, needed))
        # Not before, as BuildKit: what is wrong so far is told without it.
        ignore = await self._ignore(sources)
        plan = make_plan(dockerfile, self._options, bases, linter, ignore=ignore)
        self._build.plan = plan
        return plan

    async def _resolve(
        self, dockerfile: Dockerfile, resolver: ImageResolver, needed: Sequence[NeededBase]
    ) -> dict[tuple[str, str], Base]:
        async def one(item: NeededBase) -> Base:
            try:
                return await resolver.resolve(item)
            except SampanError as error:
                place = dockerfile.place(item.lines) if item.lines is not None else None
                message = f"{item.written}: {error.message}" if item.written else error.message
                raise DockerfileError(message + _meant(item), place=place, hint=error.hint) from error

        tasks = [asyncio.create_task(one(item)) for item in needed]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return {item.key: base for item, base in zip(needed, found, strict=True)}

    def _warn(self, dockerfile: Dockerfile, linter: Linter) -> None:
        assert self._definition is not None
        for finding in linter.findings:
            lines = (finding.lines.first, finding.lines.last)
            self._progress.add(
                Warning(
                    vertex=self._definition.digest,
                    short=f"{finding.rule.name}: {finding.message} (line {lines[0]})",
                    detail=(finding.rule.description,),
                    url=finding.rule.url,
                    filename=dockerfile.filename,
                    source=dockerfile.source.encode(errors="surrogateescape"),
                    ranges=(lines,),
                )
            )
        self._build.warnings = len(linter.findings)
        if failure := linter.failure():
            raise DockerfileError(failure)

    def _vertex(self, name: str) -> VertexProgress:
        made = vertex_progress(self._progress, self._build.ref, name)
        made.announce()
        return made

    # From a plan to a result

    async def _make(
        self,
        stack: AsyncExitStack,
        plan: Plan,
        dockerfile: Dockerfile,
        resolver: ImageResolver,
        sources: BuildSources,
        lease: Lease,
        staged: Staging,
    ) -> BuildResult:
        execution = await stack.enter_async_context(
            self._worker.executor.execution(self._options, self._requester, staged)
        )
        state = self._state(plan, dockerfile, resolver, sources, lease, staged)
        state.imports = await self._imports(stack, plan, lease)
        self._build.begun(state)
        try:
            result = await self._solve(state, execution, staged)
        except BaseException:
            # What was done is not lost with what failed; but why it failed is what is told.
            with suppress(SampanError):
                await self._save(staged, lease)
            raise
        await self._save(staged, lease)
        return result

    def _state(
        self,
        plan: Plan,
        dockerfile: Dockerfile,
        resolver: ImageResolver,
        sources: BuildSources,
        lease: Lease,
        staged: Staging,
    ) -> SolveState:
        worker, options = self._worker, self._options
        for step in plan.steps:
            if isinstance(step.operation, ResultSource):
                snapshot, _ = worker.results.get(step.operation.id)
                resolver.keep_result(step.operation.id, snapshot)
        return SolveState(
            plan=plan,
            options=options,
            dockerfile=(dockerfile.filename, dockerfile.source),
            progress=self._progress,
            sources=sources,
            cache=worker.cache,
            lease=lease,
            lanes=worker.lanes,
            source_snapshots=resolver.snapshots,
            fetched=frozenset(resolver.fetched),
            layer_size=lambda diff_id: staged.layers[diff_id].size,
            salt=self._build.ref,
            explainer=Explainer(worker.cache, options, dockerfile.source) if options.explain else None,
        )

    async def _solve(self, state: SolveState, execution: Execution, staged: Staging) -> BuildResult:
        plan, options = state.plan, self._options

        async def commit(new: Sequence[NewImage]) -> list[Image]:
            return await self._commit(staged, state.lease, new)

        solver = Solver(state, execution)
        await solver.solve([target.step for target in plan.targets])
        exports = await self._exports(solver, staged)
        snapshots = [solver.done.get(target.step, Snapshot()) for target in plan.targets]
        solved = [
            Solved(
                target=target,
                snapshot=snapshot,
                inline_cache=exports.inline(snapshot) if exports and self._inline else b"",
            )
            for target, snapshot in zip(plan.targets, snapshots, strict=True)
        ]
        exported = await self._worker.exporter.export(
            solved, options, self._requester, self._progress, staged, commit, execution
        )
        answer = dict(exported.exporter)
        if exports is not None:
            answer |= await exports.run(options.cache_to, snapshots, plan, self._build.ref)
        if self._build.keep_result and len(solved) == 1:
            # The whole document: an image that is built on the result has its history.
            whole = document(solved[0].target, snapshots[0].layers)
            self._worker.results.keep(self._build.ref, snapshots[0], whole, staged)
        return BuildResult(image_id=exported.image_id, exporter=answer, result=self._build.ref)

    async def _save(self, staged: Staging, lease: Lease) -> None:
        """What no image's transaction has brought: the cache of a build that failed, or exports no image."""
        if lease.fresh:
            await uncancelled(self._commit(staged, lease, []))
        self._worker.cache.touch(lease, now())

    async def _imports(self, stack: AsyncExitStack, plan: Plan, lease: Lease) -> "Imports | None":
        if not self._options.cache_from:
            return None
        from sampan.builder.solve.cache.imports import Imports

        worker = self._worker
        mounts = worker.executor.caches
        made = Imports(worker.images, worker.cache, lease, self._requester, self._progress, mounts, plan)
        await made.open(stack, self._options.cache_from, self._build.ref)
        return made

    @property
    def _inline(self) -> bool:
        # The older way to ask for it: docs of BuildKit's Dockerfile frontend, "BuildKit built-in build args".
        asked = self._options.build_args.get("BUILDKIT_INLINE_CACHE", "")
        return asked in TRUE or any(option.type == "inline" for option in self._options.cache_to)

    async def _exports(self, solver: Solver, staged: Staging) -> "Exports | None":
        wanted = self._options.cache_to
        if not wanted and not self._inline:
            return None
        from sampan.builder.solve.cache.exports import Exports

        worker = self._worker
        everything = any(option.attrs.get("mode") == "max" for option in wanted)
        known = await solver.known(everything)
        mounts = worker.executor.caches
        return Exports(worker.images, self._requester, self._progress, staged, mounts, known)

    async def _commit(self, staged: Staging, lease: Lease, new: Sequence[NewImage]) -> list[Image]:
        cache = self._worker.cache
        images = await self._worker.images.store.commit(
            staged, new, keep=cache.layers(lease), changes=lambda: cache.changes(lease)
        )
        cache.written(lease)
        return images


def _meant(item: NeededBase) -> str:
    return f" (did you mean {item.suggestions[0]}?)" if item.suggestions else ""
