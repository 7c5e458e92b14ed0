"""sampan rm: remove containers."""

from __future__ import annotations

from sampan.cli.batch import all_at_once
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.http import Query
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    query = {
        name: "1" for name, flag in (("v", "volumes"), ("link", "link"), ("force", "force")) if options[flag]
    }
    if not all(name.strip("/") for name in args):
        raise CliError("container name cannot be empty")

    def request(name: str) -> tuple[str, str, Query | None]:
        return "DELETE", f"/containers/{escape(name.strip('/'))}", query

    def failed(error: ApiError) -> ApiError | None:
        if options["force"] and error.status == 404:
            session.warn(error.message)
            return None
        return error

    return all_at_once(session.client, args, request, failed)


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    (
        Flag("force", "bool", "Remove running containers, too (with SIGKILL)", short="f"),
        Flag("link", "bool", "Remove the link of this name", short="l"),
        Flag("volumes", "bool", "Remove the container's anonymous volumes", short="v"),
    ),
    args=(1, None),
)
