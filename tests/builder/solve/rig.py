"""A solver whose steps only pretend: what it decides, without root, files or programs."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from sampan.builder.execute.executor import RunFailed
from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import (
    SCRATCH,
    Copy,
    Files,
    ImageSource,
    Lines,
    LocalSource,
    Operation,
    Plan,
    Run,
    Step,
)
from sampan.builder.progress import Explanation, Progress, Vertex, now
from sampan.builder.solve.cache.store import Cache
from sampan.builder.solve.explainer import Explainer
from sampan.builder.solve.solver import Solver
from sampan.builder.solve.state import Lanes, SolveState
from sampan.builder.trees import Entry, HostRoot, Snapshot, Tree
from sampan.db.sqlite import Change, Store
from sampan.engine.images.store import Layer, Staging


class FakeImages:
    """As much of ImageStore as the cache asks."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.images: dict[str, Any] = {}
        self.rows: Store | None = None

    def keep_for(self, holder: Any) -> None:
        """Nothing is ever removed here."""

    def reuse(self, staging: Staging, diff_id: str) -> Layer:
        layer = staging.layers[diff_id] = self.layers[diff_id]
        return layer

    def adopt(self, staging: Staging, layer: Layer) -> None:
        staging.layers[layer.diff_id] = layer

    def collect(self, changes: Sequence[Change] = ()) -> None:
        assert self.rows is not None
        self.rows.apply(changes)


def digest(*parts: object) -> str:
    return f"sha256:{hashlib.sha256(repr(parts).encode()).hexdigest()}"


@dataclass
class FakeExecution:
    """`fails`: commands that end badly; `holds`: commands that wait until they are let go."""

    staging: Staging
    fails: set[str] = field(default_factory=set)
    holds: dict[str, asyncio.Event] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    most: int = 0

    def _layer(self, base: Snapshot, *parts: object) -> Snapshot:
        diff_id = digest(*parts)
        self.staging.layers[diff_id] = Layer(diff_id, 1, 1, diff_id, 1, "")
        return Snapshot((*base.layers, diff_id))

    async def run(
        self, run: Run, base: Snapshot, inputs: Mapping[int, Any], output: Any, **_: Any
    ) -> Snapshot:
        name = run.args[-1]
        self.ran.append(name)
        self.running.add(name)
        self.most = max(self.most, len(self.running))
        try:
            await asyncio.sleep(0)
            if name in self.holds:
                await self.holds[name].wait()
            if name in self.fails:
                failed = self._layer(base, "failed", name, base.layers)
                raise RunFailed(f'process "{name}" did not complete', exit_code=1, snapshot=failed)
            output(1, name.encode())
            # `same ...` writes the same whatever it stands on.
            return self._layer(base, name.split()[0] if name.startswith("same") else (name, base.layers))
        finally:
            self.running.discard(name)

    async def files(self, actions: Sequence[Any], taken: Sequence[Any], base: Snapshot, **_: Any) -> Snapshot:
        self.ran.append(f"copy {actions[0].sources[0]} {actions[0].dest}".removesuffix(" /"))
        return self._layer(base, [item.selected.key for item in taken if item])

    async def scan(self, snapshot: Snapshot, paths: Sequence[str] = ()) -> Tree:
        found = digest(snapshot.layers[-1:])
        return tree({"out": found})


def tree(files: Mapping[str, str]) -> Tree:
    entries = {"": Entry(0o40755, 0, 0, 0, 0, "")}
    entries |= {name: Entry(0o100644, 0, 0, 1, 0, text) for name, text in sorted(files.items())}
    return Tree(HostRoot("/nowhere"), entries)


@dataclass
class Bench:
    """An engine's cache, kept over several builds."""

    rows: Store = field(default_factory=lambda: Store(":memory:"))
    images: FakeImages = field(default_factory=FakeImages)
    lanes: Lanes = field(default_factory=lambda: Lanes(8))

    def __post_init__(self) -> None:
        self.images.rows = self.rows
        self.cache = Cache(self.rows, self.images)  # type: ignore[arg-type]

    def restart(self) -> None:
        self.cache = Cache(self.rows, self.images)  # type: ignore[arg-type]
        self.cache.start()
        self.cache.drop_broken()

    async def build(self, plan: Plan, **how: Any) -> "Built":
        return await Built(self, plan, **how).run()


@dataclass
class Built:
    bench: Bench
    plan: Plan
    files: Mapping[str, str] = field(default_factory=dict)
    fails: set[str] = field(default_factory=set)
    holds: dict[str, asyncio.Event] = field(default_factory=dict)
    options: BuildOptions = field(default_factory=lambda: BuildOptions(explain=True))
    dockerfile: str = ""
    base: tuple[str, ...] = ("sha256:base",)
    context_ready: asyncio.Event | None = None
    ran: list[str] = field(default_factory=list)
    snapshots: Mapping[int, Snapshot] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    execution: FakeExecution | None = None
    records: dict[int, str] = field(default_factory=dict)

    async def run(self) -> "Built":
        staging = Staging()
        for diff_id in self.base:
            self.bench.images.layers.setdefault(diff_id, Layer(diff_id, 1, 1, diff_id, 1, ""))
        self.execution = FakeExecution(staging, self.fails, self.holds, self.ran)
        cache = self.bench.cache
        with cache.lease(staging) as lease:
            state = SolveState(
                plan=self.plan,
                options=self.options,
                dockerfile=("Dockerfile", self.dockerfile),
                progress=self.progress,
                sources=SimpleNamespace(tree=self._tree),  # type: ignore[arg-type]
                cache=cache,
                lease=lease,
                lanes=self.bench.lanes,
                source_snapshots={"image": Snapshot(self.base)},
                explainer=Explainer(cache, self.options, self.dockerfile),
            )
            self.records = state.snapshots
            try:
                solver = Solver(state, self.execution)  # type: ignore[arg-type]
                self.snapshots = await solver.solve([target.step for target in self.plan.targets])
            finally:
                self.bench.images.layers |= staging.layers
                self.bench.rows.apply(cache.changes(lease))
                cache.written(lease)
                cache.touch(lease, now())
        return self

    async def _tree(self, operation: Any, report: Any = None) -> Tree:
        if self.context_ready is not None:
            await self.context_ready.wait()
        return tree(self.files)

    @property
    def reasons(self) -> dict[str, str]:
        """Step -> why it was made anew."""
        names = {event.digest: event.name for event in self.progress.events if isinstance(event, Vertex)}
        return {
            names[event.vertex]: event.reason
            for event in self.progress.events
            if isinstance(event, Explanation) and not event.cached
        }

    def vertices(self) -> dict[str, Vertex]:
        """As they are in the end."""
        return {event.name: event for event in self.progress.events if isinstance(event, Vertex)}


IMAGE = ImageSource(reference="docker.io/library/busybox:latest", image_id="image", platform="linux/amd64")
CONTEXT = LocalSource(name="context")


def run(command: str, *env: str, **more: Any) -> Run:
    return Run(args=("/bin/sh", "-c", command), env=env, cwd="/", **more)


def copy(source: str, input: int = 1) -> Files:
    return Files(actions=(Copy(input=input, sources=(f"/{source}",), dest="/"),))


class Target:
    def __init__(self, step: int) -> None:
        self.step = step


def plan(*steps: tuple[Operation, tuple[int, ...]], targets: Sequence[int] = (), **more: Any) -> Plan:
    """`more`: no_cache, the numbers of steps not to be taken from the cache; stages, names by step."""
    made = tuple(
        Step(
            id=number,
            operation=operation,
            inputs=inputs,
            name=name_of(operation, number),
            instruction=name_of(operation, number),
            stage=more.get("stages", {}).get(number, "0"),
            lines=Lines(first=number + 1, last=number + 1),
            no_cache=number in more.get("no_cache", ()),
        )
        for number, (operation, inputs) in enumerate(steps)
    )
    wanted = targets or [len(steps) - 1]
    return Plan(steps=made, targets=tuple(Target(step) for step in wanted))  # type: ignore[arg-type]


def name_of(operation: Operation, number: int) -> str:
    if isinstance(operation, Run):
        return f"RUN {operation.args[-1]}"
    if isinstance(operation, Files):
        action = operation.actions[0]
        return f"COPY {action.sources[0]}" if isinstance(action, Copy) else "files"
    return f"source {number}"


__all__ = ["SCRATCH", "Bench", "Built"]
