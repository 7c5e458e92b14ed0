"""Manifest lists under way: <config dir>/manifests/<list>/<image>, a JSON file for each image of a list."""

from __future__ import annotations

import os
import shutil

from sampan.cli import gojson
from sampan.cli.config import replace_file
from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.session import Session
    from sampan.specs.oci.reference import Reference


class NotKept(CliError):
    """No such list or image here."""

    def __init__(self, name: Reference) -> None:
        super().__init__(f"No such manifest: {name}")


class Store:
    """The lists of one user."""

    def __init__(self, session: Session) -> None:
        self._root = os.path.join(session.config_dir, "manifests")

    def has(self, target: Reference) -> bool:
        return os.path.isdir(self._directory(target))

    def get(self, target: Reference, name: Reference) -> dict[str, Any]:
        """One image of a list; raises NotKept, CliError."""
        path = os.path.join(self._directory(target), _safe(name))
        try:
            return _read(path)
        except FileNotFoundError:
            raise NotKept(name) from None

    def all(self, target: Reference) -> list[dict[str, Any]]:
        """The images of a list by name; raises NotKept, CliError."""
        try:
            names = sorted(os.listdir(self._directory(target)))
        except FileNotFoundError:
            raise NotKept(target) from None
        return [_read(os.path.join(self._directory(target), name)) for name in names]

    def save(self, target: Reference, name: Reference, image: dict[str, Any]) -> None:
        directory = self._directory(target)
        os.makedirs(directory, 0o755, exist_ok=True)
        replace_file(os.path.join(directory, _safe(name)), gojson.dumps(image), 0o644)

    def remove(self, target: Reference) -> None:
        """Raises NotKept."""
        try:
            shutil.rmtree(self._directory(target))
        except FileNotFoundError:
            raise NotKept(target) from None

    def _directory(self, target: Reference) -> str:
        return os.path.join(self._root, _safe(target))


def _safe(name: Reference) -> str:
    return str(name).replace(":", "-").replace("/", "_")


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        data = file.read()
    try:
        image = gojson.loads(data)
        image["Descriptor"]["digest"]
    except (ValueError, KeyError, TypeError):
        raise CliError(f"{path} is damaged: remove it and create the list again") from None
    return dict(image)
