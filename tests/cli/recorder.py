"""A daemon of canned answers on a unix socket that remembers what it was asked."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any


class Request:
    def __init__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body

    @property
    def path(self) -> str:
        """The path without version and query."""
        path = self.target.split("?", 1)[0]
        if path.startswith("/v1."):
            path = "/" + path.split("/", 2)[2]
        return path

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, Any]


class Recorder:
    """`answer(request)` gives (status, JSON value or bytes) or None for {}; every request is kept."""

    def __init__(self, path: str, answer: Callable[[Request], Answer | None] | None = None) -> None:
        self.requests: list[Request] = []
        self.address = f"unix://{path}"
        self._answer = answer or (lambda _request: None)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen(16)
        self._path = path
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        os.unlink(self._path)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                try:
                    while self._one(connection, stream):
                        pass
                except OSError:
                    continue

    def _one(self, connection: socket.socket, stream: Any) -> bool:
        line = stream.readline().decode().split()
        if len(line) < 3:
            return False
        headers = {}
        while header := stream.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", "0")))
        if headers.get("transfer-encoding") == "chunked":
            while size := int(stream.readline(), 16):
                body += stream.read(size)
                stream.readline()
            stream.readline()
        request = Request(line[0], line[1], headers, body)
        status, value = (200, "") if request.path == "/_ping" else (self._answer(request) or (200, {}))
        if request.path != "/_ping":
            self.requests.append(request)
        data = value if isinstance(value, bytes) else b"" if value == "" else json.dumps(value).encode()
        kind = "application/json" if not isinstance(value, bytes) else "application/octet-stream"
        head = (
            f"HTTP/1.1 {status} X\r\nApi-Version: 1.50\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(data)}\r\n"
            "Connection: close\r\n\r\n"
        )
        connection.sendall(head.encode() + (b"" if request.method == "HEAD" else data))
        return False
