"""Contexts from git, and ADD of a repository: a commit's files, kept by commit.

data/build/git/<sha256 of remote, commit, subdirectory and options>/files is such a checkout. A name (branch,
tag) is asked about in every build; a commit that is here costs no more than that question.
"""

import hashlib
import os
import posixpath
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

from sampan.builder.requester import Requester
from sampan.builder.sources import git_remote
from sampan.builder.sources.agent import forwarded_agent
from sampan.builder.sources.directories import ARRIVING, Kept
from sampan.builder.sources.git_checkout import CheckedOut, Store, check_out, commit_of, tree_at
from sampan.builder.sources.git_remote import Access
from sampan.builder.sources.git_urls import GitUrl
from sampan.builder.sources.http import shown
from sampan.engine.images import threads
from sampan.errors import Failed, Invalid, NotFound, SampanError
from sampan.http.transport import Proxies
from sampan.linux import durable
from sampan.paths import Paths

if TYPE_CHECKING:
    from dulwich.repo import Repo

KEPT = 4 << 30  # bytes of all checkouts that no build uses
NESTED = 8  # submodules in submodules
Report = Callable[[str, int, int], None]


class _Stopped(SampanError):
    """Nobody waits for the thread any more."""


@dataclass(frozen=True)
class _Wish:
    """One checkout."""

    remote: str
    commit: str
    subdir: str
    keep_git_dir: bool
    submodules: bool

    @property
    def key(self) -> str:
        parts = (self.remote, self.commit, self.subdir, str(self.keep_git_dir), str(self.submodules))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:40]


class Repositories:
    """One per engine."""

    def __init__(self, paths: Paths, proxies: Proxies | None = None) -> None:
        self.kept = Kept(paths, paths.build_git, "git", KEPT)
        self._paths = paths
        self._proxies = proxies

    async def check_out(
        self,
        url: GitUrl,
        stack: AsyncExitStack,
        *,
        requester: Requester,
        keep_git_dir: bool = False,
        checksum: str = "",
        report: Report | None = None,
    ) -> Path:
        """A directory with the commit's files, in place until `stack` is closed.

        `checksum`: the commit, or how it begins. Raises Failed, Invalid, NotFound, Unauthorized. Cancelled,
        it returns at once; a thread that waits for the server ends with its next answer and leaves nothing.
        """
        # A path that leaves is cut off at the root, as everywhere.
        subdir = posixpath.normpath("/" + url.subdir).lstrip("/")
        expected = checksum or url.checksum
        async with self._access(url.remote, requester) as access:
            commit = url.ref
            if not git_remote.is_commit(commit):
                commit = await threads.start(lambda: git_remote.resolve(url.remote, url.ref, access), "git")
            if expected and not commit.startswith(expected.lower()):
                raise Failed(f"expected checksum to match {expected}, got {commit}")
            wish = _Wish(url.remote, commit, subdir, keep_git_dir, url.submodules)
            place = self.kept.use(wish.key, stack)
            if not (place / "files").is_dir():
                if report is not None:
                    report(f"fetching {commit[:12]}", 0, 0)
                await threads.start(lambda: self._make(wish, place, access), "git")
        return place / "files"

    @asynccontextmanager
    async def _access(self, remote: str, requester: Requester) -> AsyncIterator[Access]:
        stopped = threading.Event()

        def goes_on() -> None:
            if stopped.is_set():
                raise _Stopped("canceled")

        access = Access(self._proxies or Proxies.of_environment(), goes_on=goes_on)
        try:
            if git_remote.uses_ssh(remote):
                async with forwarded_agent(requester, self._paths.build_contexts) as agent:
                    known = str(Path(agent).parent / "known_hosts")
                    yield replace(access, agent=agent, known_hosts=known)
            else:
                host = urlsplit(remote).hostname or ""
                yield replace(access, authorization=await _authorization(host, requester))
        finally:
            stopped.set()

    # In a thread

    def _make(self, wish: _Wish, place: Path, access: Access) -> None:
        arriving = place / f"{ARRIVING}{uuid4().hex}"
        try:
            files = arriving / "files"
            files.mkdir(parents=True, mode=0o755)
            size = self._fill(wish, arriving, files, access, 0)
            access.goes_on()
            durable.sync_filesystem(files)  # once it has its name, it is believed to be whole
            with suppress(OSError):  # another build was faster
                os.rename(files, place / "files")
            self.kept.written(place, size)
        except SampanError:
            raise
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise Failed(f"failed to check out {shown(wish.remote)}: {why}") from None
        except Exception as error:  # whatever dulwich makes of a broken object
            raise Failed(
                f"failed to check out {shown(wish.remote)}: {error or type(error).__name__}"
            ) from None
        finally:
            self.kept.discard(arriving)

    def _fill(self, wish: _Wish, directory: Path, files: Path, access: Access, depth: int) -> int:
        """The wish's files into an empty directory; returns the number of their bytes."""
        from dulwich.repo import Repo

        keep = wish.keep_git_dir and not wish.subdir
        where = directory / f"repository-{uuid4().hex}"
        where.mkdir()
        with Repo.init_bare(str(where)) as repository:
            git_remote.fetch(wish.remote, wish.commit, repository, access)
            commit = commit_of(repository.object_store, wish.commit.encode())
            tree = tree_at(repository.object_store, commit, wish.subdir)
            seconds = int(commit.commit_time)
            done = check_out(repository.object_store, tree, str(files), seconds, access.goes_on)
            if done.links and wish.submodules:
                modules = _modules(repository.object_store, commit.tree, wish, done)
                for path, module in modules:
                    inner = files / os.fsdecode(path)
                    done.size += self._submodule(module, directory, inner, access, depth)
            if keep:
                _keep_git_dir(repository, where, files, commit.id, wish.remote, done)
        return done.size

    def _submodule(self, wish: _Wish, directory: Path, files: Path, access: Access, depth: int) -> int:
        if depth >= NESTED:
            raise Failed(f"submodules of {shown(wish.remote)} are more than {NESTED} deep")
        return self._fill(wish, directory, files, access, depth + 1)


async def _authorization(host: str, requester: Requester) -> str:
    """GIT_AUTH_HEADER and GIT_AUTH_TOKEN, those with ".<host>" first: as BuildKit."""
    for name in (f"GIT_AUTH_HEADER.{host}", f"GIT_AUTH_TOKEN.{host}", "GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"):
        with suppress(NotFound):
            secret = (await requester.secret(name)).decode("utf-8", "replace").strip()
            return secret if "HEADER" in name else git_remote.token_header(secret)
    return ""


def _modules(store: Store, tree: Any, wish: _Wish, done: CheckedOut) -> list[tuple[bytes, _Wish]]:
    """What .gitmodules says of the submodules that are in the checkout. Raises Failed, Invalid."""
    from io import BytesIO

    from dulwich.config import ConfigFile, parse_submodules
    from dulwich.object_store import tree_lookup_path

    try:
        _, id = tree_lookup_path(store.__getitem__, tree, b".gitmodules")
        text = store[id].as_raw_string()
    except KeyError:
        return []
    found = []
    prefix = os.fsencode(wish.subdir) + b"/" if wish.subdir else b""
    for path, url, _ in parse_submodules(ConfigFile.from_file(BytesIO(text))):
        inside = path.removeprefix(prefix) if path.startswith(prefix) else b""
        if inside in done.links:
            remote = _submodule_url(wish.remote, url.decode("utf-8", "surrogateescape"))
            found.append((inside, _Wish(remote, done.links[inside].decode(), "", False, True)))
    return found


def _submodule_url(remote: str, url: str) -> str:
    """Relative ones are relative to the repository's own URL. Raises Invalid for what is no server's."""
    if url.startswith(("./", "../")):
        if "://" in remote:
            return urljoin(remote.rstrip("/") + "/", url)
        host, _, path = remote.partition(":")
        return f"{host}:{posixpath.normpath(posixpath.join(path, url))}"
    if url.startswith(("https://", "http://", "git://", "ssh://")) or (
        "@" in url and ":" in url and "://" not in url
    ):
        return url
    raise Invalid(f"submodule of {shown(remote)} with an unsupported URL: {url}")


def _keep_git_dir(
    bare: "Repo", where: Path, files: Path, commit: bytes, remote: str, done: CheckedOut
) -> None:
    """A .git as after a shallow clone, HEAD detached, without hooks and credentials."""
    import shutil

    from dulwich.index import IndexEntry
    from dulwich.repo import Repo

    bare.close()
    shutil.rmtree(where / "hooks", ignore_errors=True)
    shutil.rmtree(where / "branches", ignore_errors=True)
    os.rename(where, files / ".git")
    (files / ".git" / "HEAD").write_bytes(commit + b"\n")
    with Repo(str(files)) as repository:
        config = repository.get_config()
        config.set((b"core",), b"bare", False)
        if not urlsplit(remote).username or "://" not in remote:
            config.set((b"remote", b"origin"), b"url", remote.encode())
            config.set((b"remote", b"origin"), b"fetch", b"+refs/heads/*:refs/remotes/origin/*")
        config.write_to_path()
        index = repository.open_index()
        for path, mode, id in done.files:
            found = os.lstat(os.fsencode(files) + b"/" + path)
            # Nothing of this machine: inode and ctime would be others in the image anyway.
            time = int(found.st_mtime)
            index[path] = IndexEntry(0, time, 0, 0, mode, 0, 0, found.st_size, cast(Any, id))
        index.write()
