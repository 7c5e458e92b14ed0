"""Calls that the API server makes itself: to webhooks, by a URL or by the name of a service."""

import base64
import socket
import ssl
from typing import Any

import aiohttp
import orjson

from sampan.kube.kinds.resource import Object, Reader

LARGEST = 4 << 20  # bytes of an answer


class CallError(Exception):
    """Its text is what Go's HTTP client would say."""


class Outbound:
    """Must be closed."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, config: Object, review: Object, seconds: int) -> Any:
        """The answer's JSON; `config` is a WebhookClientConfig. Raises CallError."""
        url, address, name = self._target(config)
        shown = f"{url}?timeout={seconds}s"
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        try:
            async with self._session.post(
                address + f"?timeout={seconds}s",
                data=orjson.dumps(review),
                headers={"Content-Type": "application/json", "Accept": "application/json", "Host": name},
                ssl=_context(config),
                server_hostname=name.partition(":")[0],
                allow_redirects=False,
            ) as response:
                body = await response.content.read(LARGEST)
        except aiohttp.ClientConnectorCertificateError as error:
            raise CallError(f'Post "{shown}": tls: failed to verify certificate: {error}') from None
        except aiohttp.ClientConnectorError as error:
            raise CallError(f'Post "{shown}": {_dial(error)}') from None
        except (aiohttp.ClientError, OSError) as error:
            raise CallError(f'Post "{shown}": {error}') from None
        if response.status >= 400:
            raise CallError(_refusal(response.status, body))
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise CallError(f"couldn't get version/kind; json parse error: {error}") from None

    def _target(self, config: Object) -> tuple[str, str, str]:
        """The URL as it is shown, the one that is dialled, and the server's name."""
        if config.get("url"):
            url = str(config["url"])
            return url, url, url.partition("://")[2].partition("/")[0]
        wanted = config["service"]
        namespace, name = wanted["namespace"], wanted["name"]
        port, path = wanted.get("port") or 443, (wanted.get("path") or "").lstrip("/")
        host = f"{name}.{namespace}.svc"
        service = self._reader.get("services", namespace, name)
        if service is None:
            raise CallError(f'Post "https://{host}:{port}/{path}": service "{name}" not found')
        address = service["spec"].get("clusterIP") or ""
        if address in ("", "None"):
            raise CallError(f'Post "https://{host}:{port}/{path}": no address for service "{name}"')
        shown = f"[{address}]" if ":" in address else address
        return f"https://{host}:{port}/{path}", f"https://{shown}:{port}/{path}", f"{host}:{port}"


def _refusal(code: int, body: bytes) -> str:
    if code == 404:
        return "the server could not find the requested resource"
    shown = orjson.dumps(body[:200].decode("utf-8", "replace")).decode()
    return f"an error on the server ({shown}) has prevented the request from succeeding"


def _context(config: Object) -> ssl.SSLContext:
    bundle = config.get("caBundle")
    if not bundle:
        return ssl.create_default_context()
    return ssl.create_default_context(cadata=base64.b64decode(bundle).decode("ascii", "ignore"))


def _dial(error: aiohttp.ClientConnectorError) -> str:
    where = f"{error.host}:{error.port}"
    if isinstance(error.os_error, socket.gaierror):
        return f"dial tcp: lookup {error.host}: no such host"
    text = (error.os_error.strerror or str(error.os_error)).lower()
    if "connect call failed" in text or error.os_error.errno == 111:
        text = "connection refused"
    return f"dial tcp {where}: connect: {text}"
