"""An image manager of its own on a directory of its own, without a daemon."""

import io
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sampan.builder.plan.changes import apply_changes
from sampan.db.sqlite import Store
from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.events import Events
from sampan.engine.images import Image, Images, Import, Use
from sampan.paths import Paths
from sampan.specs.golang import time as times
from sampan.specs.oci.platform import Platform
from sampan.specs.oci.reference import parse
from tests.support.layers import names, read

HERE = Platform("linux", "amd64")


def tar(**files: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return data.getvalue()


async def stream(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@dataclass
class Bench:
    """Images, and short ways to make some."""

    root: Path
    images: Images
    events: Events
    store: Store
    form: str = "directory"
    lines: list[dict[str, Any]] = field(default_factory=list)
    users: dict[str, list[Use]] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path, form: str = "directory") -> "Bench":
        paths = Paths(root / "data", root / "exec")
        for path in (paths.data, paths.trash, paths.tmp):
            path.mkdir(parents=True, exist_ok=True)
        store, events = Store(paths.database), Events()
        config = DaemonConfig(storage_opts=(f"sampan.layers={form}",))
        users: dict[str, list[Use]] = {}
        images = Images(
            config=config,
            paths=paths,
            store=store,
            events=events,
            in_use=lambda id: users.get(id, []),
            apply_changes=apply_changes,
        )
        return cls(root, images, events, store, form, users=users)

    async def add(
        self, name: str = "", created: str = "", changes: list[str] | None = None, **files: str
    ) -> Image:
        how = Import(parse(name).with_default_tag() if name else None, changes or [], "made", created=created)
        image = await self.images.import_(stream(tar(**(files or {"f": name}))), how)
        return self.images.get(image.id)

    def at(self, moment: str) -> None:
        """What the clock says from now on."""
        self.images.store.clock = lambda: times.parse(moment)

    async def commit(self, base: Image, name: str = "", **files: str) -> Image:
        image = await self.images.commit(
            base,
            iter([tar(**files)]) if files else iter([bytes(1024)]),
            config=base.config["config"],
            created_by="step",
            name=parse(name).with_default_tag() if name else None,
        )
        return self.images.get(image.id)

    async def send(self, line: dict[str, Any]) -> None:
        self.lines.append(line)

    async def load(self, data: bytes, *, quiet: bool = True, platform: Platform = HERE) -> list[Image]:
        self.lines.clear()
        return await self.images.load(stream(data, 100_000), platform=platform, quiet=quiet, send=self.send)

    async def save(self, *names: str) -> bytes:
        return b"".join([piece async for piece in self.images.save(names)])

    def actions(self) -> list[tuple[str, str]]:
        return [
            (event["Action"], event["Actor"]["Attributes"].get("name", ""))
            for event in self.events.past(lambda event: True, 0, None)
        ]

    def on_disk(self) -> tuple[int, int, int]:
        """How many layers, blobs and unfinished things there are."""
        data = self.root / "data"
        unfinished = len(list((data / "tmp").iterdir())) + len(list((data / "content/ingest").iterdir()))
        layers = len(list((data / "layers").iterdir()))
        return layers, len(list((data / "content/blobs/sha256").iterdir())), unfinished


@pytest.fixture(params=["directory", "erofs"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """One suite for both forms a layer can have."""
    bench = Bench.open(tmp_path, request.param)
    await bench.images.start()
    yield bench
    await bench.images.stop()
    assert bench.on_disk()[2] == 0, "something unfinished was left"
    bench.store.close()


async def reopen(bench: Bench) -> Bench:
    """The same directory after a daemon's restart."""
    await bench.images.stop()
    bench.store.close()
    again = Bench.open(bench.root, bench.form)
    await again.images.start()
    return again


__all__ = ["Bench", "bench", "names", "read", "reopen", "stream", "tar"]
