"""sampan network inspect."""

from __future__ import annotations

from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.inspection import FORMAT_FLAG, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    query = {"verbose": "true"} if options["verbose"] else None
    return show(
        args, options["format"], lambda name: session.client.get(f"/networks/{escape(name)}", query).read()
    )


COMMAND = Command(
    "[OPTIONS] NETWORK [NETWORK...]",
    run,
    (FORMAT_FLAG, Flag("verbose", "bool", "Show more, for finding faults", short="v")),
    args=(1, None),
)
