"""Archives that ADD unpacks: told by content, delivered as a plain tar."""

from collections.abc import Iterator

from sampan.engine.builder.trees import HostRoot


def is_archive(root: HostRoot, path: str) -> bool:
    """Whether the regular file is a tar, plain or compressed (gzip, bzip2, xz, zstd). Blocks."""
    raise NotImplementedError


def plain_tar(root: HostRoot, path: str) -> Iterator[bytes]:
    """The archive's uncompressed bytes. Blocks while iterated. Raises Failed when it is broken."""
    raise NotImplementedError
