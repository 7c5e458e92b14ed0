"""fsutil's receiver: makes a directory what the sender lists, and asks only for what is not there already.

Everything from the sender is checked: names are clean, relative and in the order of a walk, every parent is a
directory of the same list, links name files that came before, data comes only for what was asked. So each
parent on disk is a real directory that this receiver made, and paths below it may be used as they are.

Blocking; `take` gets batches of packets and returns those to send. tonistiigi/fsutil receive.go, validator.go
"""

import os
import stat
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError

from sampan.builder.errors import DiskFull
from sampan.builder.frontends.buildkit.session import packets
from sampan.builder.frontends.buildkit.session.listing import Listing, remove, weight
from sampan.errors import Failed, Invalid
from sampan.specs.golang import filemode

SMALL = 1 << 20  # files up to here are written at once, when they are complete
OPEN = 64  # larger ones that may arrive at the same time
XATTRS = ("user.",)
XATTR_NAMES = ("security.capability",)


@dataclass
class Arriving:
    """A file that was asked for."""

    index: int  # in the list
    path: bytes
    stat: Any
    mode: int
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    waiting: int = 0  # bytes in `chunks`
    descriptor: int = -1


class Receiver:
    def __init__(self, listing: Listing) -> None:
        self.finished = False  # everything is in place, and the sender was told
        self.done = False  # it has said so too
        self.stopped = False  # set from another thread: `take` is to return soon
        self._listing = listing
        self._root = os.fsencode(listing.files)
        self._decode = packets.packet_class().FromString
        self._old = listing.load()
        self._at = 0  # what of the old list is still to be compared
        self._list: list[bytes] = []  # the new one
        self._listed = False
        self._changed = False
        self._last: tuple[bytes, bool] | None = (
            b"",
            True,
        )  # name and whether a directory; None: not decoded yet
        self._gone: list[bytes] = []
        self._files: dict[bytes, int] = {}  # regular files by name: of the first `_filed` of the list
        self._filed = 0
        self._dropped: set[int] = set()  # of the list: files that changed while they were sent
        self._arriving: dict[int, Arriving] = {}
        self._links: list[tuple[int, bytes, bytes]] = []
        self._stale: set[bytes] = set()  # directories whose times our changes have touched
        self._directories: dict[bytes, Any] = {}
        self._open = 0

    def take(self, batch: list[bytes]) -> list[bytes]:
        """Raises Invalid for what no honest sender sends, Failed for what the disk refuses."""
        replies: list[bytes] = []
        try:
            at = 0 if self._listed else self._take_list(batch, replies)
            for packet in batch[at:]:
                if self.stopped:
                    return replies
                self._take_packet(self._decode(packet))
            if self._listed and not self._arriving and not self.finished:
                self._finish()
                replies.append(packets.FINISHED)
        except DecodeError as error:
            raise Invalid(f"a packet that cannot be read: {error}") from None
        except OSError as error:
            name = os.fsdecode(error.filename).removeprefix(os.fsdecode(self._root)) if error.filename else ""
            kind = DiskFull if error.errno in DiskFull.NUMBERS else Failed
            raise kind(f"receive {name.lstrip('/') or 'files'}: {error.strerror}") from None
        return replies

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        """After the end, or when it is given up: then what has come is kept for the next time."""
        for arriving in self._arriving.values():
            if arriving.descriptor >= 0:
                os.close(arriving.descriptor)
        if self._changed and not self.finished:
            missing = self._dropped.union(self._arriving)
            kept = [packet for index, packet in enumerate(self._list) if index not in missing]
            self._listing.size -= sum(weight(arriving.stat) for arriving in self._arriving.values())
            try:
                self._listing.save(kept + self._old[self._at :], clean=False)
            except OSError:
                pass  # a full disk, which may be why it was given up: more will be sent again
        self._arriving.clear()

    # The list

    def _take_list(self, batch: list[bytes], replies: list[bytes]) -> int:
        """How much of the batch belongs to the list. What is the same as last time costs a comparison."""
        old, listed, at = self._old, self._list, self._at
        for position, packet in enumerate(batch):
            if self.stopped:
                break
            if at < len(old) and packet == old[at]:
                listed.append(packet)
                at += 1
                self._last = None
                continue
            self._at = at
            decoded = self._decode(packet)
            if decoded.type != packets.STAT:
                self._take_packet(decoded)
            elif decoded.HasField("stat"):
                self._take_entry(packet, decoded.stat, replies)
            else:
                self._end_list()
                return position + 1
            at = self._at
        self._at = at
        return len(batch)

    def _take_entry(self, packet: bytes, found: Any, replies: list[bytes]) -> None:
        path: bytes = found.path
        self._check_order(path)
        before = self._skip_old(path)
        try:
            mode = filemode.to_unix(found.mode)
        except ValueError as error:
            raise Invalid(f"{os.fsdecode(path)}: {error}") from None
        self._last = (path, stat.S_ISDIR(mode))
        self._begin()
        index = len(self._list)
        self._list.append(packet)
        self._listing.size += weight(found)
        self._make(index, path, mode, found, before, replies)

    def _check_order(self, path: bytes) -> None:
        shown = os.fsdecode(path)
        parts = path.split(b"/")
        if b"" in parts or b"." in parts or b".." in parts or b"\0" in path:
            raise Invalid(f"invalid path: {shown!r}")
        last, directory = self._last_entry()
        if last and packets.sort_key(path) <= packets.sort_key(last):
            raise Invalid(f"changes out of order: {shown!r} {os.fsdecode(last)!r}")
        parent = path.rpartition(b"/")[0]
        # In the order of a walk, a parent is the last one itself or above it.
        if parent and not (parent == last and directory) and not last.startswith(parent + b"/"):
            raise Invalid(f"{shown!r} comes without its directory")

    def _last_entry(self) -> tuple[bytes, bool]:
        if self._last is None:
            found = self._decode(self._list[-1]).stat
            self._last = (found.path, bool(found.mode & filemode.DIR))
        return self._last

    def _skip_old(self, path: bytes) -> Any:
        """Pass over what the old list has before `path`, which is gone; what it says of `path`, or None."""
        key = packets.sort_key(path)
        while self._at < len(self._old):
            found = self._decode(self._old[self._at]).stat
            order = packets.sort_key(found.path)
            if order > key:
                return None
            self._at += 1
            self._listing.size -= weight(found)
            if order == key:
                return found
            self._gone.append(found.path)
        return None

    def _skip_below(self, path: bytes) -> None:
        """Forget what was below a directory that is none any more: nothing new may match it."""
        while self._at < len(self._old):
            found = self._decode(self._old[self._at]).stat
            if not found.path.startswith(path + b"/"):
                break
            self._listing.size -= weight(found)
            self._at += 1

    def _begin(self) -> None:
        if not self._changed:
            self._changed = True
            self._listing.begin()

    def _end_list(self) -> None:
        self._listed = True
        while self._at < len(self._old):
            found = self._decode(self._old[self._at]).stat
            self._listing.size -= weight(found)
            self._gone.append(found.path)
            self._at += 1

    # Files

    def _make(
        self, index: int, path: bytes, mode: int, found: Any, before: Any, replies: list[bytes]
    ) -> None:
        target = os.path.join(self._root, path)
        if stat.S_ISDIR(mode):
            self._make_directory(path, target, mode, found, before)
            return
        if before is not None and before.mode & filemode.DIR:
            remove(target)
            self._touched(path)
            self._skip_below(path)
        if stat.S_ISREG(mode) and found.linkname:
            self._check_link(path, found.linkname)
            self._links.append((index, path, found.linkname))
            return
        if stat.S_ISREG(mode):
            arriving = Arriving(index, path, found, mode)
            if found.size > 0:
                self._arriving[index] = arriving
                replies.append(packets.request(index))
            else:
                self._write(arriving)
            return
        self._replace(path, target)
        if stat.S_ISLNK(mode):
            os.symlink(found.linkname, target)
        elif stat.S_ISSOCK(mode):
            raise Invalid(f"{os.fsdecode(path)}: a socket cannot be sent")
        else:
            device = os.makedev(found.devmajor & 0xFFF, found.devminor & 0xFFFFF)
            os.mknod(target, mode, 0 if stat.S_ISFIFO(mode) else device)
            os.chmod(target, stat.S_IMODE(mode))
        self._dress(target, found, link=True)

    def _make_directory(self, path: bytes, target: bytes, mode: int, found: Any, before: Any) -> None:
        if before is None or not before.mode & filemode.DIR:
            self._replace(path, target)
            os.mkdir(target, 0o700)
        os.chmod(target, stat.S_IMODE(mode))
        self._directories[path] = found
        if found.uid or found.gid or found.xattrs:
            self._dress(target, found)

    def _check_link(self, path: bytes, target: bytes) -> None:
        while self._filed < len(self._list):  # most directories have no hard links, and no need of this
            found = self._decode(self._list[self._filed]).stat
            if not found.mode & filemode.TYPE and not found.linkname:
                self._files[found.path] = self._filed
            self._filed += 1
        if target not in self._files:
            raise Invalid(f"invalid link {os.fsdecode(path)} to unknown path: {os.fsdecode(target)!r}")

    def _replace(self, path: bytes, target: bytes) -> None:
        remove(target)
        self._touched(path)

    def _touched(self, path: bytes) -> None:
        self._stale.add(path.rpartition(b"/")[0])

    def _dress(self, target: bytes, found: Any, link: bool = False) -> None:
        """Owner, attributes and time; the mode comes after an owner, who resets its special bits."""
        if found.uid or found.gid:
            os.chown(target, found.uid, found.gid, follow_symlinks=False)
            if not link:
                os.chmod(target, stat.S_IMODE(filemode.to_unix(found.mode)))
        for name, value in found.xattrs.items():
            if name.startswith(XATTRS) or name in XATTR_NAMES:
                try:
                    os.setxattr(target, name, value, follow_symlinks=False)
                except OSError:
                    pass  # as fsutil: where the file system has none
        if not stat.S_ISDIR(filemode.to_unix(found.mode)):
            os.utime(target, ns=(found.modTime, found.modTime), follow_symlinks=False)

    # Data

    def _take_packet(self, decoded: Any) -> None:
        if decoded.type == packets.DATA:
            self._take_data(decoded.ID, decoded.data)
        elif decoded.type == packets.ERR:
            raise Failed(f"error from sender: {decoded.data.decode(errors='replace')}")
        elif decoded.type == packets.STAT:
            raise Invalid("a file after the end of the list")
        elif decoded.type != packets.FIN:
            raise Invalid(f"a packet of type {decoded.type} from a sender")
        elif not self.finished:
            raise Invalid("the sender finished before its files had come")
        else:
            self.done = True

    def _take_data(self, id: int, data: bytes) -> None:
        arriving = self._arriving.get(id)
        if arriving is None:
            raise Invalid(f"invalid file request {id}")
        if not data:
            del self._arriving[id]
            self._write(arriving)
            return
        arriving.chunks.append(data)
        arriving.size += len(data)
        arriving.waiting += len(data)
        if arriving.waiting >= SMALL:
            self._spill(arriving)

    def _spill(self, arriving: Arriving) -> None:
        if arriving.descriptor < 0:
            if self._open >= OPEN:
                raise Invalid("too many files arrive at once")
            arriving.descriptor = self._create(arriving)
            self._open += 1
        for chunk in arriving.chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(arriving.descriptor, view) :]
        arriving.chunks.clear()
        arriving.waiting = 0

    def _create(self, arriving: Arriving) -> int:
        target = os.path.join(self._root, arriving.path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._touched(arriving.path)
        try:
            return os.open(target, flags, 0o600)
        except FileExistsError:
            remove(target)  # never written over: hard links may share it
            return os.open(target, flags, 0o600)

    def _write(self, arriving: Arriving) -> None:
        spilled = arriving.descriptor >= 0
        if not spilled:
            arriving.descriptor = self._create(arriving)
        descriptor = arriving.descriptor
        try:
            if arriving.chunks:
                data = arriving.chunks[0] if len(arriving.chunks) == 1 else b"".join(arriving.chunks)
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
            os.fchmod(descriptor, stat.S_IMODE(arriving.mode))
            os.utime(descriptor, ns=(arriving.stat.modTime, arriving.stat.modTime))
        finally:
            os.close(descriptor)
            self._open -= spilled
        found = arriving.stat
        if found.uid or found.gid or found.xattrs:
            self._dress(os.path.join(self._root, arriving.path), found)
        if arriving.size != max(found.size, 0):
            self._dropped.add(arriving.index)  # it changed while it was sent: ask again next time

    # The end

    def _finish(self) -> None:
        if self._gone or not self._listing.clean:
            self._begin()
            self._remove_gone()
        for index, path, target in self._links:
            name = os.path.join(self._root, path)
            self._replace(path, name)
            os.link(os.path.join(self._root, target), name, follow_symlinks=False)
            if self._files[target] in self._dropped:
                self._dropped.add(index)
        if self._changed:
            self._set_times()
            kept = (packet for index, packet in enumerate(self._list) if index not in self._dropped)
            self._listing.save(list(kept) if self._dropped else self._list)
        self.finished = True

    def _remove_gone(self) -> None:
        """Only where the parent still is a directory: below what was replaced, all is gone already."""
        stats = (self._decode(packet).stat for packet in self._list)
        directories = {bytes(s.path) for s in stats if s.mode & filemode.DIR}
        directories.add(b"")
        for path in self._gone:
            if path.rpartition(b"/")[0] in directories:
                self._replace(path, os.path.join(self._root, path))

    def _set_times(self) -> None:
        """Of directories, after the last change inside them."""
        wanted = dict(self._directories)
        missing = self._stale - wanted.keys() - {b""}
        if missing:
            stats = (self._decode(packet).stat for packet in self._list)
            wanted |= {found.path: found for found in stats if found.path in missing}
        for path, found in wanted.items():
            os.utime(os.path.join(self._root, path), ns=(found.modTime, found.modTime))
