"""`RUN --mount=...`: one mount's options."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mount:
    type: str = "bind"  # bind, cache, tmpfs, secret, ssh
    from_: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = False
    id: str = ""
    sharing: str = ""  # cache: shared (also ""), private, locked
    required: bool = False
    size: int = 0  # tmpfs, bytes
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    env: str | None = None  # secret: the variable's name; None: no variable


def parse_mount(text: str, expand: Callable[[str], str]) -> Mount:
    """Raises DockerfileError in BuildKit's words."""
    raise NotImplementedError
