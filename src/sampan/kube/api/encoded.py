"""Objects in protobuf, kept while there is room: informers and lists ask for the same ones again."""

from sampan.kube.api.served import Served
from sampan.kube.schema import protobuf
from sampan.kube.store.items import Item

MOST = 48 << 20  # bytes of messages


def fitted(data: bytes) -> bytes:
    """What orjson has made, to be kept: its results (3.11 to 3.13) hold on to a buffer of 4, 8, 16... KB."""
    return bytes(memoryview(data))


class Encoded:
    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._size = 0
        self._kept: dict[tuple[str, str], tuple[int, bytes]] = {}

    def of(self, served: Served, item: Item) -> bytes:
        """The message alone, as it stands in lists; raises StatusError if the kind has none."""
        key = (served.api_version, item.key)
        found = self._kept.get(key)
        if found is not None and found[0] == item.revision:
            return found[1]
        raw = protobuf.encode_raw(served.api_version, served.kind, served.object(item))
        self._forget(key)
        self._kept[key] = (item.revision, raw)
        self._size += len(raw)
        while self._size > self._most:
            self._forget(next(iter(self._kept)))
        return raw

    def _forget(self, key: tuple[str, str]) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._size -= len(found[1])
