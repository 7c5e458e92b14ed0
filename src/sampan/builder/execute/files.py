"""A Files step: its actions applied in memory, and the layer's tar. No process, no mount."""

import os
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sampan.builder.execute.changes import Changes
from sampan.builder.execute.contents import HostSource, SnapshotSource, Source
from sampan.builder.execute.copier import Archives, Copier
from sampan.builder.execute.owners import Owners
from sampan.builder.execute.pack import ChangesPacker
from sampan.builder.plan.graph import Action, Copy, MakeDirectory, WriteFile
from sampan.builder.sources import archives
from sampan.builder.trees import HostRoot, Selected, Snapshot, SnapshotRoot, Tree
from sampan.errors import Failed
from sampan.storage.stack import Stack


@dataclass(frozen=True)
class Taken:
    """What a Copy takes: `selected` of `tree`, as sources.select has it."""

    tree: Tree
    selected: Selected


@dataclass(frozen=True, kw_only=True)
class FileOp:
    """One step."""

    actions: Sequence[Action]
    taken: Sequence[Taken | None]
    base: Snapshot


def layer_tar(op: FileOp, packer: ChangesPacker, stack: Stack, tmp: Path) -> Generator[bytes, None, None]:
    """The step's layer, in pieces. Blocks while iterated. Raises Failed, Invalid."""
    merged = stack.merged(op.base.layers)
    owners = Owners(merged)
    changes = Changes(merged, packer.now)
    copier = Copier(changes, owners)
    with ExitStack() as opened:
        for action, taken in zip(op.actions, op.taken, strict=True):
            if isinstance(action, MakeDirectory):
                copier.make_directory(action)
            elif isinstance(action, WriteFile):
                copier.write_file(action)
            else:
                _copy(copier, action, taken, stack, tmp, opened)
        yield from packer.pack(changes)


def _copy(
    copier: Copier, action: Copy, taken: Taken | None, stack: Stack, tmp: Path, opened: ExitStack
) -> None:
    assert taken is not None
    root = taken.tree.root
    source: Source
    found: Archives | None = None
    if isinstance(root, SnapshotRoot):
        source = SnapshotSource(stack.merged(root.layers))
    else:
        source = HostSource(root.path)
        found = HostArchives(root, tmp, opened) if action.unpack else None
    opened.callback(source.close)
    copier.copy(action, taken.tree, taken.selected, source, found)


class HostArchives(Archives):
    """Their plain bytes go into nameless files, from which the layer's tar is then written."""

    def __init__(self, root: HostRoot, tmp: Path, opened: ExitStack) -> None:
        self._root = root
        self._tmp = tmp
        self._opened = opened

    def is_archive(self, path: str) -> bool:
        return archives.is_archive(self._root, path)

    def spool(self, path: str) -> tuple[int, Iterator[bytes]]:
        descriptor, name = tempfile.mkstemp(dir=self._tmp)
        os.unlink(name)
        self._opened.callback(os.close, descriptor)
        return descriptor, _teed(descriptor, archives.plain_tar(self._root, path))


def _teed(descriptor: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(descriptor, view) :]
            yield chunk
    except OSError as error:
        raise Failed(f"unpack: {error.strerror}") from error
