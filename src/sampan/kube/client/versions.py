"""What a controller has written last of each object: until its informer shows that, what it shows is old.

A write of what is old is refused as a conflict; but who decides by an old status may first create what has
been created before.
"""

from collections.abc import Callable

from sampan.kube.client.expectations import PATIENCE
from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import Object


class Versions:
    """By the object's key. Versions are numbers that grow: KEP-5504, "Comparable Resource Version".

    Where they have gone back nevertheless, as in a store that was restored, it is waited for five minutes.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._written: dict[str, tuple[int, float]] = {}

    def wrote(self, value: Object) -> None:
        """As the server has answered."""
        self._written[key_of(value)] = _number(value), self._clock()

    def is_behind(self, value: Object) -> bool:
        """Is this older than what was written?"""
        written, since = self._written.get(key_of(value), (0, 0.0))
        if _number(value) < written and self._clock() - since < PATIENCE:
            return True
        self._written.pop(key_of(value), None)
        return False

    def forget(self, key: str) -> None:
        self._written.pop(key, None)


def _number(value: Object) -> int:
    text = value["metadata"].get("resourceVersion", "")
    return int(text) if text.isascii() and text.isdigit() else 0
