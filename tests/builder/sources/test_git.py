"""Against a server made of dulwich itself, on the loopback."""

import asyncio
import os
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain
from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import (
    HTTPGitApplication,
    WSGIRequestHandlerLogger,
    WSGIServerLogger,
    make_server,
    make_wsgi_chain,
)

from sampan.builder.options import BuildOptions
from sampan.builder.plan.graph import GitSource, LocalSource
from sampan.builder.requester import Connection
from sampan.builder.sources.git import _submodule_url
from sampan.builder.sources.sources import Sources
from sampan.builder.trees import HostRoot
from sampan.errors import Failed, Invalid, NotFound, SampanError, Unauthorized
from sampan.http.transport import Proxies
from sampan.paths import Paths
from tests.builder.sources.requesters import Memory

AUTHOR = b"A <a@example.com>"
CONTEXT = LocalSource(name="context")


class Quiet(WSGIRequestHandlerLogger):
    def log_message(self, *args: Any) -> None:
        pass

    def log_request(self, *args: Any) -> None:
        pass

    def log_exception(self, *args: Any) -> None:
        pass


class Server:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.repositories: dict[str, Repo] = {}
        self.authorization: str | None = None
        self.asked: list[str] = []
        self._backend = DictBackend(self.repositories)  # type: ignore[arg-type]
        chain = make_wsgi_chain(self._backend)
        self.httpd = make_server(
            "127.0.0.1", 0, self._guarded(chain), handler_class=Quiet, server_class=WSGIServerLogger
        )
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"

    def _guarded(self, chain: HTTPGitApplication) -> Any:
        def application(environ: dict[str, Any], start: Any) -> Any:
            self.asked.append(environ["PATH_INFO"])
            if self.authorization and environ.get("HTTP_AUTHORIZATION") != self.authorization:
                start("401 Unauthorized", [("WWW-Authenticate", "Basic realm=x"), ("Content-Length", "0")])
                return []
            return chain(environ, start)  # type: ignore[arg-type]

        return application

    def repository(self, name: str) -> Repo:
        made = Repo.init(str(self.directory / name), mkdir=True)
        self.repositories[f"/{name}"] = made
        return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    directory = tmp_path / "server"
    directory.mkdir()
    made = Server(directory)
    thread = threading.Thread(target=made.httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.httpd.shutdown()
    made.httpd.server_close()
    thread.join()
    for repository in made.repositories.values():
        repository.close()


@pytest.fixture
async def sources(tmp_path: Path) -> Sources:
    made = Sources(Paths(tmp_path / "data", tmp_path / "exec"), Proxies())
    await made.start()
    return made


def commit(repository: Repo, time: int, **files: str) -> str:
    root = Path(repository.path)
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        porcelain.add(repository, [str(path)])
    made = porcelain.commit(
        repository, message=b"x", author=AUTHOR, committer=AUTHOR, commit_timestamp=time, sign=False
    )
    return made.decode()


@pytest.fixture
def history(server: Server) -> tuple[str, str]:
    """Two commits: the first is tag v1 and branch old, the second the default branch."""
    repository = server.repository("r.git")
    (Path(repository.path) / "l").symlink_to("../../../etc/passwd")
    porcelain.add(repository, [str(Path(repository.path) / "l")])
    first = commit(repository, 1_700_000_000, Dockerfile="FROM one", sub__b="b")
    porcelain.tag_create(repository, b"v1", message=b"t", author=AUTHOR, annotated=True, sign=False)
    repository.refs[b"refs/heads/old"] = first.encode()  # type: ignore[index,assignment]
    return first, commit(repository, 1_700_000_100, Dockerfile="FROM two")


async def dockerfile(sources: Sources, url: str, requester: Memory | None = None) -> bytes:
    options = BuildOptions(context=url, dockerfile_source=url)
    async with sources.open(options, requester or Memory()) as build:
        return (await build.dockerfile()).data


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        ("", b"FROM two"),
        ("#v1", b"FROM one"),
        ("#old", b"FROM one"),
        ("#refs/tags/v1", b"FROM one"),
        ("?tag=v1", b"FROM one"),
        ("?branch=old", b"FROM one"),
        ("#{first}", b"FROM one"),
        ("#{second}", b"FROM two"),
        ("?ref=old&commit={first}", b"FROM one"),
    ],
)
async def test_names_and_commits(
    sources: Sources, server: Server, history: tuple[str, str], suffix: str, expected: bytes
) -> None:
    named = suffix.format(first=history[0], second=history[1])
    assert await dockerfile(sources, f"{server.url}/r.git{named}") == expected


async def test_files_are_as_committed(sources: Sources, server: Server, history: tuple[str, str]) -> None:
    url = f"{server.url}/r.git#v1"
    async with sources.open(BuildOptions(context=url, dockerfile_source=url), Memory()) as build:
        tree = await build.tree(CONTEXT)
    assert list(tree.entries) == ["", "Dockerfile", "l", "sub", "sub/b"]
    assert {entry.mtime_ns for entry in tree.entries.values()} == {1_700_000_000 * 10**9}
    assert tree.entries["l"].digest == "../../../etc/passwd"
    assert stat.S_IMODE(tree.entries["sub/b"].mode) == 0o644


async def test_a_subdirectory(sources: Sources, server: Server, history: tuple[str, str]) -> None:
    for suffix in ("#:sub", "#v1:sub/.", "?subdir=/sub", "#:../sub"):
        url = f"{server.url}/r.git{suffix}"
        async with sources.open(BuildOptions(context=url, dockerfile_source=url), Memory()) as build:
            assert list((await build.tree(CONTEXT)).entries) == ["", "b"]


@pytest.mark.parametrize(
    ("suffix", "kind", "message"),
    [
        ("#nothing", Failed, "repository does not contain ref nothing"),
        ("#:nothing", NotFound, "path nothing not found in the repository"),
        ("#:Dockerfile", NotFound, "path Dockerfile is no directory in the repository"),
        ("#:l", NotFound, "path l is no directory in the repository"),
        ("#" + "0" * 40, Failed, "failed to fetch remote"),
        ("?ref=v1&commit=abc", Failed, "expected checksum to match abc, got "),
    ],
)
async def test_what_is_not_there(
    sources: Sources,
    server: Server,
    history: tuple[str, str],
    suffix: str,
    kind: type[SampanError],
    message: str,
) -> None:
    with pytest.raises(kind, match=message):
        await dockerfile(sources, f"{server.url}/r.git{suffix}")
    assert await sources.disk_usage() == []


async def test_no_repository(sources: Sources, server: Server) -> None:
    with pytest.raises(Failed, match="repository not found"):
        await dockerfile(sources, f"{server.url}/none.git")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/r.git", "connection refused"),
        ("git://127.0.0.1:1/r.git", "connection refused"),
        ("https://nobody.invalid/r.git", "dial tcp: lookup nobody.invalid: no such host"),
        ("git://nobody.invalid/r.git", "dial tcp: lookup nobody.invalid: no such host"),
    ],
)
async def test_no_server(sources: Sources, url: str, reason: str) -> None:
    with pytest.raises(Failed) as caught:
        await dockerfile(sources, url)
    assert caught.value.message.endswith(f"failed to fetch remote {url}: {reason}")


async def test_a_known_commit_is_not_fetched_again(
    sources: Sources, server: Server, history: tuple[str, str]
) -> None:
    await dockerfile(sources, f"{server.url}/r.git")
    server.asked.clear()
    await dockerfile(sources, f"{server.url}/r.git")
    assert server.asked == ["/r.git/info/refs"]
    server.asked.clear()
    await dockerfile(sources, f"{server.url}/r.git#{history[1]}")
    assert server.asked == []


async def test_tokens(sources: Sources, server: Server, history: tuple[str, str]) -> None:
    server.authorization = "basic eC1hY2Nlc3MtdG9rZW46dA=="  # x-access-token:t
    url = f"{server.url}/r.git"
    with pytest.raises(Unauthorized, match="authentication required"):
        await dockerfile(sources, url)
    assert await dockerfile(sources, url, Memory(secrets={"GIT_AUTH_TOKEN": b"t\n"})) == b"FROM two"
    server.authorization = "Bearer z"
    secrets = {"GIT_AUTH_HEADER.127.0.0.1": b"Bearer z", "GIT_AUTH_TOKEN": b"wrong"}
    assert await dockerfile(sources, url, Memory(secrets=secrets)) == b"FROM two"


async def test_credentials_in_the_url(sources: Sources, server: Server, history: tuple[str, str]) -> None:
    server.authorization = "Basic dTpw"
    assert await dockerfile(sources, server.url.replace("//", "//u:p@") + "/r.git") == b"FROM two"
    server.authorization = "no"
    with pytest.raises(Unauthorized) as caught:
        await dockerfile(sources, server.url.replace("//", "//u:secret@") + "/r.git")
    assert "secret" not in str(caught.value.message)


async def test_add_keeps_the_git_directory_when_asked(
    sources: Sources, server: Server, history: tuple[str, str]
) -> None:
    async with sources.open(BuildOptions(), Memory()) as build:
        plain = await build.tree(GitSource(url=f"{server.url}/r.git"))
        kept = await build.tree(GitSource(url=f"{server.url}/r.git", keep_git_dir=True))
        assert ".git" not in plain.entries and ".git/HEAD" in kept.entries
        assert not any(name.startswith(".git/hooks") for name in kept.entries)
        assert isinstance(kept.root, HostRoot)
        with Repo(kept.root.path) as repository:
            assert repository.head().decode() == history[1]
            assert {entry.ino for _, entry in repository.open_index().items()} == {0}  # type: ignore[union-attr]
            status = porcelain.status(repository)
            assert not status.unstaged and not any(status.staged.values())


async def test_submodules(sources: Sources, server: Server, history: tuple[str, str]) -> None:
    outer = server.repository("outer.git")
    modules = '[submodule "m"]\n\tpath = m\n\turl = ../r.git\n'
    commit(outer, 1_700_000_000, a="a", **{".gitmodules": modules})
    tree = outer[outer[outer.head()].tree]
    assert isinstance(tree, Tree)
    tree.add(b"m", 0o160000, history[0].encode())
    outer.object_store.add_object(tree)
    _commit_tree(outer, tree)
    async with sources.open(BuildOptions(), Memory()) as build:
        entries = (await build.tree(GitSource(url=f"{server.url}/outer.git"))).entries
        assert {"m", "m/Dockerfile", "m/sub/b", "a"} <= set(entries)
        entries = (await build.tree(GitSource(url=f"{server.url}/outer.git?submodules=0"))).entries
        assert "m" in entries and "m/Dockerfile" not in entries


def _commit_tree(repository: Repo, tree: Tree) -> None:
    made = Commit()
    made.tree = tree.id
    made.author = made.committer = AUTHOR
    made.author_time = made.commit_time = 1
    made.author_timezone = made.commit_timezone = 0
    made.message = b"x"
    repository.object_store.add_object(made)
    repository.refs[repository.refs.follow(b"HEAD")[0][-1]] = made.id  # type: ignore[index,arg-type]


def _tree(*items: tuple[bytes, int, bytes]) -> Tree:
    """From raw bytes: what Tree.add would refuse as well."""
    raw = b"".join(b"%o %b\0%b" % (mode, name, bytes.fromhex(id.decode())) for name, mode, id in items)
    made = Tree.from_string(raw)
    assert isinstance(made, Tree)
    return made


@pytest.mark.parametrize("name", [b"..", b".", b".git", b".GIT", b"a/b", b""])
async def test_names_that_would_leave_are_refused(sources: Sources, server: Server, name: bytes) -> None:
    repository = server.repository("evil.git")
    blob = Blob.from_string(b"x")
    tree = _tree((name, 0o100644, blob.id))
    for item in (blob, tree):
        repository.object_store.add_object(item)
    _commit_tree(repository, tree)
    with pytest.raises(SampanError):
        await dockerfile(sources, f"{server.url}/evil.git")
    assert await sources.disk_usage() == []


async def test_nothing_is_written_through_a_link(sources: Sources, server: Server, tmp_path: Path) -> None:
    repository = server.repository("evil.git")
    outside = tmp_path / "outside"
    outside.mkdir()
    blob, link = Blob.from_string(b"x"), Blob.from_string(os.fsencode(outside))
    inner = _tree((b"evil", 0o100644, blob.id))
    tree = _tree((b"a", 0o120000, link.id), (b"a", 0o40000, inner.id))
    for item in (blob, link, inner, tree):
        repository.object_store.add_object(item)
    _commit_tree(repository, tree)
    with pytest.raises(SampanError):
        await dockerfile(sources, f"{server.url}/evil.git")
    assert list(outside.iterdir()) == []


async def test_ssh_needs_an_agent(sources: Sources) -> None:
    with pytest.raises(Failed, match="git over ssh needs an agent"):
        await dockerfile(sources, "git@127.0.0.1:x/y.git")


class Echo:
    """An agent that answers with what it is told."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        return await self._said.get()

    async def write(self, data: bytes) -> None:
        await self._said.put(data)

    async def close(self) -> None:
        await self._said.put(b"")


class WithAgent(Memory):
    async def has_ssh(self, id: str) -> bool:
        return True

    async def ssh(self, id: str) -> Connection:
        return Echo()


SSH = """#!{python}
import os, socket, sys
from dulwich.server import UploadPackHandler, serve_command
with open({log!r}, "w") as log:
    print(*sys.argv[1:], sep="\\n", file=log)
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(os.environ["SSH_AUTH_SOCK"])
        agent.sendall(b"hello agent")
        print(agent.recv(100).decode(), sorted(os.environ), file=log)
path = sys.argv[-1].split(" ", 1)[1].strip("'")
sys.exit(serve_command(UploadPackHandler, ["upload-pack", path]))
"""


async def test_ssh_with_the_requesters_agent(
    sources: Sources,
    server: Server,
    history: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, program = tmp_path / "log", tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    repository = server.repositories["/r.git"].path
    assert await dockerfile(sources, f"ssh://git@host:2222{repository}#v1", WithAgent()) == b"FROM one"
    said = log.read_text()
    assert "hello agent" in said and "-p2222" in said and "-lgit" in said and "--\nhost\n" in said
    assert "'HOME'" not in said
    assert os.listdir(sources.paths.build_contexts) == []


@pytest.mark.parametrize("url", ["ssh://-oProxyCommand=x/y.git", "ssh://-x@h/y.git"])
async def test_a_host_is_no_option(sources: Sources, url: str) -> None:
    with pytest.raises(Invalid, match="invalid URL"):
        await dockerfile(sources, url, WithAgent())


@pytest.mark.parametrize(
    ("remote", "url", "found"),
    [
        ("https://h/a/b.git", "../c.git", "https://h/a/c.git"),
        ("https://h/a/b.git", "./c.git", "https://h/a/b.git/c.git"),
        ("git@h:a/b.git", "../c.git", "git@h:a/c.git"),
        ("https://h/a/b.git", "https://x/y", "https://x/y"),
        ("https://h/a/b.git", "git@x:y", "git@x:y"),
    ],
)
def test_urls_of_submodules(remote: str, url: str, found: str) -> None:
    assert _submodule_url(remote, url) == found


@pytest.mark.parametrize("url", ["file:///etc", "/etc", "ext::sh -c x", "a/b"])
def test_submodules_are_never_local(url: str) -> None:
    with pytest.raises(Invalid):
        _submodule_url("https://h/a/b.git", url)
