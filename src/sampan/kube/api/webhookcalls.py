"""Calling webhooks: by a URL, or by a service of the cluster. k8s.io/apiserver pkg/util/webhook"""

import asyncio
import base64
import ssl
from typing import Any

import aiohttp
import orjson

from sampan.kube.api.dialfailures import reason
from sampan.kube.api.serviceaddresses import NoAddress, choose
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.golang.quote import quote

LARGEST = 3 << 20  # bytes of an answer


class NotReached(Exception):
    """In Go's words."""


class WebhookCalls:
    """`call` is what admission and conversion are given."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._session: aiohttp.ClientSession | None = None

    async def call(self, config: Object, body: Object, seconds: int) -> Any:
        """The JSON that the webhook answers. Raises NotReached."""
        shown, address, name = self._address(config, seconds)
        try:
            return await self._post(f"{address}?timeout={seconds}s", name, config, body)
        except (TimeoutError, asyncio.CancelledError):
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise NotReached(f"Post {quote(shown)}: {reason(error)}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _post(self, address: str, name: str, config: Object, body: Object) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(), trust_env=False)
        headers = {"Content-Type": "application/json", "Accept": "application/json, */*"}
        async with self._session.post(
            address,
            data=orjson.dumps(body),
            headers=headers,
            ssl=self._context(config.get("caBundle") or ""),
            server_hostname=name or None,
            allow_redirects=False,
        ) as response:
            data = await _read(response.content)
            if not 200 <= response.status < 300:
                raise NotReached(_refused(response.status, data))
            try:
                return orjson.loads(data)
            except orjson.JSONDecodeError as error:
                raise NotReached(f"couldn't get version/kind; json parse error: {error}") from None

    def _address(self, config: Object, seconds: int) -> tuple[str, str, str]:
        """What messages call it, where it is, and whose certificate it has to show."""
        service = config.get("service")
        if service is None:
            return f"{config['url']}?timeout={seconds}s", config["url"], ""
        namespace, name, port = service["namespace"], service["name"], service.get("port") or 443
        path = "/" + (service.get("path") or "").lstrip("/")
        host = f"{name}.{namespace}.svc"
        shown = f"https://{host}:{port}{path}?timeout={seconds}s"
        try:
            ip, port = choose(self._reader, namespace, name, port)
        except NoAddress as error:
            raise NotReached(f"Post {quote(shown)}: {error}") from None
        return shown, f"https://{f'[{ip}]' if ':' in ip else ip}:{port}{path}", host

    def _context(self, bundle: str) -> ssl.SSLContext:
        known = self._contexts.get(bundle)
        if known is None:
            if len(self._contexts) > 100:
                self._contexts.clear()
            try:
                known = ssl.create_default_context(cadata=base64.b64decode(bundle).decode() or None)
            except (ValueError, ssl.SSLError):
                why = "unable to load root certificates: unable to parse bytes as PEM block"
                raise NotReached(why) from None
            self._contexts[bundle] = known
        return known


async def _read(content: aiohttp.StreamReader) -> bytes:
    data = bytearray()
    async for part in content.iter_any():
        data += part
        if len(data) > LARGEST:
            raise NotReached(f"the answer is longer than {LARGEST} bytes")
    return bytes(data)


def _refused(code: int, data: bytes) -> str:
    if code == 404:
        return "the server could not find the requested resource"
    if code >= 500:
        shown = quote(data[:2048].decode("utf-8", "replace").strip() or "unknown")
        return f"an error on the server ({shown}) has prevented the request from succeeding"
    return f"the server rejected our request for an unknown reason (code {code})"
