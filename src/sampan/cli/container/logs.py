"""sampan logs: what a container has printed."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.streams import copy_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    container = session.client.get(f"/containers/{escape(args[0])}/json").json()
    query = {"stdout": "1", "stderr": "1"}
    for name in ("since", "until"):
        if options[name]:
            from sampan.cli.times import timestamp

            try:
                query[name] = timestamp(options[name])
            except CliError as error:
                raise CliError(f'invalid value for "{name}": {error.message}') from None
    for flag, name in (("timestamps", "timestamps"), ("details", "details"), ("follow", "follow")):
        if options[flag]:
            query[name] = "1"
    query["tail"] = options["tail"]
    response = session.client.get(f"/containers/{container['Id']}/logs", query)
    copy_output(response.chunks(), bool(container["Config"]["Tty"]))


COMMAND = Command(
    "[OPTIONS] CONTAINER",
    run,
    (
        Flag("details", "bool", "Show extra details of each line"),
        Flag("follow", "bool", "Go on showing what is printed", short="f"),
        Flag(
            "since",
            "string",
            'Show only what came after this time (e.g. "2013-01-02T13:23:37Z") or so long ago (e.g. "42m")',
        ),
        Flag(
            "tail", "string", 'Number of lines to show from the end (default "all")', short="n", default="all"
        ),
        Flag("timestamps", "bool", "Show when each line was printed", short="t"),
        Flag(
            "until",
            "string",
            'Show only what came before this time (e.g. "2013-01-02T13:23:37Z") or so long ago (e.g. "42m")',
        ),
    ),
    args=(1, 1),
)
