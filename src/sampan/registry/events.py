"""What happened, told to whoever listens in this worker: webhooks, metrics, last-pulled times.

An event is emitted after its change is durable. Listeners are plain functions and must not block.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

log = logging.getLogger("sampan.registry")

Action = Literal["push", "pull", "mount", "delete"]


@dataclass(frozen=True)
class Source:
    """The request behind an event, for Docker's notification format."""

    id: str = ""
    address: str = ""
    host: str = ""
    method: str = ""
    user_agent: str = ""
    actor: str = ""
    url: str = ""


@dataclass(frozen=True)
class Event:
    action: Action
    kind: Literal["manifest", "blob", "tag"]
    repository: str
    digest: str = ""
    tag: str = ""
    media_type: str = ""
    size: int = 0
    from_repository: str = ""
    source: Source = Source()
    time: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


Listener = Callable[[Event], None]


class Events:
    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                # The change is made and acknowledged: a listener's bug must not turn it into an error.
                log.exception("an event's listener failed")
