"""Names, detach keys."""

import random

import pytest

from sampan.engine.containers import names
from sampan.engine.containers.detachkeys import parse_keys
from sampan.errors import Invalid


@pytest.mark.parametrize("name", ["web", "/web", "a1", "a.b-c_d", "0x"])
def test_good_names(name: str) -> None:
    assert names.check(name) == name.removeprefix("/")


@pytest.mark.parametrize("name", ["a", "", "_x", "-x", "a b", "a/b", "//ab", "é1", "ab\n"])
def test_bad_names(name: str) -> None:
    with pytest.raises(Invalid, match=r"only .* are allowed"):
        names.check(name)


def test_made_up_names_are_valid_and_free() -> None:
    rng = random.Random(1)
    made: set[str] = set()
    for _ in range(500):
        name = names.generate(made.__contains__, rng)
        assert names.check(name) == name
        assert name not in made
        made.add(name)


def test_a_name_is_found_even_when_the_plain_ones_are_gone() -> None:
    assert names.check(names.generate(lambda name: not name[-1].isdigit(), random.Random(2)))[-1].isdigit()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", [16, 17]),
        ("ctrl-p,ctrl-q", [16, 17]),
        ("a,b", [97, 98]),
        ("ctrl-@,ctrl-_", [0, 31]),
        ("ctrl-A", [1]),
    ],
)
def test_detach_keys(text: str, keys: list[int]) -> None:
    assert parse_keys(text) == keys


@pytest.mark.parametrize("text", ["foo", "ctrl-", "ctrl-ab", "ctrl-1", ",", "é"])
def test_bad_detach_keys(text: str) -> None:
    with pytest.raises(Invalid, match="Invalid detach keys"):
        parse_keys(text)
