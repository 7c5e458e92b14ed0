"""What COPY and ADD take from a tree: BuildKit's rules. Pure."""

from sampan.engine.builder.graph import Copy
from sampan.engine.builder.trees import Selected, Tree


def select(tree: Tree, copy: Copy) -> Selected:
    """What `copy` takes. Raises NotFound with BuildKit's words, Invalid for a bad pattern.

    `pairs`: (path in the tree, path below dest); with `into_directory` false and one source that is a file, the
    path below dest is "" (it becomes dest itself). A directory that is a source gives its content, and itself as
    (path, "") first, whose mode and owner dest gets when it is made. Links in the sources' parents, and sources
    that are links themselves, are resolved inside the tree; links below them are copied as such. Pairs hold
    parents first, and a later source wins over an earlier one of the same name.
    With `unpack`, archives are pairs like other files: ask `archives.is_archive`.
    """
    raise NotImplementedError


def select_mount(tree: Tree, source: str) -> Selected:
    """All below `source`, for the key of a read-only `RUN --mount=type=bind`. Raises NotFound."""
    raise NotImplementedError


def summary(tree: Tree, selected: Selected) -> bytes:
    """Names and short digests of what was selected, compressed, to be kept in a cache record."""
    raise NotImplementedError


def explain_difference(before: bytes, after: bytes) -> str:
    """What changed between two summaries, in words: "app/main.py changed", "2 files added (a, b)"; "": nothing."""
    raise NotImplementedError
