"""A directory as a tar, without what .dockerignore names: for a daemon that does not see our files.

Everything belongs to root, as BuildKit has it; the Dockerfile and the ignore file themselves are always sent,
since the daemon reads them.
"""

from __future__ import annotations

import os
import stat

from sampan.cli.copying.pack import entry
from sampan.cli.errors import CliError
from sampan.errors import Invalid
from sampan.specs.docker.ignore.file import parse as parse_ignore
from sampan.specs.docker.ignore.patterns import Matcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_END = bytes(1024)


def context(directory: str, dockerfile: str) -> Iterator[bytes]:
    """`dockerfile`: its name there. Raises CliError."""
    ignored = _ignore_file(directory, dockerfile)
    names = {".dockerignore", f"{dockerfile}.dockerignore", dockerfile}
    return pack(directory, ignored, frozenset(names))


def dockerfile(directory: str, name: str) -> Iterator[bytes]:
    """Only what tells how to build."""
    for found in (name, name.lower(), f"{name}.dockerignore", ".dockerignore"):
        path = os.path.join(directory, found)
        if os.path.isfile(path):
            yield from entry(path, found, owner=(0, 0))
    yield _END


def everything(directory: str) -> Iterator[bytes]:
    return pack(directory, Matcher(()))


def _ignore_file(directory: str, dockerfile: str) -> Matcher:
    for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
        try:
            with open(os.path.join(directory, name), "rb") as file:
                return Matcher(parse_ignore(file.read()))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CliError(f"ERROR: open {name}: {(error.strerror or str(error)).lower()}") from None
        except Invalid as error:
            raise CliError(f"ERROR: failed to parse {name}: {error}") from None
    return Matcher(())


def pack(directory: str, ignored: Matcher, always: frozenset[str] = frozenset()) -> Iterator[bytes]:
    seen: dict[tuple[int, int], str] = {}
    try:
        for name, parents in _walk(directory, "", ignored, 0, always):
            for parent in parents:  # ignored themselves, but something in them is not
                yield from entry(os.path.join(directory, parent), parent, owner=(0, 0), seen=seen)
            yield from entry(os.path.join(directory, name), name, owner=(0, 0), seen=seen)
    except OSError as error:
        raise CliError(f"ERROR: {error.filename}: {(error.strerror or str(error)).lower()}") from None
    yield _END


def _walk(
    root: str, below: str, ignored: Matcher, state: int, always: frozenset[str]
) -> Iterator[tuple[str, list[str]]]:
    """(what is sent, ignored directories on the way to it that have not been sent yet), in name order."""
    with os.scandir(os.path.join(root, below) if below else root) as found:
        entries = sorted(found, key=lambda item: item.name)
    for item in entries:
        name = f"{below}/{item.name}" if below else item.name
        matched, inner = ignored.below(name, state)
        skipped = matched and name not in always
        directory = stat.S_ISDIR(item.stat(follow_symlinks=False).st_mode)
        if not skipped:
            yield name, []
        if directory and (not skipped or ignored.may_spare_below(name)):
            missing = [name] if skipped else []
            for inside, parents in _walk(root, name, ignored, inner, always):
                yield inside, missing + parents
                missing = []
