"""What solving one plan needs of the build it belongs to."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import SCRATCH, ImageSource, Plan, ResultSource, Step
from sampan.builder.progress import Progress
from sampan.builder.solve.cache.records import Record
from sampan.builder.solve.cache.store import Cache, Lease
from sampan.builder.solve.explainer import CACHED, Explainer
from sampan.builder.solve.vertices import VertexProgress, vertex_progress
from sampan.builder.trees import Snapshot
from sampan.errors import Invalid
from sampan.specs.oci import reference as references

if TYPE_CHECKING:
    from sampan.builder.solve.cache.imports import Imports
    from sampan.builder.sources.sources import BuildSources


@dataclass(eq=False)
class Lane:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted: int = 0


class Lanes:
    """Of all builds of an engine: how many steps run at once, and that no two do the same at once."""

    def __init__(self, most: int) -> None:
        self.slots = asyncio.Semaphore(most)
        self._lanes: dict[str, Lane] = {}

    @asynccontextmanager
    async def alone(self, key: str) -> AsyncIterator[None]:
        """Wait for whoever executes a step of this key: its record may be what was wanted."""
        lane = self._lanes.setdefault(key, Lane())
        lane.wanted += 1
        try:
            async with lane.lock:
                yield
        finally:
            lane.wanted -= 1
            if not lane.wanted:
                del self._lanes[key]


@dataclass(eq=False)
class SolveState:
    plan: Plan
    options: BuildOptions
    dockerfile: tuple[str, str]  # name, text
    progress: Progress
    sources: "BuildSources"
    cache: Cache
    lease: Lease
    lanes: Lanes
    # Snapshots of images and results, which are all here before solving begins; and which were not fetched.
    source_snapshots: Mapping[str, Snapshot]
    fetched: frozenset[str] = frozenset()
    layer_size: Callable[[str], int] = lambda diff_id: 0
    salt: str = ""
    explainer: Explainer | None = None
    imports: "Imports | None" = None
    snapshots: dict[int, str] = field(default_factory=dict)  # step -> record

    def __post_init__(self) -> None:
        self._vertices: list[VertexProgress] = []
        for step in self.plan.steps:
            inputs = [self._vertices[id].digest for id in step.inputs if id != SCRATCH]
            self._vertices.append(vertex_progress(self.progress, f"{self.salt}/{step.id}", step.name, inputs))
        counts: dict[str, int] = {}
        self._places: list[tuple[str, str, int]] = []
        for step in self.plan.steps:
            number = counts[step.stage] = counts.get(step.stage, -1) + 1
            self._places.append((self.dockerfile[0], step.stage, number))
        self.host_names = sorted({re.split("[:=]", text, maxsplit=1)[0] for text in self.options.extra_hosts})

    def announce(self) -> None:
        for item in self._vertices:
            item.announce()

    @property
    def cached(self) -> int:
        """How many steps were taken from the cache so far."""
        return sum(item.vertex.cached for item in self._vertices)

    def vertex(self, id: int) -> VertexProgress:
        return self._vertices[id]

    def place(self, step: Step) -> tuple[str, str, int]:
        return self._places[step.id]

    def source_snapshot(self, source: ImageSource | ResultSource) -> Snapshot:
        return self.source_snapshots[_name(source)]

    def was_here(self, source: ImageSource | ResultSource) -> bool:
        return _name(source) not in self.fetched

    def find(self, key: str) -> Record | None:
        return self.cache.find(self.lease, key)

    async def seek(self, key: str) -> Record | None:
        """The same, also in caches of other machines, whose layers are brought in."""
        if (found := self.find(key)) is not None or self.imports is None:
            return found
        return await self.imports.find(key)

    def taken(self, step: Step, record: Record) -> None:
        self.snapshots[step.id] = record.id

    def explain(
        self, step: Step, components: Mapping[str, str], summaries: Mapping[str, bytes], record: Record | None
    ) -> None:
        if self.explainer is None:
            return
        if record is not None:
            self.vertex(step.id).explain(True, CACHED)
            return
        names = self.input_names(step)
        self.vertex(step.id).explain(
            False, self.explainer.why(step, self.place(step), components, summaries, names)
        )

    def input_names(self, step: Step) -> dict[str, str]:
        """What the step's inputs are, for --explain: by the names of components they are in."""
        found: dict[str, str] = {}
        for position, id in enumerate(step.inputs):
            text = "" if id == SCRATCH else self._input_name(step, self.plan.steps[id])
            found["base" if position == 0 else f"input.{position}"] = text
        return found

    def _input_name(self, step: Step, below: Step) -> str:
        if isinstance(below.operation, ImageSource):
            return f"image {familiar(below.operation.reference)}"
        if below.stage and below.stage != step.stage:
            return f"stage {below.stage}"
        return ""


def familiar(reference: str) -> str:
    try:
        found = references.parse(reference)
    except Invalid:
        return reference
    return (found.with_tag(found.tag) if found.tag and found.digest else found).familiar


def _name(source: ImageSource | ResultSource) -> str:
    return source.image_id if isinstance(source, ImageSource) else f"input:{source.id}"
