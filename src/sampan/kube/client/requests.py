"""Requests to an API server. Failures are raised as the StatusError that the server sent."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from sampan.errors import Invalid, Unavailable
from sampan.kube.client.answer import Malformed
from sampan.kube.client.tlsfiles import TlsFiles
from sampan.kube.client.transport import Stream, Transport
from sampan.specs.kubernetes.names import path_segment
from sampan.specs.kubernetes.status import StatusError, is_not_found, not_found

Object = dict[str, Any]
JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
LONGEST_LINE = 64 << 20  # bytes of one event of a watch
SAFE = re.compile("[!-~]+")  # what may stand in the first line of a request
LINE = re.compile("[ -~]*")  # and in a header
REPEATABLE = ("GET", "HEAD")


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
        """Of the resource, or of an object. Names come out of what users write: raises NotFound's StatusError
        of one that would lead elsewhere, since no object can have it.
        """
        for one in (namespace, name):
            if path_segment(one):
                raise not_found(self.api_version.rpartition("/")[0], self.plural, one)
        root = "/apis/" if "/" in self.api_version else "/api/"
        parts = [root + self.api_version]
        if namespace and self.namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


class Client:
    """Must be closed. Its methods raise StatusError, and Unavailable if there is no server to be reached."""

    def __init__(self, endpoint: Endpoint, transport: Transport | None = None) -> None:
        """`transport`: connections that others use too, and whoever made them closes."""
        self.token = endpoint.token  # may be replaced at any time, by one that lasts longer
        self._endpoint = endpoint
        self._transport = transport or transport_of(endpoint)
        self._shared = transport is not None

    async def close(self) -> None:
        if not self._shared:
            await self._transport.close()

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
        message = self._message(method, path, query, accept, body, content_type)
        try:
            code, answer = await self._transport.exchange(
                message, seconds=seconds, repeatable=method in REPEATABLE
            )
        except Unavailable as error:
            raise self._failed(method, path, error) from error
        return _value(code, answer)

    def _message(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        accept: str,
        body: Any = None,
        content_type: str = JSON,
    ) -> bytes:
        target = f"{path}?{urlencode(query)}" if query else path
        if not SAFE.fullmatch(target) or not LINE.fullmatch(self.token):
            raise Invalid(f"cannot ask for {target!r}")
        head = f"{method} {target} HTTP/1.1\r\nHost: {self._transport.authority}\r\nAccept: {accept}\r\n"
        head += f"User-Agent: {self._endpoint.agent}\r\n"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        if body is None:
            length = "" if method in REPEATABLE else "Content-Length: 0\r\n"
            return f"{head}{length}\r\n".encode()
        data = orjson.dumps(body)
        return f"{head}Content-Type: {content_type}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data

    def _failed(self, method: str, path: str, error: Unavailable) -> Unavailable:
        return Unavailable(f"{method} {self._endpoint.url}{path}: {error}")

    async def get(self, resource: ResourcePath, namespace: str, name: str) -> Object:
        found: Object = await self.request("GET", resource.path(namespace, name))
        return found

    async def find(self, resource: ResourcePath, namespace: str, name: str) -> Object | None:
        """None if there is none of this name."""
        try:
            return await self.get(resource, namespace, name)
        except StatusError as error:
            if is_not_found(error):
                return None
            raise

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

    async def apply(
        self, resource: ResourcePath, namespace: str, value: Object, manager: str, subresource: str = ""
    ) -> Object:
        """Server-side apply: `manager` has said what the object's fields are, whoever had them before."""
        path = resource.path(namespace, value["metadata"]["name"], subresource)
        query = {"fieldManager": manager, "force": "true"}
        found: Object = await self.request("PATCH", path, value, query=query, content_type=APPLY_PATCH)
        return found

    async def delete(
        self, resource: ResourcePath, namespace: str, name: str, options: Object | None = None
    ) -> Object:
        found: Object = await self.request("DELETE", resource.path(namespace, name), options)
        return found

    async def discard(self, resource: ResourcePath, value: Object, **options: Any) -> None:
        """Delete this very object, no later one of its name; nothing happens if there is none any more."""
        metadata = value["metadata"]
        options["preconditions"] = {"uid": metadata["uid"]}
        try:
            await self.delete(resource, metadata.get("namespace", ""), metadata["name"], options)
        except StatusError as error:
            if not is_not_found(error):
                raise

    async def watch(
        self, path: str, query: Mapping[str, str], *, accept: str = JSON
    ) -> AsyncGenerator[Object, None]:
        """Events, {"type": ..., "object": ...}, until the server ends the watch."""
        message = self._message("GET", path, {"watch": "1", **query}, accept)
        try:
            async with self._transport.stream(message, seconds=60) as stream:
                if stream.code != 200:
                    _value(stream.code, b"".join([part async for part in stream.parts()]))
                async for line in _lines(stream):
                    yield orjson.loads(line)
        except (Unavailable, orjson.JSONDecodeError) as error:
            raise self._failed("watch", path, Unavailable(str(error))) from error


def transport_of(endpoint: Endpoint) -> Transport:
    return Transport(endpoint.url, TlsFiles(endpoint.ca, endpoint.certificate, endpoint.key))


async def _lines(stream: Stream) -> AsyncIterator[bytes]:
    begun: list[bytes] = []  # of a line whose end is not here
    size = 0
    async for part in stream.parts():
        *lines, rest = part.split(b"\n")
        if lines:
            lines[0] = b"".join([*begun, lines[0]])
            begun, size = [], 0
            for line in lines:
                if line:
                    yield line
        if rest:
            begun.append(rest)
            size += len(rest)
            if size > LONGEST_LINE:
                raise Malformed(f"an event is longer than {LONGEST_LINE} bytes")


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
