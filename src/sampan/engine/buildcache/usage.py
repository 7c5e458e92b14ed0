"""What the build cache holds: GET /system/df, `docker buildx du`, `sampan builder du`. Pure."""

from dataclasses import dataclass
from typing import Any

from sampan.specs.golang.time import rfc3339

# The kinds, as BuildKit calls them.
REGULAR, LOCAL, GIT, MOUNT, FRONTEND, INTERNAL = (
    "regular",
    "source.local",
    "source.git.checkout",
    "exec.cachemount",
    "frontend",
    "internal",
)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Times: ns since 1970, 0: never."""

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

    def document(self) -> dict[str, Any]:
        """Docker's types.BuildCache."""
        return {
            "ID": self.id,
            "Parents": list(self.parents),
            "Type": self.type,
            "Description": self.description,
            "InUse": self.in_use,
            "Shared": self.shared,
            "Size": self.size,
            "CreatedAt": rfc3339(self.created),
            "LastUsedAt": rfc3339(self.last_used) if self.last_used else None,
            "UsageCount": self.uses,
        }
