"""sampan context import: a context from what export wrote, or from the same files in a zip archive."""

from __future__ import annotations

import io
import tarfile
import zipfile

from sampan.cli import gojson
from sampan.cli.context import store
from sampan.cli.errors import CliError
from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_LIMIT = 10 << 20  # bytes of an archive, and of what it unpacks to
_KINDS = {name: kind for kind, name in store.TLS_NAMES.items()}


def run(session: Session, options: Options, args: list[str]) -> None:
    name, path = args
    store.check_name(name)
    if store.exists(session.config_dir, name):
        raise CliError(f'context "{name}" already exists')
    meta: dict[str, Any] | None = None
    tls: dict[str, bytes] = {}
    for member, data in _members(_read(path)):
        if member == "meta.json":
            meta = _metadata(data)
        else:
            tls[_kind(member)] = data
    if meta is None:
        raise CliError("invalid context: no metadata found")
    store.save(session.config_dir, name, {**meta, "Name": name}, tls)
    print(name)
    session.warn(f'Successfully imported context "{name}"')


def _read(path: str) -> bytes:
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None
    if len(data) > _LIMIT:
        raise _too_large()
    return data


def _too_large() -> CliError:
    return CliError(f"the context is larger than {_LIMIT >> 20} MiB")


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file; raises CliError."""
    try:
        yield from _zipped(data) if data.startswith(b"PK\x03\x04") else _archived(data)
    except (tarfile.TarError, EOFError):
        raise CliError("unexpected EOF") from None
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, ValueError) as error:
        raise CliError(f"invalid context: {error}") from None


def _archived(data: bytes) -> Iterator[tuple[str, bytes]]:
    if not data:
        return
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for entry in archive:
            if entry.isdir():
                continue
            file = archive.extractfile(entry) if entry.isreg() else None
            if file is None:
                raise CliError(f"{entry.name}: unexpected context file")
            yield entry.name, file.read()


def _zipped(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        left = _LIMIT
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            with archive.open(entry) as file:
                content = file.read(left + 1)
            left -= len(content)
            if left < 0:
                raise _too_large()
            yield entry.filename, content


def _metadata(data: bytes) -> dict[str, Any]:
    try:
        value = gojson.loads(data)
    except ValueError as error:
        raise CliError(str(error)) from None
    if not isinstance(value, dict) or not isinstance(value.get("Endpoints"), dict):
        raise CliError("invalid context: its metadata is not an object with endpoints")
    return value


def _kind(member: str) -> str:
    """Which TLS file a path means; raises CliError."""
    parts = member.split("/")
    if parts[0] != "tls":
        raise CliError(f"{member}: unexpected context file")
    if len(parts) != 3:
        raise CliError(f"{member}: unexpected path format")
    if parts[1] != "docker" or parts[2] not in _KINDS:
        raise CliError(f"{member}: unexpected context file")
    return _KINDS[parts[2]]


COMMAND = Command("CONTEXT FILE|-", run, args=(2, 2))
