"""Other servers that this one asks: webhooks named by kubeconfig files, and issuers of tokens.

https://kubernetes.io/docs/reference/access-authn-authz/webhook
"""

import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from sampan.errors import Invalid
from sampan.kube.access.configuration import load

LARGEST = 1 << 20  # bytes of an answer


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and how to be known there."""

    url: str
    tls: ssl.SSLContext | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Remote:
    """One server; connections are kept. All failures are OSError or TimeoutError."""

    def __init__(self, endpoint: Endpoint, seconds: float) -> None:
        """`seconds`: how long an answer may take."""
        self._endpoint = endpoint
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes) -> bytes:
        """The body of a successful answer."""
        return await self._ask("POST", self._endpoint.url, body)

    async def get(self, url: str) -> bytes:
        """The same, of another address of the server."""
        return await self._ask("GET", url, None)

    async def _ask(self, method: str, url: str, body: bytes | None) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._endpoint.headers}
        tls: Any = self._endpoint.tls or True
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, ssl=tls, allow_redirects=False
            ) as answer:
                data = await answer.content.read(LARGEST + 1)
                if len(data) > LARGEST or not 200 <= answer.status < 300:
                    raise OSError(f"{url} answered {answer.status}, {len(data)} bytes")
                while not answer.content.at_eof():
                    data += await answer.content.read(LARGEST + 1)
                    if len(data) > LARGEST:
                        raise OSError(f"{url} answered with more than {LARGEST} bytes")
                return data
        except aiohttp.ClientError as error:
            raise OSError(f"{url}: {error}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def from_kubeconfig(path: Path) -> Endpoint:
    """The cluster and user of its current context. Raises Invalid."""
    found = load(path, "Config", ("v1",))
    context = _named(found, "contexts", found.get("current-context"), path).get("context") or {}
    cluster = _named(found, "clusters", context.get("cluster"), path).get("cluster") or {}
    user: dict[str, Any] = {}
    if context.get("user"):
        user = _named(found, "users", context["user"], path).get("user") or {}
    url = cluster.get("server")
    if not isinstance(url, str) or not url.startswith("https://"):
        raise Invalid(f"{path}: the server must be an https:// address, is {url!r}")
    return Endpoint(url, _tls(cluster, user, path), _headers(user, path))


def _named(found: dict[str, Any], kind: str, name: Any, path: Path) -> dict[str, Any]:
    entries = found.get(kind) or []
    if isinstance(entries, list):
        for one in entries:
            if isinstance(one, dict) and one.get("name") == name:
                return one
    raise Invalid(f"{path}: there is no {kind[:-1]} {name!r}")


def _data(section: dict[str, Any], field: str, path: Path) -> bytes | None:
    """Of `field`-data, or of the file that `field` names."""
    text = section.get(f"{field}-data")
    if text:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise Invalid(f"{path}: {field}-data is not base64") from None
    name = section.get(field)
    if not name:
        return None
    try:
        return (path.parent / str(name)).read_bytes()
    except OSError as error:
        raise Invalid(f"{path}: cannot read {name}: {error.strerror}") from error


def trusting(ca: bytes | None) -> ssl.SSLContext:
    """A client's context that trusts these authorities; None: those of the system. Raises Invalid."""
    try:
        return ssl.create_default_context(cadata=ca.decode() if ca else None)
    except (ssl.SSLError, ValueError) as error:
        raise Invalid(f"no certificates of authorities: {error}") from error


def _tls(cluster: dict[str, Any], user: dict[str, Any], path: Path) -> ssl.SSLContext:
    context = trusting(_data(cluster, "certificate-authority", path))
    certificate, key = (_data(user, field, path) for field in ("client-certificate", "client-key"))
    if certificate and key:
        # ssl reads files only; this one has no name.
        descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, certificate + b"\n" + key)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        except ssl.SSLError as error:
            raise Invalid(f"{path}: the client certificate is none: {error}") from error
        finally:
            os.close(descriptor)
    return context


def _headers(user: dict[str, Any], path: Path) -> dict[str, str]:
    token = user.get("token")
    if not token and user.get("tokenFile"):
        token = (_data({"token": user["tokenFile"]}, "token", path) or b"").decode().strip()
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}
