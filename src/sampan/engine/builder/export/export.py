"""Where a build's results go, by `--output`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sampan.db.sqlite import Change
from sampan.engine.builder.export.results import Exported
from sampan.engine.builder.graph import Target
from sampan.engine.builder.options import BuildOptions
from sampan.engine.builder.progress import Progress
from sampan.engine.builder.requester import Requester
from sampan.engine.builder.trees import Snapshot
from sampan.engine.images.store import Staging


@dataclass(frozen=True, kw_only=True)
class Solved:
    """One target whose steps are done. `layers`: what each step of its history that makes a layer has made.

    `snapshot` is its whole file system, base included.
    """

    target: Target
    snapshot: Snapshot
    layers: Mapping[int, str]  # step id -> diff ID
    inline_cache: bytes = b""  # for `moby.buildkit.cache.v0`, when --cache-to type=inline


class Exporter:
    """One an engine."""

    async def export(
        self,
        solved: Sequence[Solved],
        options: BuildOptions,
        requester: Requester,
        progress: Progress,
        staging: Staging,
        changes: Sequence[Change] = (),
    ) -> Exported:
        """All outputs. `staging` holds the layers; `changes` (cache rows) go into the images' transaction, or
        one of their own when no image is made. Raises what went wrong; nothing is left then.
        """
        raise NotImplementedError
