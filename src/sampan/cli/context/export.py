"""sampan context export: a context, TLS files and all, as a tar archive."""

from __future__ import annotations

import io
import os
import tarfile

from sampan.cli import gojson
from sampan.cli.context import metadata, store
from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.streams import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0]
    if name != "default":
        store.check_name(name)
    path = args[1] if len(args) > 1 else f"{name}.dockercontext"
    if path == "-" and os.isatty(1):
        raise CliError("cowardly refusing to export to a terminal, specify a file path")
    if path != "-" and os.path.lexists(path):
        raise CliError(f"open {path}: file exists")
    data = _archive(session, name)
    if path == "-":
        write_all(1, data)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None
    session.warn(f'Written file "{path}"')


def _archive(session: Session, name: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        meta = gojson.dumps(metadata.find(session, name)).encode("utf-8", "surrogateescape")
        _add(archive, "meta.json", meta, 0o644)
        files = {} if name == "default" else store.tls_data(session.config_dir, name)
        for directory in ("tls", "tls/docker") if files else ():
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o700
            archive.addfile(entry)
        for kind, data in files.items():
            _add(archive, f"tls/docker/{store.TLS_NAMES[kind]}", data, 0o600)
    return target.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


COMMAND = Command("CONTEXT [FILE|-]", run, args=(1, 2))
