"""sampan wait: print the exit codes of containers once they stop."""

from __future__ import annotations

from sampan.cli.batch import for_each
from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    def wait(name: str) -> None:
        answer = session.client.post(f"/containers/{escape(name)}/wait").json()
        failure = answer.get("Error")
        if failure and failure.get("Message"):
            raise CliError(failure["Message"])
        print(answer["StatusCode"])

    return for_each(args, wait, show=False)


COMMAND = Command("CONTAINER [CONTAINER...]", run, args=(1, None))
