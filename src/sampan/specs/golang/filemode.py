"""Go's fs.FileMode, in which fsutil and `docker cp` send modes, and st_mode. https://pkg.go.dev/io/fs#FileMode"""

import stat

DIR = 1 << 31
SYMLINK = 1 << 27
DEVICE = 1 << 26
FIFO = 1 << 25
SOCKET = 1 << 24
SETUID = 1 << 23
SETGID = 1 << 22
CHAR_DEVICE = 1 << 21
STICKY = 1 << 20
IRREGULAR = 1 << 19
TYPE = DIR | SYMLINK | DEVICE | FIFO | SOCKET | CHAR_DEVICE | IRREGULAR

_KINDS = {
    0: stat.S_IFREG,
    DIR: stat.S_IFDIR,
    SYMLINK: stat.S_IFLNK,
    DEVICE: stat.S_IFBLK,
    DEVICE | CHAR_DEVICE: stat.S_IFCHR,
    FIFO: stat.S_IFIFO,
    SOCKET: stat.S_IFSOCK,
}
_TO_GO = {kind: go for go, kind in _KINDS.items()}
_BITS = ((SETUID, stat.S_ISUID), (SETGID, stat.S_ISGID), (STICKY, stat.S_ISVTX))


def to_unix(mode: int) -> int:
    """Raises ValueError for an unknown kind of file."""
    kind = _KINDS.get(mode & TYPE)
    if kind is None:
        raise ValueError(f"mode {mode:o} is of no known kind of file")
    found = kind | mode & 0o777
    for go, bit in _BITS:
        if mode & go:
            found |= bit
    return found


def from_unix(mode: int) -> int:
    """Go's, of an st_mode; type included. Raises KeyError for an unknown kind of file."""
    found = _TO_GO[stat.S_IFMT(mode)] | mode & 0o777
    for go, bit in _BITS:
        if mode & bit:
            found |= go
    return found
