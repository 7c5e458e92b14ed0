"""What builds have made, for other builds that stand on it: linked targets of bake, "input:ID" contexts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampan.builder.trees import Snapshot
from sampan.engine.images.store import ImageStore, Staging
from sampan.errors import NotFound


@dataclass(frozen=True)
class Result:
    snapshot: Snapshot
    config: Mapping[str, Any]
    staging: Staging


class Results:
    """One per engine. A result keeps its layers until it is dropped: whoever keeps one has to."""

    def __init__(self, images: ImageStore) -> None:
        self._images = images
        self._results: dict[str, Result] = {}

    def keep(self, id: str, snapshot: Snapshot, config: Mapping[str, Any], source: Staging) -> None:
        """`source`: the staging of the build that made it, which is about to end."""
        staging = Staging()
        for diff_id in snapshot.layers:
            if diff_id in self._images.layers:
                self._images.reuse(staging, diff_id)
            else:
                self._images.adopt(staging, source.layers[diff_id])
        self._results[id] = Result(snapshot, config, staging)

    def get(self, id: str) -> tuple[Snapshot, Mapping[str, Any]]:
        """Raises NotFound."""
        found = self._results.get(id)
        if found is None:
            raise NotFound(f"no result {id}: the build that made it is gone")
        return found.snapshot, found.config

    def drop(self, id: str) -> None:
        found = self._results.pop(id, None)
        if found is not None:
            self._images.release(found.staging)

    def clear(self) -> None:
        for id in list(self._results):
            self.drop(id)
