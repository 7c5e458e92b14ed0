"""A bare Docker Engine API client: one HTTP request, and its status, headers and body as they came."""

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines() if line.strip()]

    @property
    def message(self) -> str:
        """Docker's form of an error; fails when the body is not one."""
        body = self.json
        assert isinstance(body, dict) and isinstance(body.get("message"), str), body
        return str(body["message"])


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    def __init__(self, host: str) -> None:
        assert host.startswith("unix://"), host
        self.path = host.removeprefix("unix://")

    def request(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        timeout: float = 60,
        **query: Any,
    ) -> Answer:
        """`body` is sent as JSON unless it is bytes; query values that are dicts or lists too."""
        connection = _UnixConnection(self.path, timeout)
        sent = dict(headers or {})
        data: bytes | None = None
        if isinstance(body, bytes):
            data = body
            sent.setdefault("Content-Type", "application/x-tar")
        elif body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if query:
            plain = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in query.items()}
            target += "?" + urlencode(plain)
        try:
            connection.request(method, target, data, sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def get(self, target: str, **query: Any) -> Answer:
        return self.request("GET", target, **query)

    def post(self, target: str, body: Any = None, **query: Any) -> Answer:
        return self.request("POST", target, body, **query)

    def delete(self, target: str, **query: Any) -> Answer:
        return self.request("DELETE", target, **query)

    def alive(self) -> bool:
        try:
            return self.request("GET", "/_ping", timeout=5).status == 200
        except (OSError, http.client.HTTPException):
            return False
