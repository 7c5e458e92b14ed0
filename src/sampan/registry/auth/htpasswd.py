"""Users and their bcrypt hashes in Apache's htpasswd file (`htpasswd -B`), read again when it changes."""

import asyncio
import hashlib
import os
import secrets
import time
from pathlib import Path

import bcrypt

from sampan.errors import Invalid

REMEMBERED = 300.0  # seconds: bcrypt takes 50 ms and more by design, and clients send the password each time
MOST = 10_000
# Compared with for users there are none of, so that names cannot be guessed by the time an answer takes.
NOBODY = bcrypt.hashpw(b"", bcrypt.gensalt(10))


class Htpasswd:
    def __init__(self, path: str) -> None:
        """Raises Invalid for a file that cannot be read or has other hashes than bcrypt's."""
        self._path = Path(path)
        self._seen: tuple[int, int] = (0, 0)
        self._hashes: dict[str, bytes] = {}
        self._salt = secrets.token_bytes(16)
        self._verified: dict[bytes, float] = {}
        self._load()

    def _load(self) -> None:
        try:
            found = os.stat(self._path)
            if (found.st_mtime_ns, found.st_ino) == self._seen:
                return
            text = self._path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"cannot read {self._path}: {error}") from None
        self._hashes = parse(text, str(self._path))
        self._seen = (found.st_mtime_ns, found.st_ino)
        self._verified.clear()

    async def check(self, user: str, password: str) -> bool:
        """Whether the password is the user's. Raises Invalid when the file cannot be read any more."""
        self._load()
        key = hashlib.sha256(self._salt + f"{len(user)}:{user}:{password}".encode()).digest()
        now = time.monotonic()
        if self._verified.get(key, 0.0) > now:
            return True
        known = self._hashes.get(user, NOBODY)
        # bcrypt looks at 72 bytes; its library refuses more, htpasswd cut them off.
        right = await asyncio.to_thread(bcrypt.checkpw, password.encode()[:72], known)
        if not right or user not in self._hashes:
            return False
        if len(self._verified) >= MOST:
            self._verified.clear()
        self._verified[key] = now + REMEMBERED
        return True


def parse(text: str, where: str) -> dict[str, bytes]:
    """Raises Invalid, naming the line."""
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        user, colon, hashed = line.partition(":")
        if not colon or not user:
            raise Invalid(f"{where}, line {number}: no USER:HASH")
        if not hashed.startswith(("$2y$", "$2a$", "$2b$")):
            raise Invalid(f"{where}, line {number}: the hash of {user} is no bcrypt hash (use htpasswd -B)")
        found[user] = hashed.encode()
    return found
