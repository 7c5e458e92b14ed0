"""A build's sources, opened for as long as the build runs."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from sampan.engine.builder.graph import GitSource, HttpSource, LocalSource
from sampan.engine.builder.options import BuildOptions
from sampan.engine.builder.requester import Requester
from sampan.engine.builder.trees import Tree
from sampan.images.registry.transport import Proxies
from sampan.paths import Paths

# (what, bytes or objects so far, of how many; 0: not known)
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class DockerfileText:
    """`name` as errors show it. `data` are its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class IgnoreFile:
    """`name`: ".dockerignore" or "<Dockerfile>.dockerignore"; "" when there is none."""

    name: str = ""
    data: bytes = b""
    patterns: tuple[str, ...] = ()


class Sources:
    """One an engine. Caches below data/build/; temporary directories of builds that are gone are removed at `start`."""

    def __init__(self, paths: Paths, proxies: Proxies | None = None) -> None:
        raise NotImplementedError

    async def start(self) -> None:
        """Remove what builds of an earlier daemon have left."""
        raise NotImplementedError

    def open(
        self, options: BuildOptions, requester: Requester
    ) -> "AbstractAsyncContextManager[BuildSources]":
        """For one build. On leaving, whatever happened, its temporary files are gone."""
        raise NotImplementedError

    async def disk_usage(self) -> list[tuple[str, int, float]]:
        """What is cached of git and http: (id, bytes, when last used). For du."""
        raise NotImplementedError

    async def prune(self, ids: list[str]) -> int:
        """Remove those; returns the bytes freed."""
        raise NotImplementedError


class BuildSources:
    """Everything is fetched at most once a build; two that ask for the same thing wait for one fetch.

    Trees and their roots stay until the build ends.
    """

    async def dockerfile(self, report: Report | None = None) -> DockerfileText:
        """options.dockerfile, from wherever options say. Raises NotFound with BuildKit's words, Failed."""
        raise NotImplementedError

    async def ignore(self, report: Report | None = None) -> IgnoreFile:
        """The ignore file that counts for the main context. Raises Invalid for bad patterns."""
        raise NotImplementedError

    async def tree(
        self, operation: LocalSource | GitSource | HttpSource, report: Report | None = None
    ) -> Tree:
        """The files of a source step, always with a HostRoot.

        LocalSource named "context" is options.context WHATEVER that is (local:, upload:, a git or http URL), and a
        name in options.contexts is what that says, likewise (local:, git, http): a plan needs no other kind
        for contexts. Names of neither are asked of the requester. The ignore file is applied to them as BuildKit does.
        A HttpSource is one file at the root of its tree, 0600.
        """
        raise NotImplementedError
