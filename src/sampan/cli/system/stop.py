"""sampan system stop: stop the engine; its containers go on unless asked otherwise."""

from __future__ import annotations

from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    client = session.client
    client.start_daemon = None  # stopping what does not run must not start it
    query = {"containers": "1"} if options["containers"] else None
    client.post("/sampan/system/stop", query).read()


COMMAND = Command(
    "[OPTIONS]",
    run,
    (Flag("containers", "bool", "Stop all containers, too"),),
    args=(0, 0),
    long="Stop the engine. Containers keep running, and the next engine takes them over.",
)
