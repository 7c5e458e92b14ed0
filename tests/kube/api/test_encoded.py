"""Messages that are kept."""

from collections import deque

import pytest

from sampan.kube.api.catalog import built_in
from sampan.kube.api.encoded import Encoded
from sampan.kube.kinds.core import configmap
from sampan.kube.schema import protobuf
from sampan.kube.store.items import Item, with_revision

SERVED = built_in(configmap.RESOURCE)


def item(name: str, revision: int, text: str) -> Item:
    value = b'{"metadata":{"name":"%b"},"data":{"a":"%b"}}' % (name.encode(), text.encode())
    return Item(f"/registry/core/configmaps/ns/{name}", revision, with_revision(value, revision), deque())


def test_each_revision_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = Encoded()
    first = encoded.of(SERVED, item("x", 1, "old"))
    assert b"old" in first
    assert b"new" in encoded.of(SERVED, item("x", 2, "new"))
    monkeypatch.setattr(protobuf, "encode_raw", lambda *_: pytest.fail("it is kept"))
    assert b"new" in encoded.of(SERVED, item("x", 2, "new"))


def test_no_more_is_kept_than_there_is_room_for() -> None:
    encoded = Encoded(most=1000)
    for number in range(100):
        encoded.of(SERVED, item(f"x{number}", number + 1, "y" * 100))
    assert 0 < encoded._size <= 1000
    assert encoded._size == sum(len(raw) for _, raw in encoded._kept.values())
