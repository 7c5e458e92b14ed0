"""What solving a plan has made, for whoever exports it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sampan.engine.builder.graph import SCRATCH, Plan
from sampan.engine.builder.trees import Snapshot
from sampan.engine.images.store import Image, NewImage, Staging


@dataclass(frozen=True)
class Solved:
    """`snapshots`: of every RUN, file and image step, by its id; a RUN or file step's own layer is its last.

    All layers of them are in `staging`, so they stay until the build ends.
    """

    plan: Plan
    snapshots: Mapping[int, Snapshot]
    staging: Staging
    commit: Callable[[Sequence[NewImage]], Awaitable[list[Image]]]
    """Instead of ImageStore.commit: the images and what the cache learnt, in one transaction."""

    def snapshot(self, step: int) -> Snapshot:
        return Snapshot() if step == SCRATCH else self.snapshots[step]
