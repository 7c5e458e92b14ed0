"""One line of JSON for each request: who asked for what, and what came of it. Never a credential.

Queries are left out but for the few keys whose values are not secrets (tokens and upload states are).
Lines are gathered and written together: a system call a tick, not one a request.
"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sampan.errors import Failed
from sampan.registry.settings import option, text
from sampan.specs.golang.time import SECOND, rfc3339

TICK = 0.2  # seconds a line may wait
PLAIN_QUERY = frozenset(("n", "last", "mount", "from", "digest", "ns", "artifactType", "tag", "q", "page"))
MAX_TEXT = 512


@dataclass(frozen=True)
class LogConfig:
    """`[log]`."""

    access: str = option("-", text, 'file of the access log; "-": standard error; empty: none')


class AccessLog:
    """Appends to `path`; "-" is standard error. Raises Failed for what cannot be opened."""

    def __init__(self, path: str) -> None:
        self._owned = path not in ("-", "")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._descriptor = os.open(path, flags, 0o640) if self._owned else 2
        except OSError as error:
            raise Failed(f"cannot write the access log to {path}: {error.strerror}") from error
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, fields: Mapping[str, Any]) -> None:
        self._lines.append(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        data, self._lines = memoryview(b"".join(self._lines)), []
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:
                return  # a full disk or a closed pipe must not end the serving

    def close(self) -> None:
        self.flush()
        if self._owned:
            os.close(self._descriptor)


def shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."


def plain_query(query: Mapping[str, str]) -> dict[str, str]:
    return {key: shortened(value) for key, value in query.items() if key in PLAIN_QUERY}


def timestamp(now: float) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    return rfc3339(int(now) * SECOND).removesuffix("Z") + f".{int(now % 1 * 1000):03d}Z"
