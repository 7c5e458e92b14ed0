"""What was asked for is awaited, but not for ever."""

from sampan.kube.client.expectations import PATIENCE, Expectations


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_creations_are_counted_and_deletions_known_by_uid() -> None:
    awaited = Expectations(Clock())
    assert awaited.satisfied("a")
    awaited.expect("a", creations=2, deletions=["x"])
    awaited.created("a")
    awaited.deleted("a", "y")
    awaited.deleted("a", "x")
    assert not awaited.satisfied("a")
    awaited.created("b")
    awaited.created("a")
    assert awaited.satisfied("a")


def test_what_is_expected_later_is_added() -> None:
    awaited = Expectations(Clock())
    awaited.expect("a", creations=1)
    awaited.expect("a", creations=1)
    awaited.created("a")
    assert not awaited.satisfied("a")
    awaited.forget("a")
    assert awaited.satisfied("a")


def test_what_does_not_come_is_given_up() -> None:
    clock = Clock()
    awaited = Expectations(clock)
    awaited.expect("a", deletions=["x"])
    clock.now += PATIENCE
    assert not awaited.satisfied("a")
    clock.now += 1
    assert awaited.satisfied("a")
    awaited.expect("a", creations=1)
    awaited.created("a")
    assert awaited.satisfied("a"), "what was given up is not awaited again"
