"""Cache records: rows in the database.

    buildcache/<id>      Record.row: what answers to which keys, holds which layers, and was used when
    builddetails/<id>    Details.row: what the key was made of, for --explain, and how the step ran

`id` is 25 random characters as BuildKit's. A record answers to several `keys`: of its content (definition and
the file systems and files it started from), and of its chain (definitions all the way down to the
sources), which is known before anything has been done. Two records may answer to one key: the newer does.

Rows become durable in the transaction of the image, or at a failed build's end, after their layers are on
disk; `last_used` and `uses` may be lost in a power failure. Layers of records are kept by ImageStore.held.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.buildcache.usage import REGULAR

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A snapshot that a step has left. `layers`: all of it; the step's own is the last."""

    id: str
    keys: tuple[str, ...]  # (): a failed step's, which answers to nothing
    description: str
    layers: tuple[str, ...]
    size: int
    created: int
    last_used: int = 0
    uses: int = 0
    parent: str = ""
    type: str = REGULAR
    failed: bool = False
    # Where the step stands, for --explain: Dockerfile, stage, number in the stage.
    place: tuple[str, str, int] = ("", "", 0)
    instruction: str = ""

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _FIELDS if name != "id"}


_FIELDS = tuple(Record.__dataclass_fields__)


def record_of(id: str, row: Mapping[str, Any]) -> Record:
    """Unknown fields, of a newer version, are left out."""
    known = {name: row[name] for name in _FIELDS if name in row}
    for name in ("keys", "layers", "place"):
        known[name] = tuple(known.get(name) or ("", "", 0) if name == "place" else known.get(name) or ())
    return Record(id=id, **known)


@dataclass(frozen=True, kw_only=True)
class Details:
    """`components`: name -> value, as keys.py makes them; `summaries`: name -> sources.select.summary."""

    components: Mapping[str, str] = field(default_factory=dict)
    summaries: Mapping[str, bytes] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # of inputs: component -> "image busybox:latest"
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: str = ""

    def row(self) -> dict[str, Any]:
        return {
            "components": dict(self.components),
            "summaries": {name: base64.b64encode(value).decode() for name, value in self.summaries.items()},
            "names": dict(self.names),
            "env": list(self.env),
            "cwd": self.cwd,
            "user": self.user,
        }


def details_of(row: Mapping[str, Any]) -> Details:
    return Details(
        components=row.get("components") or {},
        summaries={name: base64.b64decode(text) for name, text in (row.get("summaries") or {}).items()},
        names=row.get("names") or {},
        env=tuple(row.get("env") or ()),
        cwd=row.get("cwd") or "/",
        user=row.get("user") or "",
    )


def new_id() -> str:
    """25 letters and digits, as BuildKit's identity.NewID."""
    number = secrets.randbits(128)
    letters = []
    for _ in range(25):
        number, digit = divmod(number, 36)
        letters.append(_LETTERS[digit])
    return "".join(reversed(letters))
