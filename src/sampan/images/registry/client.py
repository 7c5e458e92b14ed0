"""One repository on one server: manifests, blobs, uploads, tags. OCI distribution-spec, end-1 to end-13."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import aiohttp
import orjson

from sampan.errors import NotFound
from sampan.http.bearer import Authorizer, Credentials
from sampan.http.transport import Refused, Transport, Unreachable, limited, redirected
from sampan.images.registry.auth import ANONYMOUS
from sampan.images.registry.errors import RegistryError, from_answer
from sampan.images.registry.hosts import Endpoint
from sampan.images.registry.manifests import ACCEPT, MAX_MANIFEST, Fetched, identify
from sampan.specs.oci import digest as digests
from sampan.specs.oci.digest import is_digest, is_sha256

PAGE = 1000  # names asked for at once
MAX_NAMES = 100_000
MAX_ERROR = 64 << 10


class Registry:
    """A server as one client of it: `credentials` go to it and to the realm it names, nowhere else."""

    def __init__(
        self,
        transport: Transport,
        endpoint: Endpoint,
        credentials: Credentials = ANONYMOUS,
        *,
        offline: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self._transport = transport

        async def ask(*arguments: Any) -> Any:
            return await transport.ask(endpoint.tls, *arguments)

        self.authorizer = Authorizer(credentials, ask, secure=endpoint.secure, offline=offline)

    def repository(self, path: str, *, actions: str = "pull") -> "Repository":
        return Repository(self, path, actions)

    async def ping(self) -> int:
        """The status of GET /v2/, asked as somebody. Raises Unauthorized, Unreachable, Refused."""
        async with self.request("GET", "/") as response:
            return response.status

    async def catalog(self) -> list[str]:
        """Every repository, page by page. Raises RegistryError."""
        return await self._listing("/_catalog", "repositories", ("registry:catalog:*",))

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        scopes: tuple[str, ...] = (),
        query: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        follow: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """`path` is below the API, or a whole URL the server gave (an upload's). 401 is answered once."""
        url, mine = self._url(path, query)
        for attempt in (0, 1):
            sent = {**dict(self.endpoint.headers), **(headers or {})} if mine else dict(headers or {})
            if mine and (authorization := await self.authorizer.header(scopes)):
                sent["Authorization"] = authorization
            async with self._transport.request(
                method, url, tls=self.endpoint.tls, headers=sent, secure=self.endpoint.secure, data=data,
                follow=follow,
            ) as response:  # fmt: skip
                challenge = response.headers.getall("WWW-Authenticate", [])
                if (
                    response.status != 401
                    or attempt
                    or not mine
                    or not self.authorizer.challenged(challenge, scopes)
                ):
                    yield response
                    return

    def _url(self, path: str, query: Iterable[tuple[str, str]]) -> tuple[str, bool]:
        """The URL, and whether it is the endpoint's own server."""
        if "://" in path:
            whole = path
        else:
            whole = self.endpoint.api + path
            if self.endpoint.namespace:
                query = [*query, ("ns", self.endpoint.namespace)]
        if pairs := list(query):
            whole += ("&" if "?" in whole else "?") + urlencode(pairs)
        own, asked = urlsplit(self.endpoint.api), urlsplit(whole)
        return whole, (own.scheme, own.netloc) == (asked.scheme, asked.netloc)

    async def _listing(self, path: str, field: str, scopes: tuple[str, ...]) -> list[str]:
        names: list[str] = []
        query = [("n", str(PAGE))]
        while True:
            async with self.request("GET", path, scopes=scopes, query=query, follow=True) as response:
                body = await limited(response, MAX_MANIFEST)
                if response.status != 200:
                    raise from_answer(response.status, response.reason or "", body)
                link = response.headers.get("Link", "")
            try:
                page = [str(name) for name in orjson.loads(body).get(field) or ()]
            except (orjson.JSONDecodeError, AttributeError, TypeError):
                raise Refused(f"the registry's list of {field} is malformed") from None
            names += page
            last = _next_page(link)
            if not last or not page or len(names) >= MAX_NAMES:
                return names
            if ("last", last) in query:
                raise Refused(f"the registry's list of {field} goes in a circle")
            query = [("n", str(PAGE)), ("last", last)]


def _next_page(link: str) -> str:
    """`last` of `</v2/x/tags/list?n=100&last=b>; rel="next"`. RFC 8288."""
    target, _, parameters = link.partition(">")
    if not target.startswith("<") or "next" not in parameters:
        return ""
    return (parse_qs(urlsplit(target[1:]).query).get("last") or [""])[0]


class Repository:
    """`actions` is what tokens are asked for: "pull" or "pull,push"."""

    def __init__(self, registry: Registry, path: str, actions: str) -> None:
        self.registry = registry
        self.path = path
        self.scopes: tuple[str, ...] = (f"repository:{path}:{actions}",)

    def also(self, *paths: str) -> "Repository":
        """The same with the right to read other repositories as well, for mounts."""
        other = Repository(self.registry, self.path, "")
        other.scopes = (*self.scopes, *(f"repository:{path}:pull" for path in paths))
        return other

    async def manifest(self, reference: str) -> Fetched:
        """By tag or digest. Raises RegistryError, Refused, Unreachable."""
        headers = {"Accept": ACCEPT}
        async with self._request("GET", f"manifests/{reference}", headers=headers, follow=True) as response:
            await _check(response, 200)
            data = await limited(response, MAX_MANIFEST)
            declared = response.headers.get("Docker-Content-Digest", "")
        digest = digests.of(data)
        for expected in (reference, declared):
            if is_sha256(expected) and expected != digest:
                raise Refused(f"manifest verification failed: expected {expected}, got {digest}")
        return Fetched(data, identify(data, response.headers.get("Content-Type", "")), digest)

    async def manifest_digest(self, reference: str) -> str:
        """What a tag points at, "" when the server does not say. Raises RegistryError, Unreachable."""
        headers = {"Accept": ACCEPT}
        async with self._request("HEAD", f"manifests/{reference}", headers=headers, follow=True) as response:
            await _check(response, 200)
            digest = response.headers.get("Docker-Content-Digest", "")
        return digest if is_digest(digest) else ""

    async def small_blob(self, digest: str, size: int, limit: int) -> bytes:
        """A blob in memory, checked. Raises Refused, RegistryError, Unreachable."""
        if size > limit:
            raise Refused(f"blob {digest} is {size} bytes long; {limit} are allowed")
        async with self.blob(digest) as response:
            data = await limited(response, size)
        if (found := digests.of(data)) != digest:
            raise Refused(f"unexpected digest: expected {digest}, got {found}")
        return data

    @asynccontextmanager
    async def blob(self, digest: str, start: int = 0) -> AsyncIterator[aiohttp.ClientResponse]:
        """The blob from `start` on, if the server can (206), else from its beginning (200)."""
        # A compressed answer would not be the blob.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        async with self._request("GET", f"blobs/{digest}", headers=headers, follow=True) as response:
            await _check(response, 200, 206)
            yield response

    async def blob_size(self, digest: str) -> int | None:
        """None when it is not there. Raises RegistryError, Unreachable."""
        async with self._request("HEAD", f"blobs/{digest}", follow=True) as response:
            if response.status == 404:
                return None
            await _check(response, 200)
            return response.content_length or 0

    async def tags(self) -> list[str]:
        """Raises RegistryError, Unreachable."""
        return await self.registry._listing(f"/{self.path}/tags/list", "tags", self.scopes)

    # Writing

    async def mount(self, digest: str, source: str) -> str:
        """Have a blob of another repository here. "" when done, else the location of an upload instead."""
        query = [("mount", digest), ("from", source)]
        async with self.also(source)._request("POST", "blobs/uploads/", query=query) as response:
            if response.status == 201:
                return ""
            await _check(response, 202)
            return self._location(response)

    async def start_upload(self) -> str:
        """The location to send a blob to."""
        async with self._request("POST", "blobs/uploads/") as response:
            await _check(response, 202)
            return self._location(response)

    async def upload(self, location: str, digest: str, size: int, data: Any) -> None:
        """The whole blob in one request."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        async with self.registry.request(
            "PUT", location, scopes=self.scopes, query=[("digest", digest)], headers=headers, data=data
        ) as response:
            await _check(response, 201, 204)

    async def append(self, location: str, data: Any) -> str:
        """A piece of unknown length, in chunked encoding; returns where the next goes."""
        headers = {"Content-Type": "application/octet-stream"}
        async with self.registry.request(
            "PATCH", location, scopes=self.scopes, headers=headers, data=data
        ) as response:
            await _check(response, 202, 204)
            return self._location(response)

    async def finish_upload(self, location: str, digest: str) -> None:
        async with self.registry.request(
            "PUT", location, scopes=self.scopes, query=[("digest", digest)], headers={"Content-Length": "0"}
        ) as response:
            await _check(response, 201, 204)

    async def cancel_upload(self, location: str) -> None:
        """Tell the server to forget it; its own affair if it does not."""
        try:
            async with self.registry.request("DELETE", location, scopes=self.scopes):
                pass
        except (RegistryError, Refused, Unreachable, NotFound):
            pass

    async def put_manifest(self, reference: str, data: bytes, media_type: str) -> None:
        headers = {"Content-Type": media_type}
        async with self._request("PUT", f"manifests/{reference}", headers=headers, data=data) as response:
            await _check(response, 201, 200, 202)

    def _location(self, response: aiohttp.ClientResponse) -> str:
        target = response.headers.get("Location", "")
        if not target:
            raise Refused("the registry did not say where to upload to")
        endpoint = self.registry.endpoint
        location, _ = redirected(str(response.url), target, {}, secure=endpoint.secure)
        return location

    def _request(self, method: str, rest: str, **options: Any) -> Any:
        path = f"/{quote(self.path)}/{quote(rest, safe='/:')}"
        return self.registry.request(method, path, scopes=self.scopes, **options)


async def _check(response: aiohttp.ClientResponse, *expected: int) -> None:
    """Raises RegistryError with what the server says."""
    if response.status in expected:
        return
    body = b"" if response.method == "HEAD" else await limited(response, MAX_ERROR)
    raise from_answer(response.status, response.reason or "", body)
