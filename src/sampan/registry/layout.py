"""Every path under the registry's root. Nothing else computes one.

<root>
  format                       version of this layout
  registry.db                  all metadata (SQLite, WAL): schema.py draws it
  blobs/<algorithm>/<2 hex>/<hex>   whole blobs, named by their digest; written once
  uploads/<id>                 uploads on their way in; a row in the database owns each
  fetches/<key>                blobs on their way in from upstreams; who fetches holds flock(2) on it
  jobs.lock                    held by the one process that does the jobs
  collect.lock                 held by the worker that collects garbage
  token.key                    what signs the built-in token endpoint's tokens
  reserve                      holds room on the disk: reserve.py
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sampan.errors import Failed

FORMAT = "1"
ALGORITHMS = ("sha256", "sha512")


@dataclass(frozen=True)
class Layout:
    root: Path

    @cached_property
    def format(self) -> Path:
        return self.root / "format"

    @cached_property
    def database(self) -> Path:
        return self.root / "registry.db"

    @cached_property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @cached_property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @cached_property
    def fetches(self) -> Path:
        return self.root / "fetches"

    @cached_property
    def jobs_lock(self) -> Path:
        return self.root / "jobs.lock"

    @cached_property
    def collect_lock(self) -> Path:
        return self.root / "collect.lock"

    @cached_property
    def token_key(self) -> Path:
        return self.root / "token.key"

    @cached_property
    def reserve(self) -> Path:
        return self.root / "reserve"

    def blob(self, digest: str) -> Path:
        """Where a blob is; `digest` has been checked against the grammar."""
        algorithm, _, hexadecimal = digest.partition(":")
        return self.blobs / algorithm / hexadecimal[:2] / hexadecimal

    def upload(self, id: str) -> Path:
        return self.uploads / id

    def prepare(self) -> None:
        """Make the tree. Raises Failed for a root of a newer Sampan, or one that cannot be made."""
        made = [*(self.blobs / algorithm for algorithm in ALGORITHMS), self.uploads, self.fetches]
        try:
            for directory in made:
                directory.mkdir(parents=True, exist_ok=True)
            if not self.format.exists():
                self.format.write_text(FORMAT + "\n")
            # Rows will name what is in there: the directories must survive what rows survive.
            for directory in (*made, self.blobs, self.root):
                sync_directory(directory)
            with suppress(PermissionError):  # of others, where the root is given to us
                sync_directory(self.root.absolute().parent)
            found = self.format.read_text().strip()
        except OSError as error:
            raise Failed(f"cannot use {self.root}: {error.strerror}") from error
        if found != FORMAT:
            raise Failed(f"{self.root} has format {found}, this version of Sampan knows {FORMAT}")


def sync_directory(path: Path) -> None:
    """What has been made in it, or renamed into it, survives a power failure from here on."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
