"""sampan builder prune: remove what is in the build cache and not in use."""

from __future__ import annotations

from sampan.cli import pruning
from sampan.cli.flags import Command, Flag
from sampan.cli.opts import values
from sampan.cli.opts.values import filters_query
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_ALL = "WARNING! This will remove all build cache."
_SOME = "WARNING! This will remove all dangling build cache."


def run(session: Session, options: Options, args: list[str]) -> None:
    if not options["force"]:
        pruning.confirm(_ALL if options["all"] else _SOME)
    query = filters_query(options["filter"])
    if options["all"]:
        query["all"] = "1"
    if options["keep-storage"]:
        query["keep-storage"] = str(options["keep-storage"])
    answer = session.client.post("/build/prune", query).json()
    deleted = answer.get("CachesDeleted") or []
    if deleted:
        print("ID\n" + "\n".join(deleted) + "\n")
    print(f"Total reclaimed space: {human_size(answer.get('SpaceReclaimed') or 0)}")


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("all", "bool", "Remove everything that is not in use, not just what no image has", short="a"),
        pruning.filter_flag("until=24h"),
        pruning.FORCE,
        Flag("keep-storage", "bytes", "How much of the cache may stay", parse=values.memory),
    ),
    args=(0, 0),
)
