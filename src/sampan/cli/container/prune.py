"""sampan container prune: remove all stopped containers."""

from __future__ import annotations

from sampan.cli import pruning
from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    if not options["force"]:
        pruning.confirm("WARNING! This will remove all stopped containers.")
    pruning.report(*prune(session, pruning.filters(session, options["filter"])))


def prune(session: Session, pairs: list[tuple[str, str]]) -> tuple[str, list[str], int]:
    answer = pruning.ask(session, "/containers/prune", pairs)
    return (
        "Deleted Containers:",
        list(answer.get("ContainersDeleted") or ()),
        answer.get("SpaceReclaimed") or 0,
    )


COMMAND = Command("[OPTIONS]", run, (pruning.filter_flag("until=<timestamp>"), pruning.FORCE), args=(0, 0))
