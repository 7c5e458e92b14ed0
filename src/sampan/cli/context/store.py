"""Docker's contexts on disk: metadata and TLS files, each below the SHA-256 of the context's name.

Source: docker/cli, cli/context/store.
"""

from __future__ import annotations

import os

from sampan.cli import gojson
from sampan.cli.config import replace_file
from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TLS_NAMES = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


def check_name(name: str) -> None:
    """Raises CliError for a name that no context can have."""
    if name == "default":
        raise CliError('"default" is a reserved context name')
    rest = name.translate({ord(char): None for char in "_.+-"})
    if len(name) < 2 or not name[0].isalnum() or not name.isascii() or not (rest.isalnum() or not rest):
        raise CliError(
            f'context name "{name}" is invalid, names are validated against regexp '
            '"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"'
        )


def meta_dir(directory: str, name: str) -> str:
    return os.path.join(directory, "contexts", "meta", _digest(name))


def tls_dir(directory: str, name: str) -> str:
    return os.path.join(directory, "contexts", "tls", _digest(name))


def _digest(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def load(directory: str, name: str) -> dict[str, Any]:
    """Raises CliError where there is no such context."""
    path = os.path.join(meta_dir(directory, name), "meta.json")
    try:
        with open(path, "rb") as file:
            value = gojson.loads(file.read())
    except FileNotFoundError:
        raise CliError(
            f'context "{name}": context not found: open {path}: no such file or directory'
        ) from None
    except (OSError, ValueError) as error:
        raise CliError(f'context "{name}": parsing {path}: {error}') from None
    if not isinstance(value, dict):
        raise CliError(f'context "{name}": parsing {path}: not an object')
    return value


def exists(directory: str, name: str) -> bool:
    return os.path.exists(os.path.join(meta_dir(directory, name), "meta.json"))


def save(directory: str, name: str, meta: dict[str, Any], tls: dict[str, bytes] | None) -> None:
    """Write the metadata; `tls` replaces the TLS files unless it is None."""
    meta_path = meta_dir(directory, name)
    os.makedirs(meta_path, 0o755, exist_ok=True)
    replace_file(os.path.join(meta_path, "meta.json"), gojson.dumps(meta), 0o644)
    if tls is None:
        return
    tls_path = os.path.join(tls_dir(directory, name), "docker")
    _remove_tree(tls_dir(directory, name))
    for kind, data in tls.items():
        os.makedirs(tls_path, 0o700, exist_ok=True)
        descriptor = os.open(
            os.path.join(tls_path, TLS_NAMES[kind]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
        )
        with open(descriptor, "wb") as file:
            file.write(data)


def remove(directory: str, name: str) -> None:
    _remove_tree(meta_dir(directory, name))
    _remove_tree(tls_dir(directory, name))


def _remove_tree(path: str) -> None:
    import shutil

    if os.path.exists(path):
        shutil.rmtree(path)


def names(directory: str) -> list[str]:
    """All contexts on disk, sorted."""
    meta_path = os.path.join(directory, "contexts", "meta")
    found = []
    for entry in os.listdir(meta_path) if os.path.isdir(meta_path) else ():
        try:
            with open(os.path.join(meta_path, entry, "meta.json"), "rb") as file:
                found.append(str(gojson.loads(file.read())["Name"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not a context, or one being written
    return sorted(found)


def tls_files(directory: str, name: str) -> list[str]:
    tls_path = os.path.join(tls_dir(directory, name), "docker")
    return sorted(os.listdir(tls_path)) if os.path.isdir(tls_path) else []


def tls_paths(directory: str, name: str) -> dict[str, str]:
    """Where a context's TLS files are, by kind (ca, cert, key)."""
    inside = os.path.join(tls_dir(directory, name), "docker")
    found = tls_files(directory, name)
    return {kind: os.path.join(inside, file) for kind, file in TLS_NAMES.items() if file in found}


def tls_data(directory: str, name: str) -> dict[str, bytes]:
    """The content of a context's TLS files by kind."""
    data = {}
    for kind, path in tls_paths(directory, name).items():
        with open(path, "rb") as source:
            data[kind] = source.read()
    return data
