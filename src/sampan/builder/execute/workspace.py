"""What the steps of one build are executed with."""

from dataclasses import dataclass, field
from pathlib import Path

from sampan.builder.execute.scan import Digests
from sampan.builder.options import BuildOptions
from sampan.builder.requester import Requester
from sampan.engine.images.store import Staging
from sampan.storage.stack import Stack


@dataclass(frozen=True)
class Workspace:
    """`directory`: the build's own, below data/build/steps, removed when it ends."""

    id: str
    options: BuildOptions
    requester: Requester
    staging: Staging
    directory: Path
    stack: Stack
    digests: Digests = field(default_factory=Digests)
