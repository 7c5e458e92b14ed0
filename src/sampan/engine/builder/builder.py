"""The builder of one engine: what the three wire forms call."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.builder.options import BuildOptions
from sampan.engine.builder.progress import Progress
from sampan.engine.builder.requester import Requester


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """`exporter` is what buildx prints and writes to --metadata-file (containerimage.digest, ...)."""

    image_id: str = ""  # "": no image was asked for
    exporter: dict[str, str] = field(default_factory=dict)


@dataclass
class Build:
    """One build, from its request to its end; kept for a while for those who ask for its history."""

    ref: str
    options: BuildOptions
    progress: Progress
    task: "asyncio.Task[BuildResult]"

    def cancel(self) -> None:
        self.task.cancel()


class Builder:
    def __init__(self, **parts: Any) -> None:
        self._parts = parts

    def start(self, options: BuildOptions, requester: Requester, ref: str = "") -> Build:
        """Begin; `ref` is the client's name for it, or a new one. Raises AlreadyExists."""
        raise NotImplementedError
