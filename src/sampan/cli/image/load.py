"""sampan load: images from a tar archive."""

from __future__ import annotations

import os
import stat

from sampan.cli import progress
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.streams import file_chunks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    descriptor = open_input(options["input"])
    quiet = options["quiet"] or not os.isatty(1)
    response = session.client.request(
        "POST",
        "/images/load",
        {"quiet": "1" if quiet else "0"},
        stream=file_chunks(descriptor),
        headers={"Content-Type": "application/x-tar"},
    )
    if "json" in response.headers.get("content-type", ""):
        progress.show(response.messages())
    else:
        for data in response.chunks():
            session.write(data)


def open_input(path: str) -> int:
    """The file, or stdin unless that is a terminal; raises CliError."""
    if not path:
        if os.isatty(0):
            raise CliError("requested load from stdin, but stdin is empty")
        return 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or '').lower()}") from None
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise CliError(f"read {path}: is a directory")
    return descriptor


COMMAND = Command(
    "[OPTIONS]",
    run,
    (
        Flag("input", "string", "Read this file instead of STDIN", short="i"),
        Flag("platform", "string", "Load only this platform's image", hidden=True),
        Flag("quiet", "bool", "Do not show progress", short="q"),
    ),
    args=(0, 0),
)
