"""Errors of the plan get the place in the Dockerfile that they come from."""

from collections.abc import Iterator
from contextlib import contextmanager

from sampan.builder.dockerfile.instructions import Dockerfile
from sampan.builder.errors import DockerfileError
from sampan.builder.plan.graph import Lines
from sampan.errors import Invalid


@contextmanager
def placed(dockerfile: Dockerfile, lines: Lines, prefix: str = "") -> Iterator[None]:
    """What is raised inside as Invalid comes out as DockerfileError at `lines`, with `prefix` before it."""
    try:
        yield
    except DockerfileError as error:
        if error.place is not None and not prefix:
            raise
        place = error.place or dockerfile.place(lines)
        raise DockerfileError(f"{prefix}{error}", place=place, hint=error.hint) from None
    except Invalid as error:
        place = dockerfile.place(lines)
        raise DockerfileError(f"{prefix}{error}", place=place, hint=error.hint) from None
