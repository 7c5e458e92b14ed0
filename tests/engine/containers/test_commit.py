"""What becomes of a commit when the container does not keep still for it."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sampan.engine import trash
from sampan.engine.containers.commit import CommitRequest, Commits
from sampan.engine.containers.documents import CONFIG, normalise
from sampan.engine.containers.record import ContainerRecord, State
from sampan.errors import Conflict, Failed, NotFound, SampanError
from sampan.paths import Paths
from sampan.specs.oci.image import ContainerConfig

ID = "c" * 64


class Container:
    """One that runs, as the manager of containers shows it. `pausing`, `thawing`: what these fail with."""

    def __init__(self, pausing: SampanError | None = None, thawing: SampanError | None = None) -> None:
        self.record = ContainerRecord(
            id=ID, name="c", created="", image="", image_id="", path="sh", args=[],
            config=normalise({}, CONFIG, ""), host_config={},
            networking={}, lower=[], cgroup=f"/sampan/{ID}",
        )  # fmt: skip
        self.record.state = State(running=True)
        self.pausing, self.thawing = pausing, thawing
        self.calls: list[str] = []
        self.there = True

    def get(self, ref: str) -> ContainerRecord:
        return self.record

    async def pause(self, ref: str) -> None:
        self.calls.append("pause")
        if self.pausing:
            raise self.pausing

    async def unpause(self, ref: str) -> None:
        self.calls.append("unpause")
        if self.thawing:
            raise self.thawing

    def emit(self, record: ContainerRecord, action: str, **attributes: str) -> None:
        if not self.there:
            raise NotFound(f"No such container: {ID}")
        self.calls.append(action)


class Images:
    def __init__(self) -> None:
        self.made: list[bytes] = []
        self.on_diff = lambda: None

    def apply_changes(self, config: ContainerConfig, changes: Sequence[str]) -> ContainerConfig:
        return config

    def current_lowers(self, lowers: list[str]) -> list[str]:
        return lowers

    async def commit(self, base: Any, diff: Iterable[bytes], **options: Any) -> Any:
        pieces = []
        for piece in diff:
            self.on_diff()
            pieces.append(piece)
        self.made.append(b"".join(pieces))
        return SimpleNamespace(id="sha256:1")


def commits(tmp_path: Path, container: Container, images: Images) -> Commits:
    paths = Paths(tmp_path / "data", tmp_path / "exec")
    upper = paths.container(ID).upper
    upper.mkdir(parents=True)
    paths.trash.mkdir()
    (upper / "f").write_text("x")
    return Commits(paths, cast(Any, container), cast(Any, images))


ENDS = [
    ("it ended before the pause", Container(Conflict("is not running"), Conflict("is not paused"))),
    ("its cgroup is gone", Container(Failed("cgroup.freeze: no such device"), None)),
    ("it was killed while it was paused", Container(None, Conflict("is not paused"))),
]


@pytest.mark.parametrize("container", [row[1] for row in ENDS], ids=[row[0] for row in ENDS])
async def test_errors_of_the_pause_are_not_the_commits(tmp_path: Path, container: Container) -> None:
    images = Images()
    assert await commits(tmp_path, container, images).commit(CommitRequest(ID)) == "sha256:1"
    # What it has not paused, it must not set going again.
    assert container.calls == ["pause", *(["unpause"] if container.pausing is None else []), "commit"]
    assert len(images.made) == 1


async def test_an_image_is_the_answer_even_if_its_container_is_gone_by_then(tmp_path: Path) -> None:
    container, images = Container(), Images()
    container.there = False
    assert await commits(tmp_path, container, images).commit(CommitRequest(ID)) == "sha256:1"


async def test_of_a_container_that_was_removed_meanwhile_no_image_is_made(tmp_path: Path) -> None:
    container, images = Container(), Images()
    made = commits(tmp_path, container, images)
    paths = Paths(tmp_path / "data", tmp_path / "exec")
    images.on_diff = lambda: trash.discard(paths, paths.container(ID).data)
    with pytest.raises(NotFound, match="No such container"):
        await made.commit(CommitRequest(ID))
    assert images.made == []
    await asyncio.to_thread(trash.wait_emptied)
