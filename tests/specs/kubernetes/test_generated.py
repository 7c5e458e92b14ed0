"""What is drawn by lot."""

import re
import uuid

from sampan.specs.kubernetes.generated import FETCHED, suffix, uid


def test_uids_are_random_uuids_and_all_differ() -> None:
    found = [uid() for _ in range(FETCHED // 16 * 3)]
    assert len(set(found)) == len(found)
    for one in found:
        assert str(uuid.UUID(one)) == one
        assert (uuid.UUID(one).version, uuid.UUID(one).variant) == (4, uuid.RFC_4122)


def test_suffixes_have_no_vowels() -> None:
    assert all(re.fullmatch("[b-df-hj-np-tv-z2456789]{5}", suffix()) for _ in range(1000))
    assert len({suffix() for _ in range(100)}) > 90
