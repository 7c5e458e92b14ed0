"""From a Dockerfile's bytes to its instructions."""

from sampan.engine.builder.dockerfile.instructions import Dockerfile, Instruction


def parse(data: bytes, filename: str = "Dockerfile") -> Dockerfile:
    """Raises DockerfileError, with the place, in BuildKit's words."""
    raise NotImplementedError


def parse_trigger(text: str) -> Instruction:
    """An ONBUILD trigger as an image's config holds it; its lines count from 1. Raises DockerfileError."""
    raise NotImplementedError
