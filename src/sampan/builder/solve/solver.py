"""One plan, solved: every step looked up or executed, as few and as parallel as can be.

Two questions are asked of every step, each answered once and only when somebody asks:

- its chain: a digest of all definitions down to the sources. It needs the files of contexts, but nothing
  to be executed. When a record answers to it, the step is done, and nobody asks what it stands on.
- its snapshot: else, when its inputs' snapshots are there, by its content (cache/keys.py), or by executing
  it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampan.builder.errors import Place, StepFailed
from sampan.builder.execute.executor import Execution, RunFailed, Taken
from sampan.builder.plan.graph import (
    SCRATCH,
    Copy,
    Files,
    GitSource,
    HttpSource,
    ImageSource,
    LocalSource,
    ResultSource,
    Run,
    Step,
)
from sampan.builder.progress import now
from sampan.builder.solve.cache import keys
from sampan.builder.solve.cache.keys import Components
from sampan.builder.solve.cache.records import Details, Record, new_id
from sampan.builder.solve.state import SolveState
from sampan.builder.solve.vertices import VertexProgress
from sampan.builder.sources.explain import summary
from sampan.builder.sources.select import select, select_mount
from sampan.builder.trees import Selected, Snapshot, Tree
from sampan.errors import SampanError

Work = Callable[[Step], Awaitable[Any]]
IMPATIENCE = (
    0.1  # seconds for a chain, before the steps below are begun without knowing whether they are needed
)
LARGE = 2000  # entries of a tree that are looked through in a thread


@dataclass(frozen=True)
class Chain:
    """`usable`: whether a record that answers to it is this step's; not below a step that is done anew."""

    key: str
    usable: bool


@dataclass
class Known:
    """What is known of one step so far."""

    components: Components = field(default_factory=dict)
    summaries: dict[str, bytes] = field(default_factory=dict)
    record: str = ""  # the id of the record it was taken from, or made


class Solver:
    """Used once, in one task: `solve`."""

    def __init__(self, state: SolveState, execution: Execution) -> None:
        self._state = state
        self._execution = execution
        self._plan = state.plan
        self._tasks: dict[tuple[str, int], asyncio.Task[Any]] = {}
        self._selected: dict[tuple[int, int], asyncio.Task[Selected]] = {}
        self._known = [Known() for _ in self._plan.steps]
        self._group: asyncio.TaskGroup | None = None
        self._trees: dict[tuple[int, int], Tree] = {}
        self._passed: set[int] = set()
        self._impatient_at = 0.0
        self.done: dict[int, Snapshot] = {}

    async def solve(self, wanted: Sequence[int]) -> Mapping[int, Snapshot]:
        """Snapshots of steps, the wanted ones among them. Raises StepFailed, others as they are."""
        self._impatient_at = asyncio.get_running_loop().time() + IMPATIENCE
        try:
            async with asyncio.TaskGroup() as self._group:
                for id in wanted:
                    if id != SCRATCH:
                        self._once("snapshot", id, self._snapshot)
        except BaseExceptionGroup as group:
            raise _first(group) from None
        for step in self._plan.steps:
            # What nobody asked for is as good as cached: BuildKit shows it so.
            self._state.vertex(step.id).finish(cached=True)
        return self.done

    def _once(self, what: str, id: int, work: Work) -> "asyncio.Task[Any]":
        found = self._tasks.get((what, id))
        if found is None:
            assert self._group is not None
            found = self._group.create_task(self._guarded(self._plan.steps[id], work))
            self._tasks[what, id] = found
        return found

    async def _guarded(self, step: Step, work: Work) -> Any:
        """A failure is the step's own, unless an input's has become it."""
        vertex = self._state.vertex(step.id)
        with vertex.failing():
            try:
                return await work(step)
            except StepFailed:
                raise
            except SampanError as error:
                raise self._failed(step, error) from error

    def _failed(self, step: Step, error: SampanError, snapshot: str = "") -> StepFailed:
        place = None
        if step.lines is not None:
            name, text = self._state.dockerfile
            place = Place(filename=name, text=text, lines=step.lines)
        failed = StepFailed(
            error.message,
            cause=error,
            place=place,
            snapshot=snapshot,
            exit_code=getattr(error, "exit_code", None),
            vertex=self._state.vertex(step.id).digest,
        )
        failed.hint = error.hint
        return failed

    # Chains

    def chain(self, id: int) -> "asyncio.Task[Chain]":
        return self._once("chain", id, self._chain)

    async def _chain(self, step: Step) -> Chain:
        operation = step.operation
        if isinstance(operation, ImageSource | ResultSource):
            layers = self._state.source_snapshot(operation).layers
            return Chain(keys.snapshot_id(layers), True)
        if not isinstance(operation, Run | Files):
            # Its files are in the keys of those who take them.
            return Chain("tree", True)
        parts = {"chain": keys.key_of(self._definition(step))}
        usable = True
        for position, id in enumerate(step.inputs):
            if id == SCRATCH:
                continue
            below = await self.chain(id)
            parts[f"input.{position}"] = below.key
            usable = usable and below.usable and not self._plan.steps[id].no_cache
        for number, taken in self._takes(step).items():
            if self._is_tree(step.inputs[taken[0]]):
                parts[f"files.{number}"] = (await self.selected(step, number)).key
        return Chain(keys.key_of(parts), usable)

    def _definition(self, step: Step) -> Components:
        known = self._known[step.id]
        if not known.components:
            known.components = keys.definition(step, self._state.host_names)
        return known.components

    def _is_tree(self, id: int) -> bool:
        return id != SCRATCH and isinstance(
            self._plan.steps[id].operation, LocalSource | GitSource | HttpSource
        )

    def _takes(self, step: Step) -> dict[int, tuple[int, Copy | str]]:
        """number -> (index of the input, what is taken) for all whose files count in the key."""
        operation = step.operation
        if isinstance(operation, Files):
            return {number: (copy.input, copy) for number, copy in keys.copies(operation).items()}
        if isinstance(operation, Run):
            return {
                number: (mount.input, mount.source)
                for number, mount in keys.binds(operation).items()
                if mount.input is not None
            }
        return {}

    # Files

    def selected(self, step: Step, number: int) -> "asyncio.Task[Selected]":
        found = self._selected.get((step.id, number))
        if found is None:
            assert self._group is not None
            found = self._group.create_task(self._guarded(step, lambda step: self._select(step, number)))
            self._selected[step.id, number] = found
        return found

    async def _select(self, step: Step, number: int) -> Selected:
        position, what = self._takes(step)[number]
        below = step.inputs[position]
        if isinstance(what, str) and not what.strip("/") and not self._is_tree(below):
            # A whole file system is known by its layers: nobody has to read it.
            found = Selected((), keys.snapshot_id((await self._input(below)).layers))
            self._known[step.id].components[f"files.{number}"] = found.key
            return found
        tree = await self._tree_of(step, position, what)
        self._trees[step.id, number] = tree

        def work() -> Selected:
            if isinstance(what, Copy):
                # As BuildKit, which names its own record here.
                return select(tree, what, f"{new_id()}::{new_id()}")
            return select_mount(tree, what)

        found = await asyncio.to_thread(work) if len(tree.entries) > LARGE else work()
        self._known[step.id].components[f"files.{number}"] = found.key
        return found

    async def _summarize(self, step: Step, selected: Mapping[int, Selected]) -> None:
        """What was taken, in little space, for the record."""
        for number, found in selected.items():
            if (tree := self._trees.get((step.id, number))) is None:
                continue
            large = len(found.pairs) > LARGE
            made = await asyncio.to_thread(summary, tree, found) if large else summary(tree, found)
            self._known[step.id].summaries[f"files.{number}"] = made

    async def _tree_of(self, step: Step, position: int, what: Copy | str) -> Tree:
        id = step.inputs[position]
        if self._is_tree(id):
            return await self.tree(id)
        snapshot = await self._input(id)
        paths = what.sources if isinstance(what, Copy) else (what,)
        return await self._execution.scan(snapshot, paths)

    def tree(self, id: int) -> "asyncio.Task[Tree]":
        return self._once("tree", id, self._tree)

    async def _tree(self, step: Step) -> Tree:
        assert isinstance(step.operation, LocalSource | GitSource | HttpSource)
        vertex = self._state.vertex(step.id)
        with vertex.running():
            counter = vertex.counter()
            tree = await self._state.sources.tree(step.operation, counter)
            counter.done()
            return tree

    # Snapshots

    async def _input(self, id: int) -> Snapshot:
        if id == SCRATCH:
            return Snapshot()
        snapshot: Snapshot = await self._once("snapshot", id, self._snapshot)
        return snapshot

    async def _snapshot(self, step: Step) -> Snapshot:
        vertex = self._state.vertex(step.id)
        operation = step.operation
        if isinstance(operation, ImageSource | ResultSource):
            snapshot = self._state.source_snapshot(operation)
            vertex.finish(cached=self._state.was_here(operation))
        else:
            assert isinstance(operation, Run | Files)
            snapshot = await self._layer(step, operation, vertex)
        self.done[step.id] = snapshot
        return snapshot

    async def _layer(self, step: Step, operation: Run | Files, vertex: VertexProgress) -> Snapshot:
        chain = await self._patient_chain(step)
        if chain is not None and (found := await self._seek(step, chain)):
            return self._take(step, found, vertex)
        # The first input is the file system that is changed, if there is one.
        ready = await self._together([self._input(id) for id in step.inputs if not self._is_tree(id)])
        below: Snapshot = ready[0] if ready else Snapshot()
        chain = await self.chain(step.id)
        if found := await self._seek(step, chain):
            return self._take(step, found, vertex)
        takes = self._takes(step)
        selected = dict(
            zip(takes, await self._together([self.selected(step, n) for n in takes]), strict=True)
        )
        components = self._definition(step)
        components["base"] = keys.snapshot_id(below.layers)
        key = keys.key_of(components)
        async with self._state.lanes.alone(key):
            if not step.no_cache and (record := await self._state.seek(key)):
                record = self._state.cache.alias(self._state.lease, record, [chain.key])
                return self._take(step, record, vertex)
            snapshot = await self._inherit(step, below, vertex) if isinstance(operation, Run) else None
            if snapshot is None:
                snapshot = await self._execute(step, operation, below, selected, vertex)
            self._keep(step, snapshot, (key, chain.key))
        return snapshot

    async def _patient_chain(self, step: Step) -> Chain | None:
        """The chain, unless it takes a while (a context is being sent): then it is worth to begin below."""
        task = self.chain(step.id)
        patience = self._impatient_at - asyncio.get_running_loop().time()
        await asyncio.wait([task], timeout=max(0.0, patience))
        return task.result() if task.done() else None

    async def _together(self, work: Sequence[Any]) -> list[Any]:
        return list(await asyncio.gather(*work))

    def _look_up(self, step: Step, chain: Chain) -> Record | None:
        if step.no_cache or not chain.usable:
            return None
        return self._state.find(chain.key)

    async def _seek(self, step: Step, chain: Chain) -> Record | None:
        """The same, other machines' caches included."""
        if found := self._look_up(step, chain):
            return found
        if self._state.imports is None or step.no_cache or not chain.usable:
            return None
        async with self._state.lanes.alone(chain.key):
            return await self._state.seek(chain.key)

    def _take(self, step: Step, record: Record, vertex: VertexProgress) -> Snapshot:
        self._take_below(step)
        self._known[step.id].record = record.id
        self._state.taken(step, record)
        self._explain(step, record)
        vertex.finish(cached=True)
        return Snapshot(record.layers)

    async def _inherit(self, step: Step, below: Snapshot, vertex: VertexProgress) -> Snapshot | None:
        """What an image that was named as a cache has for a RUN, by its history."""
        imports = self._state.imports
        if imports is None or step.no_cache:
            return None
        for layer, bring in imports.ancestors(step, below.layers).items():
            if await imports.take(layer, bring):
                vertex.finish(cached=True)
                return Snapshot((*below.layers, layer))
        return None

    async def _compare(self, step: Step, below: Snapshot, made: Snapshot, vertex: VertexProgress) -> Snapshot:
        """The layer that such an image has for a COPY, if it is what was made here but for its times."""
        imports = self._state.imports
        if imports is None or step.no_cache:
            return made
        layers = imports.ancestors(step, below.layers)
        if made.layers[-1] in layers:
            vertex.finish(cached=True)
            return made
        for layer, bring in layers.items():
            if await imports.take(layer, bring) and await self._same(layer, made.layers[-1]):
                vertex.finish(cached=True)
                return Snapshot((*below.layers, layer))
        return made

    async def _same(self, *layers: str) -> bool:
        """Whether layers hold the same files, whenever these were written."""
        trees = [await self._execution.scan(Snapshot((layer,))) for layer in layers]
        files = [{path: entry._replace(mtime_ns=0) for path, entry in tree.entries.items()} for tree in trees]
        return files[0] == files[1]

    def _take_below(self, step: Step) -> None:
        """Show what a record stands for, in order: nobody may ask for these steps any more."""
        for id in step.inputs:
            if id == SCRATCH or id in self._passed or ("snapshot", id) in self._tasks:
                continue
            self._passed.add(id)
            below = self._plan.steps[id]
            vertex = self._state.vertex(id)
            if isinstance(below.operation, ImageSource | ResultSource):
                vertex.finish(cached=self._state.was_here(below.operation))
            elif isinstance(below.operation, Run | Files):
                chain = self._tasks.get(("chain", id))
                if chain is None or not chain.done() or chain.cancelled() or chain.exception():
                    continue
                if record := self._look_up(below, chain.result()):
                    self._take(below, record, vertex)
                elif self._state.imports is not None and self._state.imports.knows(chain.result().key):
                    self._take_below(below)
                    vertex.finish(cached=True)

    async def _execute(
        self,
        step: Step,
        operation: Run | Files,
        base: Snapshot,
        selected: Mapping[int, Selected],
        vertex: VertexProgress,
    ) -> Snapshot:
        await self._summarize(step, selected)
        self._explain(step, None)
        async with self._state.lanes.slots:
            with vertex.running():
                try:
                    if isinstance(operation, Files):
                        made = await self._files(step, operation, base, selected)
                        return await self._compare(step, base, made, vertex)
                    return await self._run(step, operation, base, vertex)
                except RunFailed as error:
                    id = self._keep_failed(step, error)
                    vertex.finish(error=error.message, snapshot=id)
                    raise self._failed(step, error, id) from error

    def _explain(self, step: Step, record: Record | None) -> None:
        known = self._known[step.id]
        self._state.explain(step, known.components, known.summaries, record)

    async def _files(
        self, step: Step, operation: Files, base: Snapshot, selected: Mapping[int, Selected]
    ) -> Snapshot:
        taken: list[Taken | None] = []
        for number, action in enumerate(operation.actions):
            if isinstance(action, Copy):
                taken.append(Taken(self._trees[step.id, number], selected[number]))
            else:
                taken.append(None)
        return await self._execution.files(operation.actions, taken, base, epoch=step.epoch)

    async def _run(self, step: Step, run: Run, base: Snapshot, vertex: VertexProgress) -> Snapshot:
        inputs: dict[int, Snapshot | Tree] = {}
        for mount in run.mounts:
            if mount.input is not None:
                id = step.inputs[mount.input]
                inputs[mount.input] = await self.tree(id) if self._is_tree(id) else await self._input(id)
        return await self._execution.run(
            run, base, inputs, vertex.log, epoch=step.epoch, platform=step.platform
        )

    async def known(self, everything: bool) -> list[tuple[Record, tuple[str, ...]]]:
        """The records of the plan's steps with the keys this build knows them by, for caches to export.

        A step that nobody needed may be known to an imported cache only: `everything` brings such in.
        """
        found = []
        for step in self._plan.steps:
            task = self._tasks.get(("chain", step.id))
            if not isinstance(step.operation, Run | Files) or task is None:
                continue
            chain: Chain = task.result()
            id = self._state.snapshots.get(step.id, "")
            record = self._state.cache.records.get(id)
            if record is None and self._state.imports is not None:
                layers = None if everything else self._state.lease.staging.layers
                record = await self._state.imports.find(chain.key, layers)
            if record is not None and record.keys:
                found.append((record, tuple(dict.fromkeys((record.keys[0], chain.key)))))
        return found

    # Records

    def _record(self, step: Step, snapshot: Snapshot, record_keys: tuple[str, ...], **more: Any) -> Record:
        layers = snapshot.layers
        parent = step.inputs[0] if step.inputs else SCRATCH
        return Record(
            id=new_id(),
            keys=record_keys,
            description=_description(step),
            layers=layers,
            size=self._state.layer_size(layers[-1]) if layers else 0,
            created=now(),
            last_used=now(),
            uses=1,
            parent="" if parent == SCRATCH else self._known[parent].record,
            place=self._state.place(step),
            instruction=step.instruction,
            **more,
        )

    def _add(self, step: Step, record: Record) -> None:
        known = self._known[step.id]
        known.record = record.id
        run = step.operation if isinstance(step.operation, Run) else None
        details = Details(
            components=known.components,
            summaries=known.summaries,
            names=self._state.input_names(step),
            env=run.env if run else (),
            cwd=run.cwd if run else "/",
            user=run.user if run else "",
        )
        self._state.cache.add(self._state.lease, record, details)
        self._state.snapshots[step.id] = record.id

    def _keep(self, step: Step, snapshot: Snapshot, record_keys: tuple[str, ...]) -> None:
        self._add(step, self._record(step, snapshot, record_keys))

    def _keep_failed(self, step: Step, error: RunFailed) -> str:
        """A record that answers to no key, for a shell in what the program has left."""
        if error.snapshot is None:
            return ""
        record = self._record(step, error.snapshot, (), failed=True)
        self._add(step, record)
        return record.id


def _description(step: Step) -> str:
    """As BuildKit calls its records."""
    run = step.operation
    return f"mount / from exec {' '.join(run.args)}" if isinstance(run, Run) else step.name


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """The failure that ended a group; a step's rather than what followed from it."""
    found: list[BaseException] = []

    def flatten(error: BaseException) -> None:
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                flatten(inner)
        else:
            found.append(error)

    flatten(group)
    return next((error for error in found if isinstance(error, StepFailed)), found[0])
