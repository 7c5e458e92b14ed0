"""Requests to an API server. Failures are raised as the StatusError that the server sent."""

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from sampan.errors import Unavailable
from sampan.specs.kubernetes.status import StatusError

Object = dict[str, Any]
JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
LONGEST_LINE = 64 << 20  # bytes of one event of a watch


@dataclass(frozen=True)
class Endpoint:
    """Where a server is and who asks: a client certificate, or a token."""

    url: str  # "https://127.0.0.1:6443"
    ca: str = ""  # a file
    certificate: str = ""
    key: str = ""
    token: str = ""
    agent: str = "sampan"


@dataclass(frozen=True)
class ResourcePath:
    """A resource by its path: group and version as in apiVersion, plural."""

    api_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        root = "/apis/" if "/" in self.api_version else "/api/"
        parts = [root + self.api_version]
        if namespace and self.namespaced:
            parts += ["namespaces", quote(namespace)]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


class Client:
    """Must be closed. Its methods raise StatusError, and Unavailable if there is no server to be reached."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        headers = {"User-Agent": endpoint.agent}
        self.token = endpoint.token  # may be replaced at any time, by one that lasts longer
        self._session = aiohttp.ClientSession(
            endpoint.url,
            headers=headers,
            connector=aiohttp.TCPConnector(ssl=_context(endpoint), limit=0, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            json_serialize=lambda value: orjson.dumps(value).decode(),
        )

    async def close(self) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        seconds: float = 60.0,
    ) -> Any:
        """The answer's JSON."""
        headers = self._headers(accept)
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = orjson.dumps(body)
        try:
            async with self._session.request(
                method,
                path,
                data=data,
                params=query,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{method} {self._endpoint.url}{path}: {error}") from error
        return _value(response.status, answer)

    def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Accept": accept}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    async def get(self, resource: ResourcePath, namespace: str, name: str) -> Object:
        found: Object = await self.request("GET", resource.path(namespace, name))
        return found

    async def create(self, resource: ResourcePath, namespace: str, value: Object) -> Object:
        found: Object = await self.request("POST", resource.path(namespace), value)
        return found

    async def update(
        self, resource: ResourcePath, namespace: str, value: Object, subresource: str = ""
    ) -> Object:
        path = resource.path(namespace, value["metadata"]["name"], subresource)
        found: Object = await self.request("PUT", path, value)
        return found

    async def patch(
        self,
        resource: ResourcePath,
        namespace: str,
        name: str,
        patch: Any,
        *,
        subresource: str = "",
        content_type: str = MERGE_PATCH,
    ) -> Object:
        path = resource.path(namespace, name, subresource)
        found: Object = await self.request("PATCH", path, patch, content_type=content_type)
        return found

    async def delete(
        self, resource: ResourcePath, namespace: str, name: str, options: Object | None = None
    ) -> Object:
        found: Object = await self.request("DELETE", resource.path(namespace, name), options)
        return found

    async def watch(
        self, path: str, query: Mapping[str, str], *, accept: str = JSON
    ) -> AsyncIterator[Object]:
        """Events, {"type": ..., "object": ...}, until the server ends the watch."""
        params = {"watch": "1", **query}
        try:
            async with self._session.get(path, params=params, headers=self._headers(accept)) as response:
                if response.status != 200:
                    _value(response.status, await response.read())
                rest = b""
                async for part in response.content.iter_any():
                    *lines, rest = (rest + part).split(b"\n")
                    for line in lines:
                        if line:
                            yield orjson.loads(line)
                    if len(rest) > LONGEST_LINE:
                        raise Unavailable(f"watch {path}: an event is longer than {LONGEST_LINE} bytes")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"watch {self._endpoint.url}{path}: {error}") from error


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=endpoint.ca or None)
    if endpoint.certificate:
        context.load_cert_chain(endpoint.certificate, endpoint.key)
    return context


def _value(code: int, answer: bytes) -> Any:
    try:
        value = orjson.loads(answer) if answer else None
    except orjson.JSONDecodeError:
        value = None
    if code < 400:
        return value
    if isinstance(value, dict) and value.get("kind") == "Status":
        raise StatusError(
            value.get("reason", ""), value.get("message", ""), value.get("details"), value.get("code", code)
        )
    text = answer[:1000].decode("utf-8", "replace")
    raise StatusError("", f"the server answered {code}: {text}", None, code)
