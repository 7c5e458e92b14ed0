"""Of how many pods a set may make, whatever becomes of them."""

from sampan.kube.controllers.replicasets.pace import Pace

KEY = "default/x"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def spend(pace: Pace, size: int) -> int:
    count = pace.left(KEY, size)
    pace.made(KEY, size, count)
    return count


def test_a_set_makes_many_times_its_size_and_then_slowly() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert (spend(pace, 2), spend(pace, 2)) == (120, 0)
    clock.now += pace.wait(2)
    assert spend(pace, 2) == 1
    clock.now += 60
    assert spend(pace, 2) == 60
    assert pace.left("default/another", 2) == 120


def test_a_set_that_grows_has_room_at_once() -> None:
    pace = Pace(Clock())
    assert spend(pace, 1) == 110
    assert pace.left(KEY, 5000) > 5000


def test_a_set_that_was_made_anew_begins_anew() -> None:
    pace = Pace(Clock())
    spend(pace, 1)
    pace.forget(KEY)
    assert pace.left(KEY, 1) == 110


def test_a_clock_that_is_set_back_takes_no_more_than_was_there() -> None:
    clock = Clock()
    pace = Pace(clock)
    spend(pace, 1)
    clock.now -= 3600
    pace.made(KEY, 1, 0)
    clock.now += 110
    assert pace.left(KEY, 1) == 110
