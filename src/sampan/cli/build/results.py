"""What --output brings back: a file, or a directory's files."""

from __future__ import annotations

import os

from sampan.cli import outfile
from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.http import Response


def receive(response: Response, asked: dict[str, Any], *, whole: bool) -> None:
    """`whole`: the stream is the file, else a tar of what goes below the directory. Raises CliError."""
    path = asked["Path"]
    if whole:
        if path:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        outfile.save(path, response.chunks())
        return
    from sampan.cli.copying.unpack import ChunkReader, unpack

    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise CliError(f"ERROR: mkdir {path}: {(error.strerror or str(error)).lower()}") from None
    unpack(ChunkReader(response.chunks()), path, [])
