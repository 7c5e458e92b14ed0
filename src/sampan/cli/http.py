"""A minimal HTTP/1.1 client for the Docker Engine API: requests, streams, hijacked connections.

Why not a library: docs/decisions/cli-http.md.
Source: RFC 9112; Docker Engine API, "attach to a container" for the upgrade.
"""

from __future__ import annotations

from sampan.cli import gojson
from sampan.cli.errors import ApiError, CliError, ConnectionFailed
from sampan.cli.sockets import open_tcp, open_unix, split_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from sampan.cli.sockets import Connection
    from sampan.cli.tls import TlsFiles

    Query = Mapping[str, str | list[str]]


API_VERSION = (1, 50)  # the newest this client knows; older daemons are followed, see Client._retry_version
_BLOCK = 1 << 16


class Response:
    """Status and headers, and the body as it is read; `close` gives the connection back."""

    def __init__(
        self, connection: Connection, release: Callable[[Connection], None], head: bool = False
    ) -> None:
        self._connection = connection
        self._release = release
        self._buffer = b""
        self.tick: Callable[[], None] | None = None  # called while nothing comes, ten times a second
        try:
            self.status, self.headers = self._read_head()
            while self.status == 100:
                self.status, self.headers = self._read_head()
        except (CliError, OSError):
            connection.close()
            raise
        self._left: int | None = None
        self._chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        length = self.headers.get("content-length")
        if head or self.status in (204, 304):
            self._left, self._chunked = 0, False
        elif length is not None and not self._chunked:
            self._left = int(length)
        self._chunk = 0
        self._done = self._left == 0

    def _fill(self) -> bool:
        if self.tick is not None:
            self._wait(self.tick)
        data = self._connection.recv(_BLOCK)
        self._buffer += data
        return bool(data)

    def _wait(self, tick: Callable[[], None]) -> None:
        import select

        pending = getattr(self._connection, "pending", None)  # of a TLS connection, decrypted already
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        while not (pending and pending()) and not poll.poll(100):
            tick()

    def _read_line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if not self._fill():
                raise CliError("error during connect: unexpected EOF")
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line.rstrip(b"\r")

    def _read_head(self) -> tuple[int, dict[str, str]]:
        line = self._read_line().split(b" ", 2)
        if len(line) < 2 or not line[0].startswith(b"HTTP/1.") or not line[1].isdigit():
            raise CliError("error during connect: malformed HTTP response")
        headers: dict[str, str] = {}
        while header := self._read_line():
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(line[1]), headers

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives; raises CliError when it ends too soon."""
        try:
            yield from self._body()
        except OSError as error:
            self.close()
            raise CliError(f"error during connect: {error.strerror or error}") from None
        except CliError:
            self.close()
            raise

    def _body(self) -> Iterator[bytes]:
        while not self._done:
            if self._chunked:
                yield from self._next_chunk()
                continue
            if not self._buffer and not self._fill():
                if self._left:
                    raise CliError("unexpected EOF")
                break
            data, self._buffer = self._take(self._left)
            yield data
        self._finish()

    def _take(self, limit: int | None) -> tuple[bytes, bytes]:
        if limit is None:
            return self._buffer, b""
        data = self._buffer[:limit]
        self._left = limit - len(data)
        self._done = self._left == 0
        return data, self._buffer[len(data) :]

    def _next_chunk(self) -> Iterator[bytes]:
        if self._chunk == 0:
            self._chunk = _chunk_size(self._read_line())
            if self._chunk == 0:
                while self._read_line():
                    pass
                self._done = True
                return
        if not self._buffer and not self._fill():
            raise CliError("unexpected EOF")
        data = self._buffer[: self._chunk]
        self._buffer = self._buffer[len(data) :]
        self._chunk -= len(data)
        if self._chunk == 0:
            self._read_line()
        yield data

    def _finish(self) -> None:
        self._done = True
        if self._release is not None and self.headers.get("connection", "").lower() != "close":
            self._release(self._connection)
        else:
            self.close()

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def text(self) -> str:
        return self.read().decode("utf-8", "replace")

    def json(self) -> Any:
        """The body's value; raises CliError when it is not JSON."""
        return _parsed(self.read())

    def messages(self) -> Iterator[Any]:
        """Each JSON value of a stream, as soon as it is whole; raises CliError."""
        import codecs

        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        text = ""
        for data in self.chunks():
            text += decode(data)
            while text := text.lstrip():
                # A line break ends every message the Engine API streams; without one it may be cut short.
                end = text.find("\n")
                if end < 0:
                    break
                yield _parsed(text[:end])
                text = text[end + 1 :]
        if text.strip():
            yield _parsed(text)

    def raise_for_status(self) -> Response:
        """Raises ApiError with the daemon's own message."""
        if self.status < 400 and self.status != 304:
            return self
        if self.status == 304:
            return self
        raise ApiError(self._error_text(), self.status)

    def _error_text(self) -> str:
        body = self.read()
        try:
            message = gojson.loads(body)["message"]
        except (ValueError, KeyError, TypeError):
            message = body.decode("utf-8", "replace")
        return str(message).strip() or f"request returned status {self.status}"

    def hijack(self) -> tuple[Connection, bytes]:
        """The raw connection and what was read beyond the headers."""
        return self._connection, self._buffer

    def close(self) -> None:
        self._connection.close()


def _parsed(data: bytes | str) -> Any:
    try:
        return gojson.loads(data)
    except ValueError as error:
        raise CliError(f"error during connect: {error}") from None


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";")[0].strip(), 16)
    except ValueError:
        raise CliError("error during connect: malformed chunked encoding") from None


class Client:
    """Talks to one daemon. `address` is a docker host URL: unix://PATH or tcp://HOST:PORT."""

    def __init__(
        self,
        address: str,
        tls: TlsFiles | None = None,
        version: tuple[int, int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.address = address
        self._tls = tls
        self._headers = dict(headers or {})
        self._pinned = version is not None
        self.version = version or API_VERSION
        self._agreed = self._pinned
        self._idle: Connection | None = None
        self.start_daemon: Callable[[], bool] | None = None

    # -- requests ---------------------------------------------------------------------------------------

    def get(self, path: str, query: Query | None = None) -> Response:
        return self.request("GET", path, query)

    def post(self, path: str, query: Query | None = None, body: Any = None) -> Response:
        return self.request("POST", path, query, body)

    def delete(self, path: str, query: Query | None = None) -> Response:
        return self.request("DELETE", path, query)

    def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Any = None,
        *,
        stream: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        upgrade: bool = False,
        check: bool = True,
    ) -> Response:
        """Send a request and read the answer's head; raises ApiError for an error status if `check`."""
        if (stream is not None or method == "HEAD") and not self._agreed:  # neither can be asked again
            self.negotiate()
        fields = dict(headers or {})
        data = b""
        if body is not None:
            data = gojson.dumps(body).encode("utf-8", "surrogatepass")
            fields["Content-Type"] = "application/json"
        if upgrade:
            fields.update({"Connection": "Upgrade", "Upgrade": "tcp"})
            fields.setdefault("Content-Type", "text/plain")
        response = self._exchange(method, path, query, fields, data, stream, fresh=upgrade)
        if not check:
            return response
        if response.status == 400 and not self._pinned:
            message = response._error_text()
            if not self._follow(message):
                raise ApiError(message, 400)
            response = self._exchange(method, path, query, fields, data, stream, fresh=upgrade)
        self._agreed = True
        return response.raise_for_status()

    def begin(self, method: str, path: str, query: Query | None = None) -> Callable[[], Response]:
        """Send a request on a connection of its own; the returned function waits for the answer.

        So many can be under way at once. Raises like `request`.
        """
        self.negotiate()
        connection = self.connect()
        connection.sendall(self._head(method, path, query, {}, b"", None))

        def finish() -> Response:
            return Response(connection, lambda used: used.close()).raise_for_status()

        return finish

    def negotiate(self) -> None:
        """Agree on the API version before a request that cannot be sent twice."""
        if self._agreed:
            return
        response = self.ping()
        self._use(response.headers.get("api-version", ""))
        response.read()

    def ping(self) -> Response:
        return self._exchange("HEAD", "/_ping", None, {}, b"", None, versioned=False)

    def _use(self, offered: str) -> None:
        major, _, minor = offered.partition(".")
        if major.isdigit() and minor.isdigit():
            self.version = min(self.version, (int(major), int(minor)))
        self._agreed = True

    def _follow(self, message: str) -> bool:
        """Take the daemon's version when it says ours is too new."""
        if self._agreed or "is too new" not in message:
            return False
        self._use(message.rsplit(" ", 1)[-1].strip())
        return True

    def _exchange(
        self,
        method: str,
        path: str,
        query: Query | None,
        fields: Mapping[str, str],
        data: bytes,
        stream: Iterable[bytes] | None,
        *,
        fresh: bool = False,
        versioned: bool = True,
    ) -> Response:
        head = self._head(method, path, query, fields, data, stream, versioned)
        connection = self._idle if self._idle is not None and not fresh and stream is None else None
        if connection is not None:
            self._idle = None
            try:
                connection.sendall(head)
                return Response(connection, self._keep, method == "HEAD")
            except (OSError, CliError):
                connection.close()  # closed while idle: ask again on a new one
        connection = self.connect()
        try:
            connection.sendall(head)
            if stream is not None:
                _send_chunks(connection, stream)
            return Response(connection, self._keep, method == "HEAD")
        except OSError as error:
            connection.close()
            raise CliError(f"error during connect: {error.strerror or error}") from None

    def _head(
        self,
        method: str,
        path: str,
        query: Query | None,
        fields: Mapping[str, str],
        data: bytes,
        stream: Iterable[bytes] | None,
        versioned: bool = True,
    ) -> bytes:
        prefix = f"/v{self.version[0]}.{self.version[1]}" if versioned else ""
        lines = [f"{method} {prefix}{path}{encode_query(query)} HTTP/1.1", "Host: api.sampan.localhost"]
        lines += ["User-Agent: sampan-cli"]
        lines += [f"{name}: {value}" for name, value in {**self._headers, **fields}.items()]
        if stream is not None:
            lines.append("Transfer-Encoding: chunked")
        elif data or method == "POST":
            lines.append(f"Content-Length: {len(data)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + data

    def _keep(self, connection: Connection) -> None:
        if self._idle is not None:
            self._idle.close()
        self._idle = connection

    def close(self) -> None:
        """Give up the idle connection."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    # -- connections ------------------------------------------------------------------------------------

    def connect(self) -> Connection:
        """A new connection; starts a daemon first where `start_daemon` is set and none answers."""
        try:
            return self._open()
        except OSError as error:
            if self.start_daemon is not None and self.start_daemon():
                self.start_daemon = None
                return self._open()
            if isinstance(error, PermissionError):
                raise ConnectionFailed(
                    f"permission denied while trying to connect to the Sampan daemon socket at {self.address}"
                ) from None
            raise ConnectionFailed(
                f"Cannot connect to the Sampan daemon at {self.address}. Is sampand running?"
            ) from None

    def _open(self) -> Connection:
        scheme, _, rest = self.address.partition("://")
        if scheme == "unix":
            return open_unix(rest)
        host, port = split_address(rest)
        connection = open_tcp(host, port)
        if self._tls is None:
            return connection
        from sampan.cli.tls import wrap

        return wrap(connection, self._tls, host)


def _send_chunks(connection: Connection, stream: Iterable[bytes]) -> None:
    for block in stream:
        if block:
            connection.sendall(b"%x\r\n%b\r\n" % (len(block), block))
    connection.sendall(b"0\r\n\r\n")


_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


def escape(text: str) -> str:
    """Percent-encode everything but unreserved characters (a path segment or a query value)."""
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)


def encode_query(query: Query | None) -> str:
    if not query:
        return ""
    pairs = []
    for name in query:
        value = query[name]
        for item in value if isinstance(value, list) else [value]:
            pairs.append(f"{escape(name)}={escape(item)}")
    return "?" + "&".join(pairs) if pairs else ""
