"""What makes a directory of one request the same as that of an earlier one."""

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """`shared` is the client's key for the directory ("" if it has none: then `session` is all there is)."""

    shared: str
    session: str
    name: str
    variant: tuple[str, ...] = ()  # the patterns, where it is for a file or two: kept apart from the rest

    def key(self) -> str:
        parts = (self.shared, "" if self.shared else self.session, self.name, *self.variant)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:25]
