"""Exports of two invented steps, with a requester and an execution that only remember."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sampan.builder.execute.executor import Execution
from sampan.builder.export.export import Exporter
from sampan.builder.export.results import Exported, Solved
from sampan.builder.options import BuildOptions, Output
from sampan.builder.plan.graph import HistoryEntry, ImageSource, Target
from sampan.builder.progress import Progress, Status, Vertex
from sampan.builder.requester import Requester
from sampan.builder.trees import Snapshot
from sampan.engine.images.ingest import add_local_layer, staging
from sampan.engine.images.store import Image, NewImage
from sampan.errors import SampanError
from sampan.http.bearer import Credentials
from tests.engine.images.conftest import Bench, tar


class FakeRequester:
    """Keeps what it is sent; `refuse` is raised instead."""

    def __init__(self) -> None:
        self.files: dict[int, bytes] = {}
        self.trees: dict[int, list[str]] = {}
        self.refuse: SampanError | None = None
        self.asked: list[str] = []

    async def credentials(self, host: str) -> Credentials | None:
        self.asked.append(host)
        return None

    async def send_file(self, index: int, chunks: AsyncIterator[bytes], attrs: Mapping[str, str]) -> None:
        self.files[index] = b""
        async for piece in chunks:
            self.files[index] += piece
            if self.refuse:
                raise self.refuse

    async def send_directory(self, index: int, tree: Path, attrs: Mapping[str, str]) -> None:
        self.trees[index] = below(tree)
        if self.refuse:
            raise self.refuse


def below(tree: Path) -> list[str]:
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))


class FakeExecution:
    async def export_directory(self, snapshot: Snapshot, directory: Path) -> None:
        (directory / "file").write_text(str(len(snapshot.layers)))

    async def export_tar(self, snapshot: Snapshot) -> AsyncIterator[bytes]:
        yield b"a tar of "
        yield str(len(snapshot.layers)).encode()


class Rig:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.requester = FakeRequester()
        self.progress = Progress()

    async def export(
        self, *outputs: Output, platforms: Sequence[str] = ("linux/amd64",), epoch: int = 7, **options: Any
    ) -> Exported:
        """What two steps on a base have made: one file each."""
        store = self.bench.images.store
        base = await self.bench.add("base", created="2020-01-01T00:00:00Z", a="1")
        async with staging(store) as staged:
            store.reuse(staged, base.diff_ids[0])
            layers = [(await add_local_layer(store, staged, iter([tar(b="2", c="3")]))).diff_id]
            layers.append(
                (await add_local_layer(store, staged, iter([tar(**{"c": "4", ".wh.b": ""})]))).diff_id
            )

            async def commit(new: Sequence[NewImage]) -> list[Image]:
                return await store.commit(staged, new)

            snapshot = Snapshot((base.diff_ids[0], *layers))
            return await Exporter(self.bench.images).export(
                [Solved(target=self.target(base, name, epoch), snapshot=snapshot) for name in platforms],
                BuildOptions(outputs=outputs or (Output(type="image"),), **options),
                cast(Requester, self.requester),
                self.progress,
                staged,
                commit,
                cast(Execution, FakeExecution()),
            )

    def target(self, base: Image, platform: str, epoch: int) -> Target:
        system, architecture = platform.split("/")
        return Target(
            platform=platform,
            step=2,
            base=ImageSource(reference="base", image_id=base.id, platform=platform),
            config=cast(Any, {"Cmd": ["x"]}),
            base_history=tuple(cast(Any, base.config["history"])),
            history=(HistoryEntry(created_by="RUN 1", step=1), HistoryEntry(created_by="RUN 2", step=2)),
            document={"os": system, "architecture": architecture},
            epoch=epoch,
        )

    def said(self) -> list[str]:
        found = [event for event in self.progress.events if isinstance(event, Vertex | Status)]
        return list(dict.fromkeys(event.name if isinstance(event, Vertex) else event.id for event in found))
