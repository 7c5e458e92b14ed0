"""Requests that become something else than HTTP (WebSocket, SPDY): bytes to and from another server.

Once both have agreed, the client's connection leaves aiohttp and its bytes are copied by asyncio's own
streams, which work on TLS and under uvloop as well. Neither side of TLS can end alone there: when one has
ended, both have, as in k8s.io/apimachinery pkg/util/proxy.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web
from multidict import CIMultiDict

from sampan.http.hijack import Gone, release
from sampan.kube.api.auditing import audit_headers
from sampan.kube.api.bodies import PATIENCE
from sampan.kube.api.dialfailures import dialed, reason
from sampan.kube.api.forwardedheaders import answer_headers
from sampan.kube.api.forwarding import unreached
from sampan.kube.api.peers import CONNECT, Peer
from sampan.tasks import Tasks

HEAD = 64 << 10  # bytes of an answer's head
REFUSAL = 1 << 20  # bytes of the body of an answer that is no agreement
CHUNK = 64 << 10


class BadAnswer(Exception):
    """What came is not HTTP."""


def is_upgrade(request: web.BaseRequest) -> bool:
    """Does the client want to speak something else? With a body (curl's offer of h2c) it can wait."""
    if request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers:
        return False
    wishes = ",".join(request.headers.getall("Connection", ())).lower().split(",")
    return bool(request.headers.get("Upgrade")) and "upgrade" in (one.strip() for one in wishes)


async def tunnel(
    request: web.BaseRequest, peer: Peer, path: str, headers: CIMultiDict[str], tasks: Tasks
) -> web.StreamResponse:
    """Ask `peer` for what the client wants to speak; the copying goes on in `tasks`."""
    # What the client says from here on is not HTTP any more.
    request.protocol._upgraded = True
    try:
        async with asyncio.timeout(CONNECT):
            reader, writer = await asyncio.open_connection(
                peer.host, peer.port, ssl=peer.context, server_hostname=peer.name, limit=HEAD
            )
    except (OSError, TimeoutError) as error:
        return _closing(unreached(dialed(error, peer.host, peer.port)))
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(_asking(request, path, headers))
            head = await reader.readuntil(b"\r\n\r\n")
            code, given = _parsed(head)
            if code != 101:
                return await _refused(request, code, given, reader)
        client = await _taken(request, given)
    except (BadAnswer, asyncio.LimitOverrunError) as error:
        return _closing(unreached(f"malformed HTTP response: {error}"))
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        return _closing(unreached(reason(error)))
    else:
        tasks.spawn(_join(client, (reader, writer)))
        writer = None  # type: ignore[assignment] # theirs
        return Gone(status=101)
    finally:
        if writer is not None:
            writer.close()


def _closing(response: web.Response) -> web.Response:
    response.force_close()
    return response


def _asking(request: web.BaseRequest, path: str, headers: Mapping[str, str]) -> bytes:
    """The request's head, with the wish to upgrade. None of it may have a line's end."""
    lines = [f"{request.method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Connection: Upgrade", f"Upgrade: {request.headers['Upgrade']}"]
    if any("\r" in line or "\n" in line for line in lines):
        raise BadAnswer("a header has more than one line")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def _parsed(head: bytes) -> tuple[int, CIMultiDict[str]]:
    first, *lines = head.decode("utf-8", "surrogateescape").rstrip("\r\n").split("\r\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit() and len(code) == 3):
        raise BadAnswer(repr(first[:100]))
    found: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or "\n" in line or "\r" in line:
            raise BadAnswer(repr(line[:100]))
        found.add(name, value.strip())
    return int(code), found


async def _refused(
    request: web.BaseRequest, code: int, given: CIMultiDict[str], reader: asyncio.StreamReader
) -> web.Response:
    """An ordinary answer, after which neither connection is used again."""
    if not 200 <= code <= 599:
        raise BadAnswer(f"unexpected status {code}")
    headers = answer_headers(given)
    headers.pop("Content-Length", None)
    body = b"" if code in (204, 304) or request.method == "HEAD" else await _body(given, reader)
    return _closing(web.Response(status=code, headers=headers, body=body))


async def _body(given: Mapping[str, str], reader: asyncio.StreamReader) -> bytes:
    if "chunked" in given.get("Transfer-Encoding", "").lower():
        return await _chunked(reader)
    length = given.get("Content-Length", "")
    if not length:
        return await reader.read(REFUSAL)
    if not (length.isascii() and length.isdigit()) or int(length) > REFUSAL:
        raise BadAnswer(f"Content-Length {length[:20]}")
    return await reader.readexactly(int(length))


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while True:
        line = (await reader.readuntil(b"\n")).partition(b";")[0].strip()
        try:
            size = int(line, 16) if line.isalnum() else -1
        except ValueError:
            size = -1
        if not 0 <= size <= REFUSAL - len(found):
            raise BadAnswer("invalid chunk length")
        if size == 0:
            return bytes(found)
        found += await reader.readexactly(size)
        await reader.readuntil(b"\n")


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _taken(request: web.BaseRequest, given: CIMultiDict[str]) -> Streams:
    """The client's connection, after it has heard that it is agreed. Raises OSError if it has gone."""
    transport, protocol = request.transport, request.protocol
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client closed the connection")
    headers = answer_headers(given)
    headers.update(audit_headers(request))
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade"]
    lines += [f"Upgrade: {given.get('Upgrade', request.headers['Upgrade'])}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    transport.write(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"))
    leftover, protocol._message_tail = bytes(protocol._message_tail), b""
    release(request)
    protocol.transport = None  # aiohttp would close it when the handler returns
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=CHUNK)
    streams = asyncio.StreamReaderProtocol(reader)
    transport.set_protocol(streams)
    streams.connection_made(transport)
    if leftover:
        reader.feed_data(leftover)
    with suppress(RuntimeError):  # it was not paused
        transport.resume_reading()
    return reader, asyncio.StreamWriter(transport, streams, reader, loop)


async def _join(one: Streams, other: Streams) -> None:
    """Copy both ways until one of them ends."""
    copies = [
        asyncio.ensure_future(_copy(one[0], other[1])),
        asyncio.ensure_future(_copy(other[0], one[1])),
    ]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for copy in copies:
            copy.cancel()
        await asyncio.wait(copies)
        for _, writer in (one, other):
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
