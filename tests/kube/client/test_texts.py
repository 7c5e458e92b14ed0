"""Equal strings of different objects are one."""

import orjson
import pytest

from sampan.kube.client import texts
from sampan.kube.client.texts import LONGEST, Texts

OBJECT = {
    "a": "some text",
    "b": ["some text", {"c": "other text", "n": 1, "z": None}],
    "d": {},
    "l": "x" * 999,
}


def test_equal_strings_become_one_and_nothing_else_changes() -> None:
    known = Texts()
    first, second = (orjson.loads(orjson.dumps(OBJECT)) for _ in range(2))
    known.share(first)
    known.share(second)
    assert first == second == OBJECT
    assert first["a"] is first["b"][0] is second["a"] is second["b"][0]
    assert first["b"][1]["c"] is second["b"][1]["c"]
    assert len(first["l"]) > LONGEST and first["l"] is not second["l"]


def test_objects_may_be_nested_as_deeply_as_any_are_sent() -> None:
    Texts().share(orjson.loads(b'{"a":' * 900 + b'"x"' + b"}" * 900))


def test_no_more_strings_are_known_than_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST", 10)
    known = Texts()
    for number in range(100):
        known.share({"a": f"text {number}"})
        assert len(known._known) <= 11
