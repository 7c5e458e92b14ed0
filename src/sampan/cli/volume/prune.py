"""sampan volume prune: remove volumes that no container uses."""

from __future__ import annotations

from sampan.cli import pruning
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    pairs = pruning.filters(session, options["filter"])
    everything = options["all"]
    if everything:
        if any(name == "all" for name, _ in pairs):
            raise CliError("conflicting options: cannot specify both --all and --filter all=1")
        pairs.append(("all", "true"))
    if not options["force"]:
        what = "all local volumes" if everything else "anonymous local volumes"
        pruning.confirm(f"WARNING! This will remove {what} not used by at least one container.")
    pruning.report(*prune(session, pairs))


def prune(session: Session, pairs: list[tuple[str, str]]) -> tuple[str, list[str], int]:
    answer = pruning.ask(session, "/volumes/prune", pairs)
    return "Deleted Volumes:", list(answer.get("VolumesDeleted") or ()), answer.get("SpaceReclaimed") or 0


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("all", "bool", "Remove all unused volumes, not just anonymous ones", short="a"),
        pruning.filter_flag("label=<label>"),
        pruning.FORCE,
    ),
    args=(0, 0),
)
