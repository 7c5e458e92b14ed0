"""sampan network prune: remove networks that no container uses."""

from __future__ import annotations

from sampan.cli import pruning
from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    if not options["force"]:
        pruning.confirm("WARNING! This will remove all custom networks not used by at least one container.")
    pruning.report(*prune(session, pruning.filters(session, options["filter"])))


def prune(session: Session, pairs: list[tuple[str, str]]) -> tuple[str, list[str], None]:
    answer = pruning.ask(session, "/networks/prune", pairs)
    return "Deleted Networks:", list(answer.get("NetworksDeleted") or ()), None


COMMAND = Command("[OPTIONS]", run, (pruning.filter_flag("until=<timestamp>"), pruning.FORCE), args=(0, 0))
