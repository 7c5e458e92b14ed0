"""A build's stream, and what the daemon asks while it builds: credentials, agents, and where results go.

The messages: docs/api.md, "A build".
"""

from __future__ import annotations

import os

from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from sampan.cli.http import Response
    from sampan.cli.session import Session

    class View(Protocol):
        def update(self, message: Any) -> None: ...
        def tick(self) -> None: ...
        def finish(self) -> None: ...


class Conversation:
    """`outputs`: where each result goes, by number. `agents`: sockets or keys, by id."""

    def __init__(
        self,
        session: Session,
        response: Response,
        *,
        outputs: dict[int, dict[str, Any]],
        agents: dict[str, list[str]],
    ) -> None:
        self._session = session
        self._response = response
        self._outputs = outputs
        self._agents = agents
        self._stop: list[Callable[[], None]] = []
        self.ref = ""

    def run(self, view: View) -> Any:
        """The last message, {"result": ...} or {"error": ...}; raises CliError when the stream just ends."""
        self._response.tick = view.tick
        try:
            for message in self._response.messages():
                if "result" in message or "error" in message:
                    return message
                if "ref" in message:
                    self.ref = message["ref"]
                elif "ask" in message:
                    self._answer(message["ask"])
                elif "output" in message:
                    self._receive(message["output"])
                else:
                    view.update(message)
        except CliError as error:
            if not error.message.endswith("unexpected EOF"):
                raise
        finally:
            for stop in self._stop:
                stop()
        raise CliError("ERROR: failed to solve: the daemon went away")

    def _path(self, rest: str) -> str:
        return f"/sampan/builds/{self.ref}/{rest}"

    def _answer(self, ask: Any) -> None:
        path = self._path(f"answers/{ask['id']}")
        if "credentials" in ask:
            from sampan.cli.image.auth import credentials

            found = credentials(self._session, ask["credentials"])
            self._session.client.post(path, body={"Credentials": found or None}).read()
        elif "ssh" in ask:
            from sampan.cli.build.agents import relay

            self._stop.append(relay(self._session, path, self._agents.get(ask["ssh"], [])))

    def _receive(self, output: Any) -> None:
        from sampan.cli.build import results

        asked = self._outputs.get(output["index"])
        if asked is None:
            raise CliError(f"ERROR: the daemon sent a result that was not requested ({output['index']})")
        response = self._session.client.request("GET", self._path(f"outputs/{output['index']}"))
        try:
            results.receive(response, asked, whole=output["type"] == "file")
        except CliError as error:
            if not error.message.endswith("unexpected EOF"):
                raise
            # The daemon broke off: why, it says as the build's end.


def terminal_size(descriptor: int) -> tuple[int, int]:
    try:
        size = os.get_terminal_size(descriptor)
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24
