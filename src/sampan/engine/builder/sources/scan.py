"""List a directory of the host, with the digests of its files."""

from collections.abc import Sequence
from pathlib import Path

from sampan.engine.builder.sources.digests import Digests
from sampan.engine.builder.sources.patterns import Matcher
from sampan.engine.builder.trees import Tree


def scan(
    directory: str | Path,
    *,
    ignore: Matcher | None = None,
    paths: Sequence[str] = (),
    digests: Digests | None = None,
    keep_owners: bool = False,
) -> Tree:
    """The tree below `directory`. Blocks: call it in a thread. Raises NotFound, Failed.

    `ignore`: what is not to be seen. `paths`: if any, only what lies below these (patterns, links followed).
    Owners are 0:0 unless `keep_owners`. Sockets are left out. Nothing but regular files is opened, and nothing
    outside `directory`, whatever changes meanwhile; a file that changes while it is read is read again.
    """
    raise NotImplementedError
