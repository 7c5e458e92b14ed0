"""ADD of a URL, and contexts from one: fetched once, then asked about.

data/build/http/<sha256 of URL and file name>/: meta.json, and a directory named after the content's digest
and its time that holds the file under the name it is copied by, 0600, as old as Last-Modified says.
"""

import asyncio
import hashlib
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import uuid4

from sampan.builder.requester import Requester
from sampan.builder.sources.directories import ARRIVING, Kept
from sampan.builder.trees import Entry, HostRoot, Tree
from sampan.engine.images.pipes import pieces
from sampan.errors import Failed, Invalid, NotFound
from sampan.http.transport import Proxies, Tls, Transport, translate
from sampan.paths import Paths

if TYPE_CHECKING:
    import aiohttp

KEPT = 4 << 30  # bytes of all downloads that no build uses
LARGEST = 64 << 30  # bytes of one
STEP = 1 << 20  # bytes that are written, and told, at once
CHUNK = 1 << 20
NAMELESS = "download"
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Meta:
    """What is known of a file that was fetched."""

    url: str  # without credentials
    name: str
    digest: str  # hex
    size: int
    etag: str
    last_modified: str

    @property
    def directory(self) -> str:
        return f"{self.digest}.{_seconds(self.last_modified)}"


class Downloads:
    """One per engine."""

    def __init__(self, paths: Paths, proxies: Proxies | None = None) -> None:
        self.kept = Kept(paths, paths.build_http, "http", KEPT, _old_versions)
        self._proxies = proxies

    @property
    def proxies(self) -> Proxies:
        return self._proxies or Proxies.of_environment()

    async def fetch(
        self,
        url: str,
        stack: AsyncExitStack,
        *,
        requester: Requester | None = None,
        filename: str = "",
        checksum: str = "",
        report: Report | None = None,
    ) -> Tree:
        """A tree of one file, in place until `stack` is closed. Raises Failed, Invalid.

        `checksum`: sha256:..., and then what is here with that digest is not asked about.
        """
        key = hashlib.sha256(f"{url}\0{filename}".encode("utf-8", "surrogateescape")).hexdigest()[:40]
        place = self.kept.use(key, stack)
        known = _load(place)
        if known is None or not checksum or checksum != f"sha256:{known.digest}":
            async with self._asked(url, requester, known) as answer:
                if not _unchanged(answer, known):
                    known = await _receive(self.kept, answer, place, url, filename, report)
        assert known is not None
        if checksum and checksum != f"sha256:{known.digest}":
            raise Failed(f"digest mismatch sha256:{known.digest}: {checksum}")
        return _tree(place, known)

    @asynccontextmanager
    async def opened(
        self, url: str, requester: Requester, report: Report | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The content of a URL that is a context."""
        async with AsyncExitStack() as stack:
            tree = await self.fetch(url, stack, requester=requester, filename="context", report=report)
            assert isinstance(tree.root, HostRoot)
            with _file(Path(tree.root.path) / "context") as file:
                yield pieces(iter(lambda: file.read(CHUNK), b""))

    def _asked(
        self, url: str, requester: Requester | None, known: _Meta | None
    ) -> "AbstractAsyncContextManager[aiohttp.ClientResponse]":
        headers = {"Accept-Encoding": "identity"}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        elif known is not None and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        return request(self.proxies, url, headers, requester)


def shown(url: str) -> str:
    """Without a password in it."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at or parts.scheme == "ssh":
        return url
    name, colon, _ = user.partition(":")
    return urlunsplit(parts._replace(netloc=f"{name}:xxxxx@{host}" if colon else f"xxxxx@{host}"))


@asynccontextmanager
async def request(
    proxies: Proxies, url: str, headers: dict[str, str], requester: Requester | None
) -> "AsyncIterator[aiohttp.ClientResponse]":
    """GET with what the requester's secrets say for the host. Raises Failed, Invalid, Unavailable."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        raise Invalid(f"invalid URL {url}") from None
    if not host:
        raise Invalid(f'Get "{shown(url)}": http: no Host in request URL')
    sent = {**headers, **await _authorization(host, requester)}
    transport = Transport(proxies)
    try:
        async with transport.request(
            "GET", url, tls=Tls(), headers=sent, secure=False, follow=True
        ) as response:
            if not 200 <= response.status < 400:
                raise Failed(f"invalid response status {response.status}")
            yield response
    finally:
        await transport.close()


async def _authorization(host: str, requester: Requester | None) -> dict[str, str]:
    """HTTP_AUTH_HEADER_<host>, HTTP_AUTH_TOKEN_<host>: as BuildKit asks for them."""
    if requester is None:
        return {}
    for name, prefix in (("HTTP_AUTH_HEADER_", ""), ("HTTP_AUTH_TOKEN_", "Bearer ")):
        with suppress(NotFound):
            secret = (await requester.secret(name + host)).decode("utf-8", "replace").strip()
            return {"Authorization": prefix + secret}
    return {}


def _unchanged(answer: "aiohttp.ClientResponse", known: _Meta | None) -> bool:
    if known is None:
        return False
    if answer.status == 304:
        return True
    # Some servers send ETags and do not look at If-None-Match.
    return bool(known.etag) and _etag(answer) == known.etag


def _etag(answer: "aiohttp.ClientResponse") -> str:
    return answer.headers.get("ETag", "").removeprefix("W/")


async def _receive(
    kept: Kept,
    answer: "aiohttp.ClientResponse",
    place: Path,
    url: str,
    filename: str,
    report: Report | None,
) -> _Meta:
    name = file_name(url, filename, answer.headers.get("Content-Disposition", ""))
    arriving = place / f"{ARRIVING}{uuid4().hex}"
    try:
        arriving.mkdir(parents=True, mode=0o700)
        digest, size = await _write(answer, arriving / name, report)
        last_modified = answer.headers.get("Last-Modified", "")
        seconds = _seconds(last_modified)
        os.utime(arriving / name, ns=(seconds * 10**9, seconds * 10**9))
        meta = _Meta(shown(url), name, digest, size, _etag(answer), last_modified)
        with suppress(OSError):  # it is there already, the same
            arriving.rename(place / meta.directory)
        _save(place, meta)
        kept.written(place, size)
        return meta
    except OSError as error:
        raise Failed(f"write {shown(url)}: {(error.strerror or str(error)).lower()}") from None
    finally:
        kept.discard(arriving)


async def _write(answer: "aiohttp.ClientResponse", path: Path, report: Report | None) -> tuple[str, int]:
    import aiohttp

    digest, size, total = hashlib.sha256(), 0, answer.content_length or 0
    decode = _decoder(answer)
    waiting: list[bytes] = []
    waits = 0

    def flush() -> None:
        data = decode(b"".join(waiting))
        digest.update(data)
        file.write(data)

    with _new_file(path) as file:
        try:
            async for chunk in answer.content.iter_any():
                waiting.append(chunk)
                waits += len(chunk)
                size += len(chunk)
                if size > LARGEST:
                    raise Failed(f"{shown(str(answer.url))}: larger than {LARGEST >> 30} GiB")
                if waits >= STEP:
                    # A disk that is slow must not stop the daemon.
                    await asyncio.to_thread(flush)
                    waiting, waits = [], 0
                    if report is not None:
                        report("downloading", size, total)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Failed(translate(error, "GET", shown(str(answer.url))).message) from None
        flush()
        size = file.tell()
    if report is not None:
        report("downloading", size, total or size)
    return digest.hexdigest(), size


def _file(path: Path) -> BinaryIO:
    return open(path, "rb", buffering=0)


def _new_file(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return open(os.open(path, flags, 0o600), "wb", buffering=2 * STEP)


def _decoder(answer: "aiohttp.ClientResponse") -> Callable[[bytes], bytes]:
    """Asked for as it is, a server may still compress: as Go, that is taken off again."""
    if answer.headers.get("Content-Encoding", "").lower() != "gzip":
        return lambda data: data
    import zlib

    decoder = zlib.decompressobj(31)

    def decode(data: bytes) -> bytes:
        try:
            return decoder.decompress(data)
        except zlib.error as error:
            raise Failed(f"{shown(str(answer.url))}: invalid gzip stream: {error}") from None

    return decode


def _seconds(last_modified: str) -> int:
    try:
        return max(0, int(parsedate_to_datetime(last_modified).timestamp()))
    except (ValueError, TypeError, OverflowError):
        return 0


def file_name(url: str, filename: str, disposition: str) -> str:
    """What the file is called: as told, as the server says, or as the URL ends."""
    if filename:
        return _safe(filename)
    if disposition:
        message = Message()
        message["Content-Disposition"] = disposition
        found = message.get_filename() or ""
        if found and not found.endswith("/"):
            return _safe(found.rpartition("/")[2])
    try:
        return _safe(unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2])
    except ValueError:
        return NAMELESS


def _safe(name: str) -> str:
    name = name.replace("/", "_").replace("\0", "_")
    name = os.fsdecode(os.fsencode(name)[:255])
    return NAMELESS if name in ("", ".", "..") else name


def _old_versions(place: Path) -> list[Path]:
    known = _load(place)
    try:
        found = [Path(item.path) for item in os.scandir(place) if item.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [path for path in found if known is None or path.name != known.directory]


def _load(place: Path) -> _Meta | None:
    """None when nothing, or something damaged, is there."""
    try:
        meta = _Meta(**json.loads((place / "meta.json").read_bytes()))
        info = os.lstat(place / meta.directory / meta.name)
    except (OSError, ValueError, TypeError):
        return None
    return meta if stat.S_ISREG(info.st_mode) and info.st_size == meta.size else None


def _save(place: Path, meta: _Meta) -> None:
    beside = place / f"{ARRIVING}{uuid4().hex}"
    beside.write_text(json.dumps(asdict(meta)))
    beside.rename(place / "meta.json")


def _tree(place: Path, meta: _Meta) -> Tree:
    directory = place / meta.directory
    above, info = os.stat(directory), os.lstat(directory / meta.name)
    entries = {
        "": Entry(stat.S_IFDIR | 0o755, 0, 0, 0, above.st_mtime_ns, ""),
        meta.name: Entry(stat.S_IFREG | 0o600, 0, 0, meta.size, info.st_mtime_ns, meta.digest),
    }
    return Tree(HostRoot(str(directory)), entries, published=True)
