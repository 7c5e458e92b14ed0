"""sampan image inspect."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.inspection import FORMAT_FLAG, show
from sampan.cli.system.inspect import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    return show(args, options["format"], lambda name: get(session, "image", name))


COMMAND = Command("[OPTIONS] IMAGE [IMAGE...]", run, (FORMAT_FLAG,), args=(1, None))
