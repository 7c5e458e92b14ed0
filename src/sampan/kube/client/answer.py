"""An HTTP/1.1 answer, read as its bytes come in whatever pieces (RFC 9112). No I/O.

It is strict where a lenient reader would have to guess where an answer ends: that connection cannot be used
again, and is not.
"""

import re

from sampan.errors import Unavailable

HEAD = 64 << 10  # bytes of a status line and headers, or of a chunked body's trailers
SIZE_LINE = 256  # bytes of a line that says how long a chunk is
LARGEST = 1 << 30  # bytes of a body that is wanted as a whole

STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: [^\r\n]*)?\r\n")
FRAMING = re.compile(
    rb"\r\n(content-length|transfer-encoding|connection)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.I
)
SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


class Malformed(Unavailable):
    """What came is not HTTP/1.1, or more than anybody would send."""


class Answer:
    """`code` is 0 until the head is here. `done`: all is here; `reusable`: another one may follow it."""

    def __init__(self) -> None:
        self.code = 0
        self.done = False
        self.reusable = False
        self.begun = False  # has anything come?
        self.size = 0  # bytes that `take` would give
        self._parts: list[bytes] = []
        self._rest = b""  # the beginning of a line, or of a head, whose end is not here
        self._left = (
            0  # bytes of the body or of this chunk that are still to come; -1: until the connection ends
        )
        self._step = self._head

    def feed(self, data: bytes) -> None:
        """Raises Malformed."""
        self.begun = True
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, end = 0, len(data)
        while at < end:
            if self.done:
                raise Malformed("bytes came after the end of an answer")
            after = self._step(data, at)
            if after < 0:
                self._rest = data[at:]
                return
            at = after

    def end(self) -> None:
        """The connection has ended. Raises Malformed if the answer has not."""
        if self._step == self._counted and self._left < 0:
            self.done = True
        if not self.done:
            raise Malformed("the connection ended in the middle of an answer")

    def take(self) -> list[bytes]:
        """What has come of the body since the last call."""
        parts, self._parts, self.size = self._parts, [], 0
        return parts

    # Each step reads from `at`; the position after what it has read, or -1: it needs more bytes.

    def _head(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n\r\n", at)
        if (end if end >= 0 else len(data)) - at > HEAD:
            raise Malformed(f"an answer's head is longer than {HEAD} bytes")
        if end < 0:
            return -1
        status = STATUS.match(data, at)
        if status is None:
            raise Malformed(f"not an HTTP/1.1 answer: {data[at : at + 80]!r}")
        code = int(status[2])
        if code >= 200:
            self._begin(code, status[1] == b"1", FRAMING.findall(data, status.end() - 2, end + 2))
        elif code == 101:
            raise Malformed("the server changed the protocol unasked")
        return end + 4

    def _begin(self, code: int, persistent: bool, framing: list[tuple[bytes, bytes]]) -> None:
        lengths, codings = set(), []
        for name, value in framing:
            name, value = name.lower(), value.lower()
            if name == b"content-length":
                lengths.add(value)
            elif name == b"transfer-encoding":
                codings.append(value)
            else:
                persistent = persistent and b"close" not in value
        self.code = code
        self.reusable = persistent
        if code in (204, 304):
            self.done = True
        elif codings:
            if codings != [b"chunked"] or lengths:
                raise Malformed(f"transfer codings {codings} with lengths {sorted(lengths)}")
            self._step = self._chunk
        else:
            self._left = _length(lengths)
            self.done = self._left == 0
            self.reusable = persistent and self._left >= 0
            self._step = self._counted

    def _counted(self, data: bytes, at: int) -> int:
        if self._left < 0:
            return self._keep(data, at, len(data))
        end = self._keep(data, at, min(at + self._left, len(data)))
        self._left -= end - at
        self.done = self._left == 0
        return end

    def _keep(self, data: bytes, at: int, end: int) -> int:
        self._parts.append(data[at:end])
        self.size += end - at
        if self.size > LARGEST:
            raise Malformed(f"an answer is larger than {LARGEST} bytes")
        return end

    def _chunk(self, data: bytes, at: int) -> int:
        found = SIZE.match(data, at)
        if found is None:
            if len(data) - at > SIZE_LINE or data.find(b"\n", at) >= 0:
                raise Malformed(f"no size of a chunk: {data[at : at + 80]!r}")
            return -1
        self._left = int(found[1], 16)
        self._step = self._chunk_data if self._left else self._trailers
        return found.end()

    def _chunk_data(self, data: bytes, at: int) -> int:
        end = self._keep(data, at, min(at + self._left, len(data)))
        self._left -= end - at
        if not self._left:
            self._step = self._chunk_end
        return end

    def _chunk_end(self, data: bytes, at: int) -> int:
        if not b"\r\n".startswith(data[at : at + 2]):
            raise Malformed("a chunk is longer than it says")
        if len(data) - at < 2:
            return -1
        self._step = self._chunk
        return at + 2

    def _trailers(self, data: bytes, at: int) -> int:
        if data.startswith(b"\r\n", at):
            self.done = True
            return at + 2
        end = data.find(b"\r\n\r\n", at)
        if (end if end >= 0 else len(data)) - at > HEAD:
            raise Malformed(f"trailers are longer than {HEAD} bytes")
        self.done = end >= 0
        return end + 4 if end >= 0 else -1


def _length(lengths: set[bytes]) -> int:
    if not lengths:
        return -1
    [found] = lengths if len(lengths) == 1 else [b""]
    if not found.isdigit() or len(found) > 15:
        raise Malformed(f"a length of {sorted(lengths)}")
    return int(found)
