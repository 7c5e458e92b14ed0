"""Users and their bcrypt hashes in Apache's htpasswd file (`htpasswd -B`), read again when it changes."""

import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import bcrypt

from sampan.errors import Invalid
from sampan.registry.auth.verification import Verifiers
from sampan.registry.errors import Unavailable

log = logging.getLogger("sampan.registry")

REMEMBERED = 300.0  # seconds: bcrypt takes 50 ms and more by design, and clients send the password each time
MOST = 10_000
_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
DEFAULT_COST = 10

Verify = Callable[[bytes, bytes], bool]


@dataclass(frozen=True)
class Users:
    """What the file says; `verified` is until when which questions need not be looked at again."""

    hashes: dict[str, bytes]
    verified: dict[bytes, float] = field(default_factory=dict)

    @cached_property
    def costs(self) -> Sequence[int]:
        return [int(hashed[4:6]) for hashed in self.hashes.values()] or [DEFAULT_COST]

    @cached_property
    def _secret(self) -> bytes:
        """The same in all workers, and known to nobody who does not know the file."""
        return hashlib.sha256(repr(sorted(self.hashes.items())).encode()).digest()

    def hash_of(self, user: str) -> bytes:
        """What to compare with. Work must not tell which users there are: others get a hash that fits no
        password, always of the same cost, which is as likely as the file's users have it.
        """
        found = self.hashes.get(user)
        if found is not None:
            return found
        number = int.from_bytes(hashlib.sha256(self._secret + user.encode()).digest()[:8], "big")
        return bcrypt.gensalt(self.costs[number % len(self.costs)]) + b"." * 31


class Htpasswd:
    def __init__(
        self, path: str, verifiers: Verifiers | None = None, verify: Verify = bcrypt.checkpw
    ) -> None:
        """Raises Invalid for a file that cannot be read or has other hashes than bcrypt's."""
        self._path = Path(path)
        self._verifiers = verifiers or Verifiers()
        self._verify = verify
        self._seen: tuple[int, int] = (0, 0)
        self._users = Users({})
        self._salt = b""
        self._load()

    def _load(self) -> None:
        try:
            found = os.stat(self._path)
            if (found.st_mtime_ns, found.st_ino) == self._seen:
                return
            text = self._path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"cannot read {self._path}: {error}") from None
        self._users = Users(parse(text, str(self._path)))
        self._salt = secrets.token_bytes(16)  # questions about what the file said before are others
        self._seen = (found.st_mtime_ns, found.st_ino)

    async def check(self, user: str, password: str, address: str) -> bool:
        """Whether the password is the user's; `address` is who asks.

        Raises TooManyRequests, and Unavailable when the file cannot be read any more.
        """
        try:
            self._load()
        except Invalid as error:
            log.error("no user can sign in: %s", error)
            raise Unavailable("the registry cannot check passwords now") from None
        key = hashlib.sha256(self._salt + f"{len(user)}:{user}:{password}".encode()).digest()
        known = self._users
        if known.verified.get(key, 0.0) > time.monotonic():
            return True
        # bcrypt looks at 72 bytes; its library refuses more, htpasswd cut them off.
        secret, hashed = password.encode()[:72], known.hash_of(user)

        def look() -> bool:
            right = self._verify(secret, hashed) and user in known.hashes
            if right:  # remembered here, so that nobody asks again before the answer is out
                if len(known.verified) >= MOST:
                    known.verified.clear()
                known.verified[key] = time.monotonic() + REMEMBERED
            return right

        return await self._verifiers.run(address, key, look)

    async def close(self) -> None:
        """End what is being checked."""
        await self._verifiers.close()


def parse(text: str, where: str) -> dict[str, bytes]:
    """Raises Invalid, naming the line."""
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        user, colon, hashed = line.partition(":")
        if not colon or not user:
            raise Invalid(f"{where}, line {number}: not USER:HASH")
        match = _HASH.fullmatch(hashed)
        if match is None or not 4 <= int(match[1]) <= 31:
            raise Invalid(
                f"{where}, line {number}: the hash of {user} is not a bcrypt hash (use htpasswd -B)"
            )
        found[user] = hashed.encode()
    return found
