"""sampan rm: remove containers."""

from __future__ import annotations

from sampan.cli.each import for_each
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    query = {
        name: "1" for name, flag in (("v", "volumes"), ("link", "link"), ("force", "force")) if options[flag]
    }

    def remove(name: str) -> None:
        name = name.strip("/")
        if not name:
            raise CliError("container name cannot be empty")
        try:
            session.client.delete(f"/containers/{escape(name)}", query).read()
        except ApiError as error:
            if not (options["force"] and error.status == 404):
                raise
            session.warn(error.message)
        else:
            print(name)

    return for_each(args, remove, show=False)


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
