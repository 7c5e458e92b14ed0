"""Which images have to be known before a build can be planned, since their configs decide what is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sampan.builder.plan.graph import Lines
from sampan.specs.oci.image import ImageConfig


@dataclass(frozen=True, kw_only=True)
class NeededBase:
    """One image to resolve. `key` is what `plan` looks it up by.

    `source` is "docker-image://docker.io/library/busybox:latest" (normalised, with its tag), "oci-layout://..."
    as in BuildOptions.contexts, or "input:ID" of an earlier build's result.
    """

    source: str
    platform: str  # linux/amd64, linux/arm64/v8
    vertex: str  # what progress calls the look-up: "[internal] load metadata for ..."
    written: str = ""  # as the Dockerfile has it: an error begins with it
    lines: Lines | None = None
    suggestions: tuple[str, ...] = ()  # what may have been meant, if there is no such image

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.platform


@dataclass(frozen=True, kw_only=True)
class Base:
    """A resolved image. `reference` is canonical, with the digest when it is known, as progress shows it.

    Of a result ("input:ID") only `config` counts; {} when the result has none.
    """

    reference: str
    image_id: str
    config: ImageConfig | Mapping[str, Any] = field(default_factory=dict)


Bases = Mapping[tuple[str, str], Base]
