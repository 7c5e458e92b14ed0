"""Restart policies, with the clock in the caller's hand."""

from typing import Any

import pytest

from sampan.engine.containers.restart import RestartMonitor, check
from sampan.errors import Invalid

ALWAYS = {"Name": "always", "MaximumRetryCount": 0}


def test_waits_double_up_to_a_minute() -> None:
    monitor = RestartMonitor()
    waits = [monitor.next(ALWAYS, 1, False, ran=0.5) for _ in range(12)]
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == 60.0


def test_a_run_of_ten_seconds_starts_the_waits_over() -> None:
    monitor = RestartMonitor()
    for _ in range(5):
        monitor.next(ALWAYS, 1, False, ran=1)
    assert monitor.next(ALWAYS, 1, False, ran=10.0) == 0.1


@pytest.mark.parametrize(
    ("policy", "code", "stopped", "again"),
    [
        ({"Name": "no"}, 1, False, False),
        ({"Name": ""}, 1, False, False),
        ({}, 1, False, False),
        ({"Name": "always"}, 0, False, True),
        ({"Name": "always"}, 1, True, True),
        ({"Name": "unless-stopped"}, 0, False, True),
        ({"Name": "unless-stopped"}, 0, True, False),
        ({"Name": "on-failure"}, 0, False, False),
        ({"Name": "on-failure"}, 3, False, True),
    ],
)
def test_the_policy_decides(policy: dict[str, Any], code: int, stopped: bool, again: bool) -> None:
    assert (RestartMonitor().next(policy, code, stopped, ran=0) is not None) == again


def test_on_failure_gives_up_after_its_number_of_tries() -> None:
    monitor = RestartMonitor()
    policy = {"Name": "on-failure", "MaximumRetryCount": 2}
    assert [monitor.next(policy, 1, False, 0) is not None for _ in range(4)] == [True, True, False, False]


def test_a_cancelled_monitor_never_restarts() -> None:
    assert RestartMonitor(cancelled=True).next(ALWAYS, 1, False, 0) is None


@pytest.mark.parametrize(
    ("policy", "auto_remove", "message"),
    [
        ({"Name": "foo"}, False, "unknown policy 'foo'"),
        ({"Name": "on-failure", "MaximumRetryCount": -1}, False, "maximum retry count cannot be negative"),
        ({"Name": "always", "MaximumRetryCount": 3}, False, "can only be used with 'on-failure'"),
        ({"Name": "always"}, True, "can't create 'AutoRemove' container with restart policy"),
        ({"Name": 1}, False, "invalid restart policy"),
    ],
)
def test_bad_policies_are_refused(policy: dict[str, Any], auto_remove: bool, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        check(policy, auto_remove)


@pytest.mark.parametrize("policy", [None, {}, {"Name": "no"}, {"Name": "on-failure", "MaximumRetryCount": 3}])
def test_good_policies_pass(policy: dict[str, Any] | None) -> None:
    check(policy, False)
