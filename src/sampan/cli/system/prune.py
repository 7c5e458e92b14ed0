"""sampan system prune: remove everything unused at once."""

from __future__ import annotations

from sampan.cli import pruning
from sampan.cli.container.prune import prune as prune_containers
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.image.prune import prune as prune_images
from sampan.cli.network.prune import prune as prune_networks
from sampan.cli.opts.values import filters_query
from sampan.cli.volume.prune import prune as prune_volumes
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    pairs = pruning.filters(session, options["filter"])
    if options["volumes"] and any(name == "until" for name, _ in pairs):
        raise CliError('ERROR: The "until" filter is not supported with "--volumes"')
    if not options["force"]:
        pruning.confirm(_warning(options, pairs))
    total = 0
    parts = [prune_containers(session, pairs), prune_networks(session, pairs)]
    if options["volumes"]:
        parts.append(prune_volumes(session, pairs))
    parts.append(prune_images(session, pairs, options["all"]))
    for title, lines, reclaimed in parts:
        pruning.report(title, lines, None)
        total += reclaimed or 0
    total += _build_cache(session, options, pairs)
    print(f"Total reclaimed space: {human_size(total)}")


def _warning(options: Options, pairs: list[tuple[str, str]]) -> str:
    lines = ["all stopped containers", "all networks not used by at least one container"]
    if options["volumes"]:
        lines.append("all anonymous volumes not used by at least one container")
    if options["all"]:
        lines += ["all images without at least one container associated to them", "all build cache"]
    else:
        lines += ["all dangling images", "unused build cache"]
    text = "WARNING! This will remove:\n" + "".join(f"  - {line}\n" for line in lines)
    if pairs:
        text += "\n  Items to be pruned will be filtered with:\n"
        text += "".join(f"  - {name}={value}\n" for name, value in sorted(pairs))
    return text


def _build_cache(session: Session, options: Options, pairs: list[tuple[str, str]]) -> int:
    query = {"all": "1"} if options["all"] else {}
    query.update(filters_query(pairs))
    try:
        answer = session.client.post("/build/prune", query).json()
    except ApiError as error:
        if error.status in (404, 501):
            return 0  # an engine without a builder has no build cache
        raise
    pruning.report("Deleted build cache objects:", list(answer.get("CachesDeleted") or ()), None)
    return int(answer.get("SpaceReclaimed") or 0)


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("all", "bool", "Remove all unused images, not just dangling ones", short="a"),
        pruning.filter_flag("label=<key>=<value>"),
        pruning.FORCE,
        Flag("volumes", "bool", "Remove unused anonymous volumes, too"),
    ),
    args=(0, 0),
)
