"""sampan cp: files between a container and this machine, or tar streams on stdin and stdout."""

from __future__ import annotations

import os
import posixpath

from sampan.cli import gojson
from sampan.cli.copying import paths
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.specs.golang import filemode
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.http import Response
    from sampan.cli.session import Session

# Go's os.FileMode bits, as the API sends them.


def run(session: Session, options: Options, args: list[str]) -> None:
    source, destination = args
    if not source:
        raise CliError("source can not be empty")
    if not destination:
        raise CliError("destination can not be empty")
    from_container, from_path = split_argument(source)
    to_container, to_path = split_argument(destination)
    if from_container and to_container:
        raise CliError("copying between containers is not supported")
    if from_container:
        count = _download(session, options, from_container, from_path, to_path)
        target = paths.absolute(to_path)
    elif to_container:
        count, target = _upload(session, options, from_path, to_container, to_path)
        target = f"{to_container}:{target}"
    else:
        raise CliError("must specify at least one container source")
    if count is not None and not options["quiet"] and os.isatty(1):
        session.warn(f"Successfully copied {human_size(count, 3)} to {target}")


def split_argument(argument: str) -> tuple[str, str]:
    """(container, path); a local path is absolute, has no colon, or begins with a dot."""
    if argument.startswith("/"):
        return "", argument
    container, colon, path = argument.partition(":")
    if not colon or container.startswith("."):
        return "", argument
    return container, path


# -- from a container ------------------------------------------------------------------------------------


def _download(
    session: Session, options: Options, container: str, source: str, destination: str
) -> int | None:
    if destination != "-":
        paths.check_output(paths.absolute(destination))
    rebase = ""
    if options["follow-link"]:
        source, rebase = _follow(session, container, source)
    response = session.client.get(f"/containers/{escape(container)}/archive", {"path": source})
    if destination == "-":
        for data in response.chunks():
            session.write(data)
        return None
    from sampan.cli.copying.unpack import ChunkReader, unpack

    info = paths.Info(source, True, bool(_mode(_stat_header(response)) & filemode.DIR), rebase)
    reader = ChunkReader(response.chunks())
    renames = [paths.Rename(paths.split(source)[1], rebase)] if rebase else []
    directory, rename = paths.place(info, paths.local_destination(destination))
    unpack(reader, directory, renames + ([rename] if rename else []))
    return reader.count


def _follow(session: Session, container: str, source: str) -> tuple[str, str]:
    """(what a symlink in the container leads to, the name it had)."""
    status = _stat(session, container, source)
    if status is None or not _mode(status) & filemode.SYMLINK:
        return source, ""
    return paths.rebased(source, _target(status, source))


def _target(status: dict[str, Any], path: str) -> str:
    target = str(status.get("linkTarget") or "")
    return (
        target if target.startswith("/") else posixpath.normpath(posixpath.join(paths.split(path)[0], target))
    )


def _stat(session: Session, container: str, path: str) -> dict[str, Any] | None:
    """What the container has at `path`. Any failure is None: the copy itself then fails and says why."""
    try:
        response = session.client.request("HEAD", f"/containers/{escape(container)}/archive", {"path": path})
    except ApiError:
        return None
    return _stat_header(response)


def _stat_header(response: Response) -> dict[str, Any]:
    import binascii

    try:
        value = gojson.loads(binascii.a2b_base64(response.headers.get("x-docker-container-path-stat", "")))
    except (ValueError, binascii.Error) as error:
        raise CliError(f"unable to decode container path stat header: {error}") from None
    return value if isinstance(value, dict) else {}


def _mode(status: dict[str, Any]) -> int:
    return int(status.get("mode") or 0)


# -- to a container --------------------------------------------------------------------------------------


def _upload(
    session: Session, options: Options, source: str, container: str, destination: str
) -> tuple[int | None, str]:
    info, mode = _destination(session, container, destination)
    if mode & (filemode.DEVICE | filemode.IRREGULAR):
        what = "a device" if mode & filemode.DEVICE else "an irregular file"
        raise CliError(
            f'destination "{container}:{destination}" must be a directory or a regular file: got {what}'
        )
    if source == "-":
        if not info.is_dir:
            raise CliError(f'destination "{container}:{destination}" must be a directory')
        from sampan.cli.streams import file_chunks

        _put(session, options, container, info.path, file_chunks(0))
        return None, info.path
    local = paths.local_source(source, options["follow-link"])
    directory, rename = paths.place(local, info)
    from sampan.cli.copying.pack import pack

    renames = [paths.Rename(paths.split(local.path)[1], local.rebase)] if local.rebase else []
    counter = _Counter(pack(local.path, renames + ([rename] if rename else [])))
    _put(session, options, container, directory, counter.blocks())
    return counter.count, info.path


def _destination(session: Session, container: str, path: str) -> tuple[paths.Info, int]:
    info = paths.Info(path)
    status = _stat(session, container, path)
    if status is not None and _mode(status) & filemode.SYMLINK:
        info.path = _target(status, path)
        status = _stat(session, container, info.path)
    if status is None:
        return info, 0
    info.exists, info.is_dir = True, bool(_mode(status) & filemode.DIR)
    return info, _mode(status)


def _put(session: Session, options: Options, container: str, directory: str, stream: Iterator[bytes]) -> None:
    query = {"path": directory, "noOverwriteDirNonDir": "true"}
    if options["archive"]:
        query["copyUIDGID"] = "true"
    session.client.request("PUT", f"/containers/{escape(container)}/archive", query, stream=stream).read()


class _Counter:
    """Counts the bytes of a stream as they pass."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream = stream
        self.count = 0

    def blocks(self) -> Iterator[bytes]:
        for data in self._stream:
            self.count += len(data)
            yield data


COMMAND = Command(
    "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    run,
    (
        Flag("archive", "bool", "Archive mode: keep user and group IDs", short="a"),
        Flag("follow-link", "bool", "Follow a symbolic link given as SRC_PATH", short="L"),
        Flag("quiet", "bool", "Do not report progress; it is not reported without a terminal", short="q"),
    ),
    args=(2, 2),
    long=(
        "Copy files between a container and this machine\n\n"
        "With '-' as the source a tar archive is read from stdin and unpacked in a directory\n"
        "of the container. With '-' as the destination a tar archive goes to stdout."
    ),
)
