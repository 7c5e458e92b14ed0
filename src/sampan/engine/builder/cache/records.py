"""Cache records: rows in the database.

    buildcache/<id>      one record: see Record.row; what it holds is kept from removal by ImageStore.held
    buildmounts/<id>     a cache mount: the same fields, and `directory`, a name below data/build/mounts

`id` is 25 random characters as BuildKit's. `keys` are what the record answers to: the first is the key of content,
others are of definitions over the same inputs, found equal later. Records become durable in the transaction of the
image (or at a failed build's end), after their layers; `last_used` and `uses` may be lost in a power failure.
"""

from dataclasses import dataclass
from typing import Literal

RecordType = Literal[
    "regular", "source.local", "source.git.checkout", "exec.cachemount", "frontend", "internal"
]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """A record as `docker buildx du` and GET /system/df show it. Times: ns since 1970, 0: never."""

    id: str
    type: str
    description: str
    size: int
    created: int
    last_used: int = 0
    uses: int = 0
    parents: tuple[str, ...] = ()
    in_use: bool = False
    shared: bool = False  # an image has the layer as well: removing the record frees nothing
    mutable: bool = False
