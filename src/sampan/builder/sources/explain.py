"""What has changed between two selections of files, in words. Pure.

A summary is small enough to be kept with a step in the cache: a line for each file, or for each directory
where there are many, compressed.
"""

import stat
import zlib
from collections.abc import Mapping, Sequence

from sampan.builder.trees import Selected, Tree

LIMIT = 10_000  # lines; beyond, directories are summed up
SHOWN = 3  # names
MAX_SIZE = 16 << 20


def summary(tree: Tree, selected: Selected) -> bytes:
    """Names, modes, owners and check sums of what was selected."""
    lines: dict[str, tuple[str, str, int]] = {}
    for path, _ in selected.pairs:
        if path not in tree.entries:
            continue
        entry = tree.entries[path]
        content = entry.digest.encode("utf-8", "surrogateescape")
        if entry.xattrs or entry.rdev:
            content += repr((entry.rdev, entry.xattrs)).encode()
        lines[path] = (f"{entry.mode:o}", f"{entry.uid}:{entry.gid}", zlib.crc32(content))
    for depth in (3, 2, 1):
        if len(lines) <= LIMIT:
            break
        lines = _summed(lines, depth)
    text = "".join(
        f"{mode} {owner} {check:08x} {path}\0" for path, (mode, owner, check) in sorted(lines.items())
    )
    return zlib.compress(text.encode("utf-8", "surrogateescape"), 1)


def _summed(lines: dict[str, tuple[str, str, int]], depth: int) -> dict[str, tuple[str, str, int]]:
    """One line, named "a/b/", for all that lies deeper than `depth` directories."""
    sums: dict[str, tuple[str, str, int]] = {}
    for path, line in lines.items():
        parts = path.split("/")
        name = path if len(parts) < depth else "/".join(parts[:depth]).rstrip("/") + "/"
        if name == path:
            sums[path] = line
        else:
            before = sums.get(name, ("", "", 0))[2]
            sums[name] = ("0", "0:0", zlib.crc32(repr((path, line)).encode("utf-8", "replace"), before))
    return sums


def explain_difference(before: bytes, after: bytes) -> str:
    """In words: "app/main.py changed", "2 files were added: a, b"; "": nothing, or nothing that is known."""
    old, new = _parse(before), _parse(after)
    changed: list[str] = []
    modes: dict[str, str] = {}
    owners: dict[str, str] = {}
    for path in sorted(old.keys() & new.keys()):
        (old_mode, old_owner, old_check), (mode, owner, check) = old[path], new[path]
        if check != old_check or _kind(mode) != _kind(old_mode):
            changed.append(path)
        elif mode != old_mode:
            modes[path] = f" ({_permissions(old_mode)} -> {_permissions(mode)})"
        elif owner != old_owner:
            owners[path] = f" ({old_owner} -> {owner})"
    parts = [
        _listed(changed, "changed", "changed"),
        _listed(sorted(new.keys() - old.keys()), "was added", "were added"),
        _listed(sorted(old.keys() - new.keys()), "was removed", "were removed"),
        _listed(list(modes), "has another mode", "have other modes", modes),
        _listed(list(owners), "has another owner", "have other owners", owners),
    ]
    return "; ".join(part for part in parts if part)


def _listed(names: Sequence[str], one: str, several: str, details: Mapping[str, str] | None = None) -> str:
    if not names:
        return ""
    details = details or {}
    if len(names) == 1:
        return f"{names[0] or '.'} {one}{details.get(names[0], '')}"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    shown = ", ".join((name or ".") + details.get(name, "") for name in names[:SHOWN])
    return f"{len(names)} files {several}: {shown}{more}"


def _parse(data: bytes) -> dict[str, tuple[str, str, str]]:
    try:
        text = zlib.decompressobj().decompress(data, MAX_SIZE).decode("utf-8", "replace")
    except zlib.error:
        return {}
    found = {}
    for line in text.split("\0"):
        parts = line.split(" ", 3)
        if len(parts) == 4:
            found[parts[3]] = (parts[0], parts[1], parts[2])
    return found


def _kind(mode: str) -> int:
    try:
        return stat.S_IFMT(int(mode, 8))
    except ValueError:
        return 0


def _permissions(mode: str) -> str:
    try:
        return f"{stat.S_IMODE(int(mode, 8)):o}"
    except ValueError:
        return mode
