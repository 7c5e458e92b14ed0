"""A build's sources, opened for as long as the build runs."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import GitSource, HttpSource, LocalSource
from sampan.builder.requester import Requester
from sampan.builder.sources import dockerfile, git_urls
from sampan.builder.sources.context_tar import Received, receive
from sampan.builder.sources.digests import Digests
from sampan.builder.sources.dockerfile import DockerfileText, IgnoreFile
from sampan.builder.sources.git import Repositories
from sampan.builder.sources.http import Downloads
from sampan.builder.sources.scan import scan
from sampan.builder.trees import Tree
from sampan.engine.trash import discard
from sampan.errors import (
    Denied,
    Failed,
    Invalid,
    NotFound,
    SampanError,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from sampan.http.transport import Proxies
from sampan.paths import Paths
from sampan.specs.docker.ignore.file import NAME as IGNORE_FILE
from sampan.specs.docker.ignore.patterns import Matcher
from sampan.specs.golang.numbers import TRUE
from sampan.specs.golang.path import inside

T = TypeVar("T")
# (what, bytes or objects so far, of how many; 0: not known)
Report = Callable[[str, int, int], None]
TRANSFER = "transferring"
SHOWN = 1000  # characters of patterns in an error


class Sources:
    """One per engine. Caches below data/build/; what builds of an earlier daemon left goes at `start`."""

    def __init__(self, paths: Paths, proxies: Proxies | None = None) -> None:
        self.paths = paths
        self.digests = Digests(paths.build_digests)
        self.downloads = Downloads(paths, proxies)
        self.repositories = Repositories(paths, proxies)

    async def start(self) -> None:
        """Remove what builds of an earlier daemon have left."""
        await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        self.paths.trash.mkdir(parents=True, exist_ok=True)
        discard(self.paths, self.paths.build_contexts)
        self.downloads.kept.clear()
        self.repositories.kept.clear()

    @asynccontextmanager
    async def open(self, options: BuildOptions, requester: Requester) -> AsyncIterator["BuildSources"]:
        """For one build. On leaving, whatever happened, its temporary files are gone."""
        async with AsyncExitStack() as stack:
            sources = BuildSources(self, options, requester, stack)
            try:
                yield sources
            finally:
                await sources.stop()

    async def disk_usage(self) -> list[tuple[str, int, float]]:
        """What is cached of git and http: (id, bytes, when last used). For du."""
        found = await asyncio.to_thread(lambda: self.downloads.kept.usage() + self.repositories.kept.usage())
        return sorted(found)

    async def prune(self, ids: list[str]) -> int:
        """Remove those; returns the bytes freed."""
        return await asyncio.to_thread(
            lambda: self.downloads.kept.prune(ids) + self.repositories.kept.prune(ids)
        )


@dataclass(frozen=True)
class _Place:
    """A directory that a build takes files from. `lone`: it holds one file, which is the Dockerfile."""

    path: Path
    local: bool = False  # it is the requester's: the ignore file counts
    filtered: bool = False
    keep_owners: bool = False
    lone: str = ""


class BuildSources:
    """Everything is fetched at most once a build; two that ask for the same thing wait for one fetch.

    Trees and their roots stay until the build ends.
    """

    def __init__(
        self, sources: Sources, options: BuildOptions, requester: Requester, stack: AsyncExitStack
    ) -> None:
        self._sources = sources
        self._options = options
        self._requester = requester
        self._stack = stack
        self._tasks: dict[Any, asyncio.Task[Any]] = {}

    async def stop(self) -> None:
        """Cancel what is still fetched, and wait for it."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _once(self, key: Any, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(work())
        found: T = await asyncio.shield(task)
        return found

    # The Dockerfile

    async def dockerfile(self, report: Report | None = None) -> DockerfileText:
        """options.dockerfile, from wherever options say. Raises NotFound with BuildKit's words, Failed."""
        return await self._once("dockerfile", lambda: self._dockerfile(report))

    async def _dockerfile(self, report: Report | None) -> DockerfileText:
        name = self._options.dockerfile or dockerfile.DEFAULT
        try:
            place = await self._dockerfile_place(report)
        except SampanError as error:
            raise _prefixed(error, "failed to read dockerfile: ") from error
        if place.lone:
            found = await asyncio.to_thread(dockerfile.read_dockerfile, place.path, place.lone)
            return DockerfileText(name=name, data=found.data)
        return await asyncio.to_thread(dockerfile.read_dockerfile, place.path, name)

    async def _dockerfile_place(self, report: Report | None) -> _Place:
        options = self._options
        source = options.dockerfile_source
        if source == options.context and not source.startswith("local:"):
            return await self._main(report)
        if not source.startswith("local:"):
            return await self._remote(source, report)
        name = options.dockerfile or dockerfile.DEFAULT
        paths = dockerfile.wanted(name)
        return await self._once(
            ("dockerfile place", source),
            lambda: self._directory(source, report, "dockerfile", follow=paths),
        )

    async def ignore(self, report: Report | None = None) -> IgnoreFile:
        """The ignore file that counts for the main context. Raises Invalid for bad patterns."""
        return await self._once("ignore", lambda: self._ignore(report))

    async def _ignore(self, report: Report | None) -> IgnoreFile:
        """<Dockerfile>.dockerignore beside the Dockerfile wins over .dockerignore in the context.

        Contexts that are no directory of the requester have none that counts.
        """
        if not self._options.context.startswith("local:"):
            return IgnoreFile()
        name = f"{self._options.dockerfile or dockerfile.DEFAULT}.dockerignore"
        place = await self._dockerfile_place(report)
        found = None if place.lone else await asyncio.to_thread(dockerfile.read_ignore, place.path, name)
        if found is None:
            found = await self._ignore_of(self._options.context, report)
        _check(found)
        return found

    async def _ignore_of(self, context: str, report: Report | None) -> IgnoreFile:
        place = await self._directory(context, report, "context", follow=(IGNORE_FILE,))
        found = await asyncio.to_thread(dockerfile.read_ignore, place.path, IGNORE_FILE)
        return found or IgnoreFile()

    # Trees

    async def tree(
        self, operation: LocalSource | GitSource | HttpSource, report: Report | None = None
    ) -> Tree:
        """The files of a source step, always with a HostRoot.

        LocalSource named "context" is options.context WHATEVER that is (local:, upload:, a git or http URL),
        and a name in options.contexts is what that says, likewise (local:, git, http): a plan needs no other
        kind for contexts. Names of neither are asked of the requester. Ignore files are applied as BuildKit
        does: to directories of the requester. A HttpSource is one file at the root of its tree, 0600.
        """
        return await self._once(("tree", operation), lambda: self._tree(operation, report))

    async def _tree(self, operation: LocalSource | GitSource | HttpSource, report: Report | None) -> Tree:
        if isinstance(operation, GitSource | HttpSource):
            try:
                return await self._added(operation, report)
            except SampanError as error:
                if error.message.startswith("digest mismatch"):
                    raise
                raise _prefixed(error, "failed to load cache key: ") from error
        if operation.name == "context":
            tree = await self._context_tree(operation.paths, report)
        else:
            tree = await self._named_tree(operation, report)
        return replace(tree, dated=False)

    async def _added(self, operation: GitSource | HttpSource, report: Report | None) -> Tree:
        """What ADD names by a URL."""
        if isinstance(operation, GitSource):
            path = await self._git(operation.url, report, operation.keep_git_dir, operation.checksum)
            return await self._scan(path, None, ())
        return await self._sources.downloads.fetch(
            operation.url,
            self._stack,
            requester=self._requester,
            filename=operation.filename,
            checksum=operation.checksum,
            report=report,
        )

    async def _context_tree(self, paths: tuple[str, ...], report: Report | None) -> Tree:
        if not self._options.context.startswith("local:"):
            place = await self._main(report)
            return await self._scan(place.path, await self._hidden(place.path), paths, place.keep_owners)
        ignore = await self.ignore()
        return await self._local_tree(self._options.context, ignore.patterns, paths, report)

    async def _hidden(self, path: Path) -> Matcher | None:
        """See BuildOptions.hides_dockerfile."""
        if not self._options.hides_dockerfile:
            return None
        found = await asyncio.to_thread(dockerfile.read_ignore, path, IGNORE_FILE)
        if found is None:
            return None
        _check(found)
        ignored = Matcher(found.patterns)
        names = (self._options.dockerfile or dockerfile.DEFAULT, IGNORE_FILE)
        return Matcher([name for name in names if ignored.matches(name)])

    async def _named_tree(self, operation: LocalSource, report: Report | None) -> Tree:
        value = self._options.contexts.get(operation.name, f"local:{operation.name}")
        if value.startswith("local:"):
            ignore = await self._ignore_of(value, None)
            _check(ignore)
            return await self._local_tree(value, ignore.patterns, operation.paths, report)
        if git_urls.parse(value) is None and value.startswith(("http://", "https://")):
            # BuildKit: a named context from a URL is that one file, called "context".
            return await self._tree(HttpSource(url=value, filename="context"), report)
        place = await self._remote(value, report)
        return await self._scan(place.path, None, operation.paths, place.keep_owners)

    async def _local_tree(
        self, value: str, patterns: tuple[str, ...], paths: tuple[str, ...], report: Report | None
    ) -> Tree:
        place = await self._directory(value, report, "context", exclude=patterns, follow=paths)
        ignore = Matcher(patterns) if patterns and not place.filtered else None
        return await self._scan(place.path, ignore, paths)

    async def _scan(
        self, path: Path, ignore: Matcher | None, paths: tuple[str, ...], keep_owners: bool = False
    ) -> Tree:
        digests, stop = self._sources.digests, threading.Event()
        try:
            return await asyncio.to_thread(
                lambda: scan(
                    path, ignore=ignore, paths=paths, digests=digests, keep_owners=keep_owners, stop=stop
                )
            )
        finally:
            stop.set()  # nobody waits for the thread any more

    # Places

    async def _main(self, report: Report | None) -> _Place:
        """The main context, when it is no directory of the requester."""
        place = await self._remote(self._options.context, report)
        if not self._options.subdir:
            return place
        path = place.path / inside(self._options.subdir)
        if not path.is_dir() or not path.resolve().is_relative_to(place.path.resolve()):
            raise NotFound(f"path {self._options.subdir} not found in the build context")
        return replace(place, path=path)

    async def _remote(self, value: str, report: Report | None) -> _Place:
        return await self._once(("place", value), lambda: self._fetched(value, report))

    async def _fetched(self, value: str, report: Report | None) -> _Place:
        if value.startswith("upload:"):
            chunks = self._requester.upload(value.removeprefix("upload:"))
            return self._received(await receive(chunks, self._new_directory(), report))
        if git_urls.parse(value) is not None:
            return _Place(await self._git(value, report))
        if value.startswith(("http://", "https://")):
            async with self._sources.downloads.opened(value, self._requester, report) as chunks:
                return self._received(await receive(chunks, self._new_directory(), None))
        raise Invalid(f"unsupported context source {value.partition(':')[0]}")

    def _received(self, received: Received) -> _Place:
        return _Place(received.path, keep_owners=self._options.archive_owners, lone=received.lone)

    async def _git(
        self, url: str, report: Report | None, keep_git_dir: bool = False, checksum: str = ""
    ) -> Path:
        argument = self._options.build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR", "")
        found = git_urls.parse(url)
        if found is None:
            raise Invalid(f"invalid git context {url}")
        return await self._sources.repositories.check_out(
            found,
            self._stack,
            requester=self._requester,
            keep_git_dir=keep_git_dir or bool(found.keep_git_dir) or argument in TRUE,
            checksum=checksum,
            report=report,
        )

    async def _directory(
        self,
        value: str,
        report: Report | None,
        what: str,
        *,
        exclude: tuple[str, ...] = (),
        follow: tuple[str, ...] = (),
    ) -> _Place:
        def progress(size: int) -> None:
            if report is not None:
                report(f"{TRANSFER} {what}:", size, 0)

        opened = self._requester.directory(
            value.removeprefix("local:"), exclude=exclude, follow=follow, progress=progress
        )
        found = await self._stack.enter_async_context(opened)
        return _Place(found.path, local=True, filtered=found.filtered)

    def _new_directory(self) -> Path:
        """A new directory, removed when the build ends."""
        path = self._sources.paths.build_contexts / uuid4().hex
        try:
            path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            path.mkdir(mode=0o700)
        except OSError as error:
            raise Failed(f"mkdir {path}: {(error.strerror or '').lower()}") from None
        self._stack.callback(self._remove, path)
        return path

    def _remove(self, path: Path) -> None:
        if self._sources.paths.trash.is_dir():
            discard(self._sources.paths, path)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _prefixed(error: SampanError, prefix: str) -> SampanError:
    """The same failure, told as BuildKit tells where it happened."""
    kinds = (NotFound, Invalid, Denied, Unauthorized, Unavailable, Unsupported)
    kind = next((kind for kind in kinds if isinstance(error, kind)), Failed)
    return kind(prefix + error.message, hint=error.hint)


def _check(ignore: IgnoreFile) -> None:
    try:
        Matcher(ignore.patterns)
    except Invalid as error:
        shown = " ".join(ignore.patterns)
        shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
        raise Invalid(f"invalid excludepatterns: [{shown}]: {error}") from None
