"""Pass a stream on while another thread hashes and writes it, so that both run in parallel."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable

# Below this a thread costs more than it gains.
SMALL = 1 << 20
LIMIT = 16 << 20  # bytes passed on and not yet written


def tee(chunks: Iterable[bytes], write: Callable[[bytes], object]) -> Generator[bytes, None, None]:
    """The same stream, while `write` gets every chunk in order; when it ends, everything is written.

    Raises what `write` raised. Closing the stream early stops the writing.
    """
    total = 0
    writer: _Writer | None = None
    try:
        for chunk in chunks:
            if writer is not None:
                writer.put(chunk)
            else:
                total += len(chunk)
                write(chunk)
                if total >= SMALL:
                    writer = _Writer(write)
            yield chunk
        if writer is not None:
            writer.finish()
    finally:
        if writer is not None:
            writer.stop()


class _Writer:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._pending = 0
        self._ended = self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="tee", daemon=True)
        self._thread.start()

    def put(self, chunk: bytes) -> None:
        with self._changed:
            while self._pending >= LIMIT and self._error is None:
                self._changed.wait()
            if self._error is not None:
                raise self._error
            self._chunks.append(chunk)
            self._pending += len(chunk)
            self._changed.notify()

    def finish(self) -> None:
        self._end()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        self._stopped = True
        self._end()

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._chunks and not self._ended:
                    self._changed.wait()
                if not self._chunks or self._stopped:
                    return
                chunk = self._chunks.popleft()
            try:
                self._write(chunk)
            except BaseException as error:
                self._error = error
            with self._changed:
                self._pending -= len(chunk)
                self._changed.notify()
            if self._error is not None:
                return
