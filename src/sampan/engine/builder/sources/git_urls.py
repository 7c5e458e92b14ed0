"""Which strings are git repositories, and what of them is meant. Pure. As moby's and BuildKit's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GitUrl:
    remote: str  # without #... and ?...
    ref: str = ""  # branch, tag, commit, refs/...; "": the default branch
    subdir: str = ""
    checksum: str = ""
    keep_git_dir: bool | None = None
    submodules: bool = True


def parse(text: str) -> GitUrl | None:
    """None when `text` names no git repository. Raises Invalid for a bad query."""
    raise NotImplementedError


def is_git(text: str) -> bool:
    """For ADD and contexts: whether this is fetched with git rather than http."""
    raise NotImplementedError
