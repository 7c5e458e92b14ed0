"""sampan image prune: remove unused images."""

from __future__ import annotations

from sampan.cli import pruning
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    everything = options["all"]
    if not options["force"]:
        what = "images without at least one container associated to them" if everything else "dangling images"
        pruning.confirm(f"WARNING! This will remove all {what}.")
    pruning.report(*prune(session, pruning.filters(session, options["filter"]), everything))


def prune(session: Session, pairs: list[tuple[str, str]], everything: bool) -> tuple[str, list[str], int]:
    pairs = [*pairs, ("dangling", "false" if everything else "true")]
    answer = pruning.ask(session, "/images/prune", pairs)
    lines = [
        f"untagged: {item['Untagged']}" if item.get("Untagged") else f"deleted: {item.get('Deleted', '')}"
        for item in answer.get("ImagesDeleted") or ()
    ]
    return "Deleted Images:", lines, answer.get("SpaceReclaimed") or 0


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("all", "bool", "Remove all unused images, not just dangling ones", short="a"),
        pruning.filter_flag("until=<timestamp>"),
        pruning.FORCE,
    ),
    args=(0, 0),
)
