"""One attached client: its socket was a Docker client's HTTP connection, now it carries streams.

Towards the client: Docker's multiplexed frames (stream, three zeros, length as u32 big-endian, payload), or
raw bytes. From the client: raw bytes for standard input, in which its detach keys are looked for.
"""

from __future__ import annotations

import binascii
import struct
from _collections import deque  # type: ignore[import-not-found]

from sampan.linux import sockets
from sampan.runtime.loop import HANGUP, IN, OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.runtime.interfaces import Streams
    from sampan.runtime.loop import Loop
    from sampan.runtime.protocol import Attach

# A client this far behind stops the container's output, as Docker's does (pkg/ioutils/bytespipe.go: 1e6).
BACKLOG = 1_000_000
CHUNK = 64 * 1024

_FRAME = struct.Struct(">BxxxI")


class DetachKeys:
    """Finds the key sequence in a byte stream; holds back a beginning of it that may still become whole."""

    __slots__ = ("_keys", "_matched")

    def __init__(self, keys: list[int]) -> None:
        self._keys = bytes(keys)
        self._matched = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What may pass on, and whether the sequence is complete (nothing after it passes)."""
        keys = self._keys
        if not keys or (not self._matched and keys[0] not in data):
            return data, False
        passed = bytearray()
        for byte in data:
            held = keys[: self._matched] + bytes((byte,))
            # The longest end of what is held that still begins the sequence; all before it may pass.
            kept = next(n for n in range(len(held), -1, -1) if keys.startswith(held[len(held) - n :]))
            passed += held[: len(held) - kept]
            self._matched = kept
            if kept == len(keys):
                return bytes(passed), True
        return bytes(passed), False


class Client:
    def __init__(self, loop: Loop, streams: Streams, fd: int, attach: Attach) -> None:
        self._loop = loop
        self._streams = streams
        self._socket = sockets.Socket(fileno=fd)
        self._socket.setblocking(False)
        self._framed = attach["framed"]
        self._wanted = {1: attach["stdout"], 2: attach["stderr"]}
        self._keys = DetachKeys(attach["detach_keys"])
        self._queue: deque[memoryview] = deque()
        self.backlog = 0
        self._reads = attach["stdin"]
        self._held = False  # input waits until the container takes some
        self._closing = False
        self.closed = False
        self._interest = -1
        self._leftover = binascii.a2b_base64(attach.get("leftover") or "")

    def start(self) -> None:
        if self._reads and self._leftover:
            self._take(self._leftover)
        self._leftover = b""
        self._update()

    # Towards the client

    def send(self, stream: int, data: bytes) -> None:
        if not self._wanted[stream] or self.closed or self._closing:
            return
        parts = [_FRAME.pack(stream, len(data)), data] if self._framed else [data]
        if not self._queue:
            try:
                sent = self._socket.sendmsg(parts)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            if sent == len(data) + (_FRAME.size if self._framed else 0):
                return
            rest = memoryview(b"".join(parts))[sent:]
            self._queue.append(rest)
            self.backlog += len(rest)
        else:
            self._queue.extend(memoryview(part) for part in parts)
            self.backlog += sum(map(len, parts))
        self._update()

    def _flush(self) -> None:
        while self._queue:
            try:
                sent = self._socket.send(self._queue[0])
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            self.backlog -= sent
            if sent < len(self._queue[0]):
                self._queue[0] = self._queue[0][sent:]
            else:
                self._queue.popleft()
        if self._closing and not self._queue:
            self.close()
            return
        self._streams.client_drained()

    # From the client

    def _receive(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if data:
            self._take(data)
        else:
            self._reads = False
            self._streams.client_ended_input(self)

    def _take(self, data: bytes) -> None:
        data, detached = self._keys.feed(data)
        if data:
            self._streams.feed(data)
        if detached:
            self._streams.client_detached()
            self.finish()

    def hold(self, held: bool) -> None:
        """Stop or resume reading input."""
        self._held = held
        self._update()

    # Life

    def _update(self) -> None:
        if self.closed:
            return
        interest = (IN if self._reads and not self._held and not self._closing else 0) | (
            OUT if self._queue else 0
        )
        if interest != self._interest:
            self._interest = interest
            self._loop.watch(self._socket.fileno(), interest, self._ready)

    def _ready(self, events: int) -> None:
        if events & OUT:
            self._flush()
        if events & IN and not self.closed:
            self._receive()
        elif events & HANGUP and not events & IN:
            self.close()  # gone both ways: nobody will ever read what is queued
        self._update()

    def finish(self) -> None:
        """Close once everything queued has been sent."""
        self._closing = True
        self._reads = False
        if self._queue:
            self._update()
        else:
            self.close()

    def close(self, shutdown: bool = True) -> None:
        if self.closed:
            return
        self.closed = True
        self._queue.clear()
        self.backlog = 0
        self._loop.forget(self._socket.fileno())
        if shutdown:  # whoever else holds the connection
            try:
                self._socket.shutdown(sockets.SHUT_RDWR)
            except OSError:
                pass
        self._socket.close()
        self._streams.client_closed(self)
