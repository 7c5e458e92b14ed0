"""The daemon's side of launcher and shims, where it needs none of them."""

import socket
from pathlib import Path
from typing import Any

import pytest

from sampan import errors
from sampan.paths import Paths
from sampan.runtime.channel import raise_reply
from sampan.runtime.client import Launcher


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("NotFound", errors.NotFound), ("no such kind", errors.Failed), ("__name__", errors.Failed)],
)
def test_a_failure_is_raised_as_what_it_was_and_nothing_else(kind: str, wanted: type[Exception]) -> None:
    """What a process in a container says may come from whoever traces it."""
    with pytest.raises(wanted, match="why"):
        raise_reply({"kind": kind, "message": "why"})


async def test_a_start_that_cannot_write_its_request_leaves_nothing(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        launcher = Launcher(0, ours)  # type: ignore[arg-type]
        paths = Paths(tmp_path / "data", tmp_path / "run").container("0" * 64)
        unwritable: Any = {"id": object()}
        with pytest.raises(TypeError):
            await launcher.start(paths, unwritable)
        assert not paths.exec.exists()
        launcher._socket.close()
