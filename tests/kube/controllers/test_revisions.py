"""Which revision holds a template, and which may go."""

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.revisions import choose, in_order, named, snapshot, template_of, unused


def revision(name: str, number: int, data: object) -> Object:
    return {"metadata": {"name": name}, "revision": number, "data": data}


A, B, C = (revision(name, number, {"spec": name}) for number, name in enumerate("abc", 1))


@pytest.mark.parametrize(
    ("known", "data", "name", "number"),
    [
        ([], {"spec": "a"}, None, 1),  # the first
        ([A, B], {"spec": "c"}, None, 3),  # a new one
        ([A, B], {"spec": "b"}, "b", 2),  # nothing has changed
        ([A, B, C], {"spec": "a"}, "a", 4),  # back to an earlier one
        ([A, B, revision("twin", 5, {"spec": "a"})], {"spec": "a"}, "twin", 5),  # of two the newest
        ([A, revision("odd", 7, None)], {"spec": "a"}, "a", 8),
    ],
)
def test_a_template_has_one_revision(
    known: list[Object], data: object, name: str | None, number: int
) -> None:
    choice = choose(known, data)
    assert (choice.revision["metadata"]["name"] if choice.revision else None, choice.number) == (name, number)
    assert choice.stays == (name is not None and known[-1]["metadata"]["name"] == name)


def test_a_snapshot_gives_the_template_back() -> None:
    owner = {
        "metadata": {"name": "w"},
        "spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {}}},
    }
    assert template_of(revision("r", 1, snapshot(owner))) == owner["spec"]["template"]


@pytest.mark.parametrize(
    "data", [None, 1, [], {}, {"spec": 1}, {"spec": {"template": []}}, {"spec": {"template": {}}}]
)
def test_what_no_controller_writes_gives_no_template(data: object) -> None:
    assert template_of(revision("r", 1, data)) is None


def test_the_oldest_come_first_and_the_live_ones_stay() -> None:
    assert [one["metadata"]["name"] for one in in_order([C, A, B])] == ["a", "b", "c"]
    assert unused([A, B, C], ["b", "gone"]) == [A, C]


def test_names_leave_room_for_the_hash() -> None:
    assert named({"metadata": {"name": "x" * 240}}, "abc") == "x" * 223 + "-abc"
