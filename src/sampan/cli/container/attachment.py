"""What run, start and attach share: waiting for the exit code, resizing, the attach query."""

from __future__ import annotations

from sampan.cli import gojson
from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.session import Session


class Waiter:
    """A wait request under way. It is sent, and acknowledged by the daemon, when the object is made."""

    def __init__(self, session: Session, path: str, *, removed: bool, condition: str = "next-exit") -> None:
        query = {"condition": "removed" if removed else condition}
        self._response = session.client.post(f"{path}/wait", query)
        self._answer: Any = None

    def status(self) -> Any:
        """The answer, {"StatusCode": n, "Error": {"Message": text} or null}; raises CliError."""
        if self._answer is None:
            body = self._response.read()
            try:
                self._answer = gojson.loads(body)
            except ValueError:
                raise CliError(
                    f"Error waiting for container: {body.decode('utf-8', 'replace').strip()}", 125
                ) from None
        return self._answer


def exit_status(waiter: Waiter) -> int:
    """The container's exit code; an error of the daemon's while waiting is printed, and is 125."""
    from sampan.cli.output import warn

    try:
        answer = waiter.status()
    except CliError as error:
        warn(f"Error waiting for container: {error.message}")
        return 125
    failure = answer.get("Error")
    if failure and failure.get("Message"):
        warn(f"Error waiting for container: {failure['Message']}")
        return 125
    return int(answer.get("StatusCode", 0))


def attach_query(streams: set[str], keys: str = "", logs: bool = False) -> dict[str, str]:
    query = {"stream": "1"}
    query.update({name: "1" for name in ("stdin", "stdout", "stderr") if name in streams})
    if keys:
        query["detachKeys"] = keys
    if logs:
        query["logs"] = "1"
    return query


def resize_to(session: Session, path: str, rows: int, columns: int) -> None:
    session.client.post(f"{path}/resize", {"h": str(rows), "w": str(columns)}).read()
