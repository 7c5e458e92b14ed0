"""The detach sequence inside a stream of keys, however the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.runtime.attach import DetachKeys

CTRL_P, CTRL_Q = 0x10, 0x11


@pytest.mark.parametrize(
    ("keys", "chunks", "passed", "detached"),
    [
        ([CTRL_P, CTRL_Q], [b"abc"], b"abc", False),
        ([CTRL_P, CTRL_Q], [b"a\x10\x11b"], b"a", True),
        ([CTRL_P, CTRL_Q], [b"a\x10", b"\x11"], b"a", True),
        ([CTRL_P, CTRL_Q], [b"\x10", b"x"], b"\x10x", False),
        ([CTRL_P, CTRL_Q], [b"\x10\x10\x11"], b"\x10", True),
        ([CTRL_P, CTRL_Q], [b"\x10"], b"", False),
        ([], [b"\x10\x11"], b"\x10\x11", False),
        ([ord("a")], [b"xa"], b"x", True),
        ([ord("a")], [b"a"], b"", True),
        ([1, 1, 2], [b"\x01\x01\x01\x02"], b"\x01", True),
    ],
)
def test_sequence(keys: list[int], chunks: list[bytes], passed: bytes, detached: bool) -> None:
    parser, out, done = DetachKeys(keys), b"", False
    for chunk in chunks:
        data, done = parser.feed(chunk)
        out += data
    assert (out, done) == (passed, detached)


@given(st.lists(st.binary(max_size=5).map(lambda b: bytes(x % 3 for x in b)), max_size=10))
def test_what_passes_is_what_came_before_the_first_sequence(chunks: list[bytes]) -> None:
    keys, whole = b"\x01\x02", b"".join(chunks)
    parser, out, done = DetachKeys(list(keys)), b"", False
    for chunk in chunks:
        data, done = parser.feed(chunk)
        out += data
        if done:
            break
    before, found, _ = whole.partition(keys)
    assert done == bool(found)
    assert out == before or (not done and before == out + b"\x01")
