"""EROFS as a layer's second form: a metadata image, the index, whose files' data lie in the layer's tar.

Documentation/filesystems/erofs.rst; fs/erofs/erofs_fs.h for the structures. Mounting the files themselves,
without loop devices, takes Linux 6.12 (CONFIG_EROFS_FS_BACKED_BY_FILE) and a file system that can map blocks:
tmpfs and overlayfs cannot.
"""

from __future__ import annotations

import os
import struct

from sampan.linux import mount as m

# Tar members start at multiples of 512 bytes: so does everything in the image.
BLOCK_BITS = 9
BLOCK = 1 << BLOCK_BITS
MAGIC = 0xE0F5E1E2
SUPER_OFFSET = 1024
# struct erofs_super_block, up to packed_nid.
SUPER = struct.Struct("<IIIBBHQQIIII16s16sIHHHBBIQ24x")
FEATURE_COMPAT_MTIME = 0x2
FEATURE_INCOMPAT_DEVICE_TABLE = 0x8
# struct erofs_deviceslot: tag, blocks, and where in the image's block addresses the device begins.
DEVICE = struct.Struct("<64sII56x")
# struct erofs_inode_extended: format, xattr count, mode, -, size, block or rdev, ino, uid, gid, mtime, its
# nanoseconds, nlink.
INODE = struct.Struct("<HHHHQIIIIQII16x")
LAYOUT_PLAIN = 0 << 1
LAYOUT_INLINE = 2 << 1
EXTENDED = 1
SLOT = 32  # what an inode's number counts in
DIRENT = struct.Struct("<QHBx")  # nid, offset of the name in the block, file type
XATTR_HEADER = 12
XATTR_ENTRY = struct.Struct("<BBH")  # length of the name without its prefix, prefix, length of the value
XATTR_PREFIXES = {b"user.": 1, b"trusted.": 4, b"security.": 6}

_SCHEME = "erofs:"


def lower(index: str, tar: str) -> str:
    """How a layer in this form is written in a list of an overlay's lower directories."""
    return f"{_SCHEME}{index}:{tar}"


def parse_lower(text: str) -> tuple[str, str] | None:
    """The index and the tar of a layer; None for a directory. Our own paths hold no colon."""
    if not text.startswith(_SCHEME):
        return None
    index, _, tar = text[len(_SCHEME) :].partition(":")
    return index, tar


def directory(text: str) -> str:
    """Where a lower's files lie, for people to see."""
    parsed = parse_lower(text)
    return text if parsed is None else os.path.dirname(parsed[0])


def mount(index: str, tar: str) -> int:
    """The layer as an unattached, read-only mount. Raises OSError (ENOTBLK: not on this file system)."""
    return m.create("erofs", [("device", tar)], m.MOUNT_ATTR_RDONLY, index)
