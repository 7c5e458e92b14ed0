"""The layers of snapshots, opened once a build and shared by all its steps."""

import threading
from collections.abc import Callable, Sequence

from sampan.storage.layerfiles import Layer, open_layer
from sampan.storage.merged import Merged


class Stack:
    """Used from several threads. What is opened stays open until `close`, when nobody may use it any more."""

    def __init__(self, lower: Callable[[str], str]) -> None:
        self._lower = lower  # LayerStore.lower: diff ID -> where it is
        self._layers: dict[str, Layer] = {}
        self._lock = threading.Lock()

    def merged(self, layers: Sequence[str]) -> Merged:
        """`layers`: diff IDs, bottom first. Raises Failed for one that cannot be read."""
        return Merged([self._open(diff_id) for diff_id in unique(layers)])

    def _open(self, diff_id: str) -> Layer:
        with self._lock:
            found = self._layers.get(diff_id)
            if found is None:
                found = self._layers[diff_id] = open_layer(self._lower(diff_id))
            return found

    def close(self) -> None:
        with self._lock:
            for layer in self._layers.values():
                layer.close()
            self._layers.clear()


def unique(layers: Sequence[str]) -> list[str]:
    """Top-most first, as overlayfs wants them, each once: it refuses to have one twice.

    A layer hides all that it holds, so what lies further down under the same diff ID is never seen.
    """
    return list(dict.fromkeys(reversed(layers)))
