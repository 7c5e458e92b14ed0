"""Layers made of tars, read as the builder reads them, and what a step would add to them."""

import io
import os
import stat
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sampan.builder.execute.files import FileOp, Taken, layer_tar
from sampan.builder.execute.pack import ChangesPacker
from sampan.builder.plan.graph import Action, Copy
from sampan.builder.sources.scan import scan
from sampan.builder.sources.select import select
from sampan.builder.trees import Snapshot
from sampan.images.erofs import index
from sampan.linux import erofs
from sampan.storage.layerfiles import Node
from sampan.storage.merged import Directory, Merged
from sampan.storage.stack import Stack

EPOCH = 1_000
# name -> "directory", "-> target", "whiteout", "opaque" or a file's text; "MODE OWNER:GROUP " may come first
Files = Mapping[str, str]


def tar_of(files: Files) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, text in files.items():
            info, content = member(name, text)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def member(name: str, text: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode = 500, 0o644
    words = text.split(" ", 2)
    if len(words) == 3 and words[0].isdigit() and ":" in words[1]:
        info.mode = int(words[0], 8)
        info.uid, info.gid = (int(number) for number in words[1].split(":"))
        text = words[2]
    if text == "directory":
        info.type = tarfile.DIRTYPE
        info.mode = info.mode if info.mode != 0o644 else 0o755
        return info, b""
    if text.startswith("-> "):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, text[3:], 0o777
        return info, b""
    if text.startswith("= "):
        info.type, info.linkname = tarfile.LNKTYPE, text[2:]
        return info, b""
    if text in ("whiteout", "opaque"):
        head, _, base = name.rpartition("/")
        info.name = f"{head}/.wh.{base}" if text == "whiteout" else f"{name}/.wh..wh..opq"
        info.name = info.name.lstrip("/")
        return info, b""
    info.size = len(text.encode())
    return info, text.encode()


class Layers:
    """On disk below `directory`, in the form of a tar with its index. A diff ID is its number as text."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.count = 0
        self.stack = Stack(self.lower)

    def lower(self, diff_id: str) -> str:
        return erofs.lower(str(self.directory / f"{diff_id}.erofs"), str(self.directory / f"{diff_id}.tar"))

    def add(self, files: Files | bytes) -> str:
        data = files if isinstance(files, bytes) else tar_of(files)
        self.count += 1
        name = str(self.count)
        (self.directory / f"{name}.tar").write_bytes(data)
        (self.directory / f"{name}.erofs").write_bytes(index([data]).image(len(data)))
        return name

    def snapshot(self, *layers: Files) -> Snapshot:
        """Bottom first."""
        return Snapshot(tuple(self.add(files) for files in layers))

    def merged(self, snapshot: Snapshot) -> Merged:
        return self.stack.merged(snapshot.layers)

    def step(
        self,
        base: Snapshot,
        actions: Sequence[Action],
        taken: Sequence[Taken | None],
        epoch: int | None = EPOCH,
    ) -> bytes:
        op = FileOp(actions=actions, taken=taken, base=base)
        return b"".join(layer_tar(op, ChangesPacker(epoch), self.stack, self.directory))

    def apply(self, base: Snapshot, actions: Sequence[Action], taken: Sequence[Taken | None]) -> Snapshot:
        return Snapshot((*base.layers, self.add(self.step(base, actions, taken))))

    def copy(self, base: Snapshot, context: Path, copy: Copy) -> dict[str, str]:
        """The layer that a COPY from a directory of the host makes."""
        tree = scan(context)
        return listing(self.step(base, [copy], [Taken(tree, select(tree, copy))]))

    def copied(self, base: Snapshot, context: Path, copy: Copy) -> Snapshot:
        """All there is after it."""
        tree = scan(context)
        return self.apply(base, [copy], [Taken(tree, select(tree, copy))])


def listing(data: bytes) -> dict[str, str]:
    """A tar's members: name -> mode owner:group, and what it is."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            what = ""
            if info.isreg():
                file = archive.extractfile(info)
                assert file is not None
                what = file.read().decode()
            elif info.isdir():
                what = "directory"
            elif info.issym():
                what = f"-> {info.linkname}"
            elif info.islnk():
                what = f"= {info.linkname}"
            elif info.isfifo():
                what = "fifo"
            found[info.name] = f"{info.mode:04o} {info.uid}:{info.gid} {what}"
    return found


def whole(merged: Merged) -> dict[str, str]:
    """Everything that a container would see."""
    found: dict[str, str] = {}

    def visit(directory: Directory, path: str) -> None:
        for name, child in merged.entries(directory):
            below = path + os.fsdecode(name)
            node = child.top if isinstance(child, Directory) else child
            found[below] = f"{stat.S_IMODE(node.mode):04o} {node.uid}:{node.gid} {shown(node)}"
            if isinstance(child, Directory):
                visit(child, below + "/")

    assert merged.root is not None
    visit(merged.root, "")
    return found


def shown(node: Node) -> str:
    if node.is_directory:
        return "directory"
    if node.is_link:
        return f"-> {os.fsdecode(node.target)}"
    return b"".join(node.chunks()).decode() if stat.S_ISREG(node.mode) else "special"


def plain(found: Mapping[str, str]) -> dict[str, str]:
    """Without modes and owners."""
    return {name: text.split(" ", 2)[2] for name, text in found.items()}


def make(directory: Path, files: Files) -> Path:
    """A context on the host."""
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text == "directory":
            path.mkdir(exist_ok=True)
        elif text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_text(text)
    return directory
