"""--userns=auto: a range of 65536 ids of the host that no other container uses.

user_namespaces(7). Files are not shifted on disk: the container's init mounts them idmapped.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sampan.errors import Unavailable
from sampan.specs.oci.runtime import IdMapping

SIZE = 65536
# Below 2^31, above what systemd gives to its own containers (UIDs, GIDs, systemd.io/UIDS-GIDS): nobody's.
FIRST, LAST = 0x70000000, 0x7FFF0000
# Who may own a line of /etc/subuid that is meant for us, if an administrator wrote one; subuid(5).
OWNERS = ("sampan", "containers")


@dataclass(frozen=True)
class IdRange:
    first: int
    size: int = SIZE

    def mappings(self) -> list[IdMapping]:
        return [{"containerID": 0, "hostID": self.first, "size": self.size}]


def delegated(subuid: str, subgid: str) -> list[tuple[int, int]]:
    """(first, count) of the ranges given to us in both files."""
    return sorted(set(_ranges(subuid)) & set(_ranges(subgid)))


def _ranges(text: str) -> list[tuple[int, int]]:
    found = []
    for line in text.splitlines():
        owner, _, numbers = line.strip().partition(":")
        first, _, count = numbers.partition(":")
        if owner in OWNERS and first.isdecimal() and count.isdecimal():
            found.append((int(first), int(count)))
    return found


def choose(used: Iterable[int], ranges: Iterable[tuple[int, int]] = ()) -> IdRange:
    """The lowest free range; `used` are the first ids of those in use. Raises Unavailable when all are."""
    taken = set(used)
    for first, count in list(ranges) or [(FIRST, LAST - FIRST)]:
        for start in range(first, first + count - SIZE + 1, SIZE):
            if start not in taken:
                return IdRange(start)
    raise Unavailable("no free range of user ids is left for --userns=auto")


def read_delegated() -> list[tuple[int, int]]:
    return delegated(*(_read(path) for path in ("/etc/subuid", "/etc/subgid")))


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
