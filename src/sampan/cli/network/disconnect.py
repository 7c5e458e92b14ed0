"""sampan network disconnect: disconnect a container from a network."""

from __future__ import annotations

from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    body = {"Container": args[1], "Force": options["force"]}
    session.client.post(f"/networks/{escape(args[0])}/disconnect", None, body).read()


COMMAND = Command(
    "[OPTIONS] NETWORK CONTAINER",
    run,
    (Flag("force", "bool", "Disconnect the container in any case", short="f"),),
    args=(2, 2),
)
