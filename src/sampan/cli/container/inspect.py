"""sampan container inspect."""

from __future__ import annotations

from sampan.cli.flags import Command, Flag
from sampan.cli.inspection import FORMAT_FLAG, show
from sampan.cli.system.inspect import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    return show(args, options["format"], lambda name: get(session, "container", name, options["size"]))


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    (FORMAT_FLAG, Flag("size", "bool", "Show file sizes", short="s")),
    args=(1, None),
)
