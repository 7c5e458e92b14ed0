"""Which files of a directory are the Dockerfile and its ignore file. BuildKit's rules and words."""

import os
import posixpath
from dataclasses import dataclass

from sampan.builder.sources.files import read_below
from sampan.errors import Failed, Invalid, NotFound, SampanError
from sampan.specs.docker.ignore.file import parse as parse_ignore

DEFAULT = "Dockerfile"


@dataclass(frozen=True, kw_only=True)
class DockerfileText:
    """`name` as errors show it. `data` are its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class IgnoreFile:
    """`name`: ".dockerignore" or "<Dockerfile>.dockerignore"; "" when there is none."""

    name: str = ""
    data: bytes = b""
    patterns: tuple[str, ...] = ()


def wanted(name: str) -> tuple[str, ...]:
    """Paths to ask a client for: the file, its own ignore file, and the other spelling of the default."""
    lower = _lower(name)
    return (name, f"{name}.dockerignore", *((lower,) if lower else ()))


def _lower(name: str) -> str:
    """moby/moby#10858: "dockerfile" is found as well."""
    if posixpath.basename(name) != DEFAULT:
        return ""
    return posixpath.join(posixpath.dirname(name), DEFAULT.lower())


def read_dockerfile(directory: str | os.PathLike[str], name: str) -> DockerfileText:
    """Blocks. Raises NotFound, Failed: "failed to read dockerfile: open x: no such file or directory"."""
    try:
        return DockerfileText(name=name, data=read_below(directory, name))
    except SampanError as error:
        if isinstance(error, NotFound) and (lower := _lower(name)):
            try:
                return DockerfileText(name=name, data=read_below(directory, lower))
            except SampanError:
                pass
        kind = NotFound if isinstance(error, NotFound) else Failed
        raise kind(f"failed to read dockerfile: {error.message}") from None


def read_ignore(directory: str | os.PathLike[str], name: str) -> IgnoreFile | None:
    """Blocks. None: it is not there, or nothing that can be read. Raises Invalid for what it says."""
    try:
        data = read_below(directory, name)
    except (SampanError, OSError):
        return None
    try:
        return IgnoreFile(name=posixpath.basename(name), data=data, patterns=parse_ignore(data))
    except Invalid as error:
        raise Invalid(f"failed to read dockerignore patterns: failed parsing {name}: {error}") from None
