"""Talking to a git server, with dulwich: which commit a name means, and that commit's objects. Blocks.

dulwich and urllib3 are loaded by who calls this, in a thread: they take 0.2 s.
"""

import base64
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit, urlunsplit

import sampan
from sampan.builder.sources.http import shown
from sampan.errors import Failed, Invalid, SampanError, Unauthorized, Unsupported
from sampan.http.transport import Proxies

if TYPE_CHECKING:
    from dulwich.client import GitClient
    from dulwich.repo import BaseRepo

TIMEOUT = 30.0  # seconds without a byte
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP = re.compile(r"(?:([^@:/]+)@)?([^:/]+):(.*)", re.DOTALL)


@dataclass(frozen=True)
class Access:
    """How to get to a server. `authorization`: a header's value. `agent`: a socket for SSH_AUTH_SOCK."""

    proxies: Proxies
    authorization: str = ""
    agent: str = ""
    known_hosts: str = "/dev/null"
    goes_on: Callable[[], None] = lambda: None


def is_commit(ref: str) -> bool:
    return _ID.fullmatch(ref) is not None


def token_header(token: str) -> str:
    """As BuildKit makes of GIT_AUTH_TOKEN; GitHub and GitLab take any user with it."""
    return "basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


def uses_ssh(remote: str) -> bool:
    return remote.startswith("ssh://") or "://" not in remote


def resolve(remote: str, ref: str, access: Access) -> str:
    """The commit (or tag object) that `ref` names, asking the server. Raises Failed, Unauthorized."""
    with _connected(remote, access) as (client, path):
        refs: Mapping[Any, bytes | None] = client.get_refs(path).refs
    found = refs.get(b"HEAD") if not ref else None
    # As git-checkout: a branch goes before a tag of the same name.
    for name in _names(ref):
        found = found or refs.get(name.encode() + b"^{}") or refs.get(name.encode())
    if not found:
        raise Failed(f"repository does not contain ref {ref or 'HEAD'}: {shown(remote)}")
    return found.decode()


def _names(ref: str) -> tuple[str, ...]:
    if not ref:
        return ()
    return (
        f"refs/heads/{ref.removeprefix('refs/heads/')}",
        f"refs/{ref.removeprefix('refs/')}",
        f"refs/tags/{ref.removeprefix('refs/tags/')}",
    )


def fetch(remote: str, commit: str, repository: "BaseRepo", access: Access) -> None:
    """Bring the commit's objects: of it alone, or, from a server that cannot, of everything.

    Raises Failed, Unauthorized.
    """

    def progress(_: bytes) -> None:
        access.goes_on()

    wanted: Any = commit.encode()

    def wanted_only(refs: Any, depth: int | None = None) -> list[Any]:
        return [wanted]

    try:
        with _connected(remote, access) as (client, path):
            client.fetch(path, repository, wanted_only, progress, depth=1)
    except Unauthorized:
        raise
    except SampanError:
        access.goes_on()
        # A server may refuse ids that no name points at, or not know "shallow".
        with _connected(remote, access) as (client, path):
            client.fetch(path, repository, _everything, progress)
    if wanted not in repository.object_store:
        raise Failed(f"failed to fetch remote {shown(remote)}: it has no commit {commit}")


def _everything(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
    return sorted({id for name, id in refs.items() if not name.endswith(b"^{}")})


@contextmanager
def _connected(remote: str, access: Access) -> "Iterator[tuple[GitClient, bytes]]":
    """A client, and the repository's path for it. Errors of dulwich's and the network's become ours."""
    client, path = _client(remote, access)
    try:
        with _told(remote):
            yield client, os.fsencode(path)
    finally:
        pool = getattr(client, "pool_manager", None)
        if pool is not None:
            pool.close()


def _client(remote: str, access: Access) -> "tuple[GitClient, str]":
    if uses_ssh(remote):
        return _ssh_client(remote, access)
    from dulwich.client import TCPGitClient, Urllib3HttpGitClient

    try:
        parts = urlsplit(remote)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Invalid(f"invalid URL {shown(remote)}") from None
    if parts.scheme == "git":
        return TCPGitClient(host, port), parts.path
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    client = Urllib3HttpGitClient(
        bare,
        pool_manager=cast(Any, _Pool(bare, access.proxies)),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        timeout=TIMEOUT,
        report_activity=lambda count, what: access.goes_on(),
    )
    if access.authorization:
        # dulwich sends this to no other origin that it is redirected to.
        client._auth_header = access.authorization
        client._auth_origin = client._origin(bare)
    return client, parts.path


class _Pool:
    """What dulwich needs of urllib3's PoolManager. It closes the answers that dulwich drops half read."""

    def __init__(self, url: str, proxies: Proxies) -> None:
        import urllib3

        context, proxy = ssl.create_default_context(), proxies.of(url)
        self._manager = (
            urllib3.ProxyManager(proxy, ssl_context=context)
            if proxy
            else urllib3.PoolManager(ssl_context=context)
        )
        self._answers: list[Any] = []
        self.headers = {"User-Agent": f"git/sampan-{sampan.__version__}"}

    def request(self, method: str, url: str, **options: Any) -> Any:
        answer = self._manager.request(method, url, **options)
        self._answers.append(answer)
        return answer

    def close(self) -> None:
        for answer in self._answers:
            answer.close()
        self._manager.clear()


class _told:
    """Around what dulwich does: its errors and the network's become ours, with the remote's name."""

    def __init__(self, remote: str) -> None:
        self._remote = remote

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from dulwich.client import HTTPProxyUnauthorized, HTTPUnauthorized
        from dulwich.errors import NotGitRepository

        if error is None or isinstance(error, SampanError) or not isinstance(error, Exception):
            return
        prefix = f"failed to fetch remote {shown(self._remote)}"
        if isinstance(error, HTTPUnauthorized | HTTPProxyUnauthorized):
            raise Unauthorized(
                f"{prefix}: authentication required",
                hint="give a token as --secret id=GIT_AUTH_TOKEN",
            ) from None
        if isinstance(error, NotGitRepository):
            raise Failed(f"{prefix}: repository not found") from None
        raise Failed(f"{prefix}: {_reason(error, self._remote)}") from None


def _reason(error: BaseException, remote: str) -> str:
    """Why, as Go's net/http words it, without urllib3 in it."""
    from urllib3.exceptions import NameResolutionError, NewConnectionError, SSLError, TimeoutError

    found: BaseException | None = error
    while found is not None:
        if isinstance(found, NameResolutionError | socket.gaierror):
            return f"dial tcp: lookup {_host(remote)}: no such host"
        if isinstance(found, TimeoutError) and not isinstance(found, NewConnectionError):
            return "i/o timeout"
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"tls: failed to verify certificate: {found.verify_message}"
        if isinstance(found, OSError) and found.errno and not isinstance(found, ssl.SSLError):
            return os.strerror(found.errno).lower()
        cause = found.args[0] if isinstance(found, SSLError) and found.args else None
        found = getattr(found, "reason", None) or cause or found.__cause__ or found.__context__
        found = found if isinstance(found, BaseException) else None
    return " ".join(str(error).split())[:300] or type(error).__name__


def _host(remote: str) -> str:
    if "://" in remote:
        return urlsplit(remote).hostname or ""
    return remote.partition(":")[0].rpartition("@")[2]


# ssh


def _ssh_client(remote: str, access: Access) -> "tuple[GitClient, str]":
    from dulwich.client import SSHGitClient

    if "://" in remote:
        parts = urlsplit(remote)
        user, host, port, path = parts.username, parts.hostname or "", parts.port, unquote(parts.path)
    else:
        found = _SCP.fullmatch(remote)
        if found is None:
            raise Invalid(f"invalid URL {remote}")
        (user, host, path), port = found.groups(), None
    if host.startswith("-") or (user or "").startswith("-"):
        raise Invalid(f"invalid URL {remote}")
    client = SSHGitClient(host, port, user, vendor=_vendor(access))
    return client, path


def _vendor(access: Access) -> Any:
    import subprocess

    from dulwich.client import SSHVendor, SubprocessWrapper

    class Vendor(SSHVendor):
        """The host's ssh program: with the requester's agent, and nothing of the daemon's user."""

        def run_command(
            self,
            host: str,
            command: bytes,
            username: str | None = None,
            port: int | None = None,
            *_: Any,
            **__: Any,
        ) -> SubprocessWrapper:
            args = ["ssh", "-x", "-T", "-F", "/dev/null", "-oBatchMode=yes", "-oIdentityFile=none"]
            args += ["-oStrictHostKeyChecking=accept-new", f"-oUserKnownHostsFile={access.known_hosts}"]
            args += [f"-p{port}"] if port else []
            args += [f"-l{username}"] if username else []
            environment = {"PATH": os.environ.get("PATH", os.defpath), "SSH_AUTH_SOCK": access.agent}
            try:
                process = subprocess.Popen(
                    [*args, "--", host, os.fsdecode(command)],
                    bufsize=0,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            except FileNotFoundError:
                raise Unsupported("git over ssh needs the ssh program on the engine's machine") from None
            return SubprocessWrapper(process)

    return Vendor()
