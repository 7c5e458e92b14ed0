"""What is exported, and what an export hands to the client: --iidfile, --metadata-file."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sampan.builder.plan.graph import Target
from sampan.builder.trees import Snapshot
from sampan.engine.images.store import Image, NewImage

# Instead of ImageStore.commit: the images and what the cache learnt, in one transaction; cheap when
# nothing is new. Whoever makes no image need not call it: the builder does at the end.
Commit = Callable[[Sequence[NewImage]], Awaitable[list[Image]]]


@dataclass(frozen=True, kw_only=True)
class Solved:
    """One target whose steps are done. `snapshot` is its whole file system, base included."""

    target: Target
    snapshot: Snapshot
    layers: Mapping[int, str] = field(default_factory=dict)  # step id -> diff ID
    inline_cache: bytes = b""  # for `moby.buildkit.cache.v0`, when --cache-to type=inline


@dataclass(frozen=True, kw_only=True)
class Exported:
    """`image_id`: "" when no image was made; `exporter` as BuildResult.exporter."""

    image_id: str = ""
    exporter: dict[str, str] = field(default_factory=dict)
