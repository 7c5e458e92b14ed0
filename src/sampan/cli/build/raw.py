"""Progress for programs (the messages themselves, a line each), and for nobody."""

from __future__ import annotations

from sampan.cli import gojson
from sampan.cli.build.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_KINDS = ("vertexes", "statuses", "logs", "warnings")


class Raw:
    def __init__(self, put: Callable[[str], None]) -> None:
        self._put = put

    def update(self, message: Any) -> None:
        shown = {name: message[name] for name in _KINDS if message.get(name)}
        if shown:
            self._put(gojson.dumps(shown) + "\n")

    def tick(self) -> None:
        pass

    def finish(self) -> None:
        pass


class Quiet:
    """Remembers, for the end of a build that fails."""

    def __init__(self) -> None:
        self.state = State()

    def update(self, message: Any) -> None:
        self.state.apply(message)

    def tick(self) -> None:
        pass

    def finish(self) -> None:
        pass
