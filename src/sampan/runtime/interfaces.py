"""What the shim's parts need of one another, for types only: nothing here is loaded while a container runs.

A part's creator imports it; the part knows its creator only by one of these.
"""

from typing import Any, Protocol

from sampan.runtime.cgroups import Cgroup
from sampan.runtime.loop import Loop
from sampan.runtime.protocol import StartRequest


class Events(Protocol):
    """The connections that hear of events (control.py)."""

    def broadcast(self, event: dict[str, Any]) -> None: ...


class Container(Protocol):
    """The running container, as its execs and health checks see it (shim.py)."""

    @property
    def directory(self) -> str: ...
    @property
    def request(self) -> StartRequest: ...
    @property
    def loop(self) -> Loop: ...
    @property
    def control(self) -> Events: ...
    @property
    def cgroup(self) -> Cgroup | None: ...
    @property
    def pid(self) -> int: ...
    @property
    def started_at(self) -> str: ...
    def write_state(self) -> None: ...
    def write_file(self, name: str, content: dict[str, Any]) -> None: ...


class Sink(Protocol):
    """Where a process's output is kept: its log, or what a health check shows of it."""

    def write(self, stream: int, data: bytes) -> None: ...
    def finish(self, stream: int) -> None: ...


class Attachment(Protocol):
    """A client, as the session it is attached to sees it when it calls (attach.py)."""

    def finish(self) -> None: ...


class Streams(Protocol):
    """A process's streams, as a client that is attached to them sees them (session.py)."""

    def feed(self, data: bytes) -> None: ...
    def client_drained(self) -> None: ...
    def client_detached(self) -> None: ...
    def client_ended_input(self, client: Attachment) -> None: ...
    def client_closed(self, client: Attachment) -> None: ...
