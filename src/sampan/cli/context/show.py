"""sampan context show: the context in use."""

from __future__ import annotations

from sampan.cli.config import context_name
from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    print(context_name(session.options, session.environ, session.config))


COMMAND = Command("", run, args=(0, 0))
