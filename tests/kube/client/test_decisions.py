"""Decisions are kept while there is room, and counted where they are the same again."""

import pytest

from sampan.kube.client import decisions
from sampan.kube.client.decisions import Decision, Decisions


def decided(message: str, by: str = "scheduler") -> Decision:
    return Decision(by, "Unschedulable", message)


def test_the_same_again_is_counted() -> None:
    kept = Decisions()
    for message in ("no cpu", "no memory", "no cpu"):
        kept.note("uid", decided(message))
    assert [(one.message, one.times) for one in kept.of("uid")] == [("no memory", 1), ("no cpu", 2)]


def test_of_an_object_the_last_few_are_kept() -> None:
    kept = Decisions()
    for number in range(10):
        kept.note("uid", decided(str(number)))
    assert [one.message for one in kept.of("uid")] == ["6", "7", "8", "9"]


def test_objects_that_were_decided_of_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "OBJECTS", 2)
    kept = Decisions()
    for uid in ("a", "b", "a", "c"):
        kept.note(uid, decided("no cpu"))
    assert [bool(kept.of(uid)) for uid in "abc"] == [True, False, True]


def test_what_is_settled_by_one_stands_by_others() -> None:
    kept = Decisions()
    kept.note("uid", decided("no cpu"))
    kept.note("uid", decided("quota", by="replicaset-controller"))
    kept.settle("uid", "scheduler")
    assert [one.by for one in kept.of("uid")] == ["replicaset-controller"]
    kept.settle("uid", "replicaset-controller")
    kept.settle("uid", "nobody")
    assert kept.of("uid") == ()
