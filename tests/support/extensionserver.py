"""A server of an API group of its own, by TLS: does what a path asks for, keeps what it was asked."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sampan.kube.pki.issuing import Authority, new_authority, serving_certificate
from sampan.kube.pki.keyfiles import certificate_pem, key_pem, new_key

Headers = list[tuple[str, str]]
RESOURCES = [
    {"name": "boats", "singularName": "boat", "namespaced": True, "kind": "Boat", "verbs": ["get", "list"]},
    {"name": "boats/scale", "singularName": "", "namespaced": True, "kind": "Scale", "verbs": ["get"]},
]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Headers
    body: bytes
    client: str  # the common name of its certificate

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class ExtensionServer:
    """Of `group`/v1. `authority` is what to trust it by, in PEM."""

    group: str
    port: int
    authority: bytes
    asked: list[Asked] = field(default_factory=list)
    go_on: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ended: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)  # the client of a watch has gone
    healthy: bool = True
    modern: bool = False  # does it know aggregated discovery?

    def last(self, path: str) -> Asked:
        return next(one for one in reversed(self.asked) if path in one.path)

    # --- one connection

    def serve(self, sock: ssl.SSLSocket) -> None:
        subject = dict(pair[0] for pair in (sock.getpeercert() or {}).get("subject", ()))
        file = sock.makefile("rb")
        while line := file.readline(70_000):
            method, path, _ = line.decode().split(" ")
            headers: Headers = []
            while (line := file.readline(70_000)) not in (b"\r\n", b""):
                name, _, value = line.decode("utf-8", "surrogateescape").partition(":")
                headers.append((name, value.strip()))
            body = b"".join(_body(file, {name.lower(): value for name, value in headers}))
            asked = Asked(method, path, headers, body, subject.get("commonName", ""))
            self.asked.append(asked)
            if not self.answer(sock, asked):
                return

    def answer(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        """May the connection be used again?"""
        path = asked.path.partition("?")[0]
        what = path.removeprefix(f"/apis/{self.group}/v1").strip("/").rpartition("/")[2]
        if not self.healthy:
            return send(sock, 500, b"broken")
        if path == "/apis" and self.modern:
            return send(sock, 200, json.dumps(self.discovery()).encode(), MODERN)
        if path == "/openapi/v3":
            where = {
                f"apis/{self.group}/v1": {"serverRelativeURL": f"/openapi/v3/apis/{self.group}/v1?hash=1"}
            }
            foreign = {"apis/apps/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1?hash=evil"}}
            return send(sock, 200, json.dumps({"paths": {**where, **foreign}}).encode())
        if path == "/openapi/v2":
            return send(sock, 200, json.dumps(self.swagger()).encode())
        if path == f"/openapi/v3/apis/{self.group}/v1":
            return send(sock, 200, b'{"openapi":"3.0.0","info":{"title":"boats"}}')
        if path == f"/apis/{self.group}/v1":
            listed = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{self.group}/v1"}
            return send(sock, 200, json.dumps({**listed, "resources": RESOURCES}).encode())
        if path.startswith(f"/apis/{self.group}/v1/"):
            return bool(getattr(self, f"do_{what}", self.do_echo)(sock, asked))
        return send(sock, 404, b"404 page not found\n")

    def swagger(self) -> object:
        answer = {"description": "OK", "schema": {"$ref": "#/definitions/Boat"}}
        get = {"get": {"responses": {"200": answer}}}
        return {
            "swagger": "2.0",
            "paths": {f"/apis/{self.group}/v1/boats": get, "/apis/apps/v1/deployments": get},
            "definitions": {"Boat": {"type": "object", "description": "A boat."}, "Unused": {}},
        }

    def discovery(self) -> object:
        kind = {"group": self.group, "version": "v1", "kind": "Boat"}
        boats = {"resource": "boats", "responseKind": kind, "scope": "Namespaced", "verbs": ["get"]}
        version = {"version": "v1", "resources": [boats, {"resource": 7}, "nonsense"]}
        return {"items": [{"metadata": {"name": self.group}, "versions": [version, None]}, 3]}

    # --- what paths ask for

    def do_echo(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        body = b"" if asked.method == "HEAD" else asked.body or b"{}"
        return send(sock, 200, body, headers=[("X-Own", "yes"), ("Connection", "X-Hop"), ("X-Hop", "1")])

    def do_watched(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        """An event whenever the test says so, until the client leaves."""
        sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        try:
            for number in range(1000):
                while not self.go_on.acquire(timeout=0.05):
                    if self.ended.is_set() or not _connected(sock):
                        return False
                line = b'{"type":"ADDED","n":%d}\n' % number
                sock.sendall(b"%x\r\n%s\r\n" % (len(line), line))
        finally:
            self.left.set()
        return False

    def do_redirect(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        return send(sock, 307, b"", headers=[("Location", f"/apis/{self.group}/v1/followed")])

    def do_hang(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        return self.ended.wait(30) and False

    def do_endless(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        while not self.ended.is_set():
            sock.sendall(b"X-More: " + b"a" * 8000 + b"\r\n")
        return False

    def do_short(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
        return False

    def do_long(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nX-Smuggled: 1\r\n\r\n"
        )
        return True

    def do_garbage(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        sock.sendall(b"\x00\x01\x02 nothing like HTTP\r\n\r\n")
        return False

    def do_close(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        return False

    def do_tunnel(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        """Agrees to everything, and says again what it hears."""
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n")
        sock.sendall(f"Upgrade: {asked.all('Upgrade')[0]}\r\nSec-WebSocket-Accept: x\r\n\r\nhello ".encode())
        while data := sock.recv(65536):
            sock.sendall(data)
        return False

    def do_notunnel(self, sock: ssl.SSLSocket, asked: Asked) -> bool:
        return send(sock, 403, b'{"kind":"Status","code":403}')


MODERN = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def send(
    sock: ssl.SSLSocket,
    code: int,
    body: bytes,
    media: str = "application/json",
    headers: Headers = [],  # noqa: B006
) -> bool:
    lines = [f"HTTP/1.1 {code} Whatever", f"Content-Type: {media}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return True


def _body(file: object, headers: dict[str, str]) -> Iterator[bytes]:
    read, readline = file.read, file.readline  # type: ignore[attr-defined]
    if "chunked" in headers.get("transfer-encoding", ""):
        while size := int(readline(), 16):
            yield read(size)
            readline()
        readline()
    else:
        yield read(int(headers.get("content-length", "0")))


def _connected(sock: ssl.SSLSocket) -> bool:
    sock.settimeout(0.01)
    try:
        return sock.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        sock.settimeout(None)


@contextmanager
def extension_server(
    directory: Path, group: str, names: list[str], clients: Path, address: str = "127.0.0.1"
) -> Iterator[ExtensionServer]:
    """`names` are in its certificate; `clients` is the file of the authority that it knows clients by."""
    now = datetime.now(UTC)
    authority = Authority(1, *new_authority("extension-ca", now))
    key = new_key()
    certificate = serving_certificate(authority, key.public_key(), "extension", names, now)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "crt").write_bytes(certificate_pem(certificate))
    (directory / "key").write_bytes(key_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "crt", directory / "key")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(clients)
    listener = socket.create_server((address, 0))
    server = ExtensionServer(group, listener.getsockname()[1], certificate_pem(authority.certificate))
    threads: list[threading.Thread] = []
    socks: list[socket.socket] = []

    def one(plain: socket.socket) -> None:
        with suppress(OSError, ValueError), context.wrap_socket(plain, server_side=True) as sock:
            socks.append(sock)
            server.serve(sock)

    def accept() -> None:
        with suppress(OSError):
            while True:
                plain, _ = listener.accept()
                socks.append(plain)
                thread = threading.Thread(target=one, args=(plain,))
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        server.ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for sock in socks:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for sock in socks:
            sock.close()
