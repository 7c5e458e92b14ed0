"""A client that sends whatever it is told to, and what must hold for every answer."""

import base64
import json
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.cluster import ClusterProcess

WITHIN = 20.0  # seconds in which everything is answered


@dataclass
class Answer:
    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Hostile:
    """One connection at a time, with the administrator's certificate or none."""

    _sock: ssl.SSLSocket | None = None

    def __init__(self, cluster: ClusterProcess, *, certificate: bool = True) -> None:
        self.cluster = cluster
        self.port = cluster.port
        self.context = tls(cluster.data, certificate=certificate)

    def connect(self) -> ssl.SSLSocket:
        # Wrapped before it connects: of a peer that resets in between, Python leaves a half-made socket open.
        sock = self.context.wrap_socket(socket.socket(), server_hostname="127.0.0.1")
        sock.settimeout(WITHIN)
        try:
            sock.connect(("127.0.0.1", self.port))
        except BaseException:
            sock.close()
            raise
        return sock

    def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """The answer to one request, of which nothing is checked or encoded."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        data = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
        if self._sock is not None:
            with suppress(OSError):
                return self._once(data)
            self.close()
        return self._once(data)

    def json(self, method: str, path: str, value: Any, media: str = "application/json") -> Answer:
        return self.send(method, path, json.dumps(value).encode(), {"Content-Type": media})

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._sock = None

    __del__ = close

    def _once(self, data: bytes) -> Answer:
        self._sock = self._sock or self.connect()
        with suppress(BrokenPipeError):  # refused before all of it was read; the answer is there
            self._sock.sendall(data)
        answer = read_answer(self._sock, bare=data.startswith(b"HEAD "))
        if answer.headers.get("connection") == "close" or answer.code == 101:
            self.close()
        return answer


def tls(data: Path, *, certificate: bool = True) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(data / "pki" / "ca.crt")
    if certificate:
        context.load_cert_chain(data / "pki" / "admin.crt", data / "pki" / "admin.key")
    return context


def read_answer(sock: socket.socket, *, bare: bool = False) -> Answer:
    """One answer (`bare`: without a body) from a connection; raises OSError when it ends before."""
    with sock.makefile("rb") as file:
        return _answer(file, bare)


def _answer(file: Any, bare: bool) -> Answer:
    line = file.readline(65536)
    if not line:
        raise ConnectionResetError
    headers: dict[str, str] = {}
    while (header := file.readline(1 << 20)) not in (b"\r\n", b""):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    code = int(line.split()[1])
    return Answer(code, headers, b"" if bare else _body(file, headers, code))


def _body(file: Any, headers: dict[str, str], code: int) -> bytes:
    if code in (101, 204, 304):
        return b""
    if headers.get("transfer-encoding") != "chunked":
        found: bytes = file.read(int(headers.get("content-length", "0")))
        return found
    parts = []
    while size := int(file.readline() or b"0", 16):
        parts.append(file.read(size))
        file.readline()
    file.readline()
    return b"".join(parts)


def token_client(cluster: ClusterProcess, namespace: str, account: str) -> tuple[Hostile, dict[str, str]]:
    """A client that shows a service account's token: (it, headers)."""
    admin = Hostile(cluster)
    made = admin.json("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", {})
    assert made.code == 201, made.body
    headers = {"Authorization": f"Bearer {made.json['status']['token']}", "Content-Type": "application/json"}
    return Hostile(cluster, certificate=False), headers


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def memory(cluster: ClusterProcess) -> int:
    """MiB that the server holds."""
    pid = (cluster.directory / "exec" / "api.pid").read_text()
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) >> 10


def log_of(cluster: ClusterProcess) -> bytes:
    return (cluster.data / "logs" / "kube-api.log").read_bytes()


def tracebacks(cluster: ClusterProcess, before: bytes = b"") -> str:
    """What the server's log tells, after `before`, of exceptions that nobody expected."""
    log = log_of(cluster)[len(before) :].decode(errors="replace")
    at = log.find("Traceback")
    return log[max(at - 300, 0) : at + 3000] if at >= 0 else ""
