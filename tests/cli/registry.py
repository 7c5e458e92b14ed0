"""A registry in a thread, small enough to see through; it asks for credentials in the way it is told to."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Registry:
    """`auth` is "", "basic" or "bearer"; who comes with user:secret, or the token they give, gets in."""

    def __init__(self, auth: str = "", tls: ssl.SSLContext | None = None, name: str = "127.0.0.1") -> None:
        self.auth = auth
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.asked: list[str] = []
        self.scopes: list[str] = []
        registry = self

        class Handler(_Handler):
            owner = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.host = f"{name}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Registry:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def image(self, name: str, tag: str, architecture: str = "amd64") -> str:
        config = json.dumps({"architecture": architecture, "os": "linux"}).encode()
        self.blobs[name, digest_of(config)] = config
        layer = {"mediaType": "layer", "size": 1, "digest": digest_of(b"l")}
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "config", "size": len(config), "digest": digest_of(config)},
            "layers": [layer],
        }
        self.blobs[name, digest_of(b"l")] = b"l"
        data = json.dumps(document).encode()
        self.manifests[name, tag] = self.manifests[name, digest_of(data)] = (MANIFEST, data)
        return digest_of(data)


class _Handler(BaseHTTPRequestHandler):
    owner: Registry
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self, status: int, data: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = urlsplit(self.path)
        self.owner.asked.append(f"{self.command} {self.path}")
        if target.path == "/token":
            return self.give_token(target.query)
        if not self.allowed():
            ask = (
                'Basic realm="x"'
                if self.owner.auth == "basic"
                else f'Bearer realm="http://{self.owner.host}/token",service="s"'
            )
            return self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', WWW_Authenticate=ask)
        name, _, rest = target.path.removeprefix("/v2/").rpartition("/")
        name, _, kind = name.rpartition("/")
        if target.path == "/v2/":
            return self.answer(200)
        if kind == "manifests" and self.command == "PUT":
            found = self.owner.manifests[name, rest] = (self.headers["Content-Type"], body)
            self.owner.manifests[name, digest_of(body)] = found
            return self.answer(201, Docker_Content_Digest=digest_of(body))
        if kind == "manifests" and (name, rest) in self.owner.manifests:
            media_type, data = self.owner.manifests[name, rest]
            return self.answer(200, data, Content_Type=media_type)
        if kind == "blobs" and (name, rest) in self.owner.blobs:
            return self.answer(200, self.owner.blobs[name, rest])
        if self.command == "POST":
            return self.mount(target.path.removeprefix("/v2/").removesuffix("/blobs/uploads/"), target.query)
        return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')

    do_GET = do_PUT = do_POST = do_DELETE = handle_any

    def allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        basic = "Basic " + base64.b64encode(b"user:secret").decode()
        return given == {"": given, "basic": basic, "bearer": "Bearer good"}[self.owner.auth]

    def give_token(self, query: str) -> None:
        self.owner.scopes += parse_qs(query).get("scope", [])
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"user:secret").decode():
            return self.answer(401)
        self.answer(200, b'{"token":"good"}')

    def mount(self, name: str, query: str) -> None:
        wanted = parse_qs(query)
        source = wanted["from"][0], wanted["mount"][0]
        if source not in self.owner.blobs:
            return self.answer(202, Location="/v2/x/blobs/uploads/1")
        self.owner.blobs[name, source[1]] = self.owner.blobs[source]
        self.answer(201)
