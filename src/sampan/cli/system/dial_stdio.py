"""sampan system dial-stdio: the daemon on stdin and stdout, for clients that come by ssh."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.streams import Pump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    Pump(session.client.connect(), b"", stdin=True, tty=True).run()


COMMAND = Command(
    "",
    run,
    args=(0, 0),
    long="Connect stdin and stdout to the engine; used by clients that come by ssh",
)
