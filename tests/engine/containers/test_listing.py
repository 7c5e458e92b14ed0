"""The words of `docker ps`, and its filters."""

from typing import Any

import pytest

from sampan.engine.containers import filters
from sampan.engine.containers.listing import command, status
from sampan.engine.containers.record import ContainerRecord, State
from sampan.errors import Invalid
from sampan.specs.golang import time as times

NOW = 1_800_000_000


def ago(seconds: float) -> str:
    return times.rfc3339(int((NOW - seconds) * 1e9))


def record(**more: Any) -> ContainerRecord:
    values: dict[str, Any] = {
        "id": "abc123" + "0" * 58, "name": "web", "created": ago(60), "image": "busybox",
        "image_id": "sha256:1", "path": "sh", "args": [], "config": {"Labels": {"a": "1", "b": ""}},
        "host_config": {"NetworkMode": "bridge"},
    }  # fmt: skip
    values |= more
    return ContainerRecord(**values, cgroup=f"/sampan/{values['id']}")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State(), "Created"),
        (State(running=True, started_at=ago(5)), "Up 5 seconds"),
        (State(running=True, paused=True, started_at=ago(5)), "Up 5 seconds (Paused)"),
        (State(running=True, started_at=ago(5), health={"Status": "starting"}),
         "Up 5 seconds (health: starting)"),
        (State(running=True, started_at=ago(5), health={"Status": "healthy"}), "Up 5 seconds (healthy)"),
        (State(running=True, restarting=True, exit_code=3, started_at=ago(9), finished_at=ago(2)),
         "Restarting (3) 2 seconds ago"),
        (State(exit_code=137, started_at=ago(9), finished_at=ago(120)), "Exited (137) 2 minutes ago"),
        (State(removing=True, started_at=ago(9)), "Removal In Progress"),
        (State(dead=True, started_at=ago(9)), "Dead"),
    ],
)  # fmt: skip
def test_status(state: State, words: str) -> None:
    assert status(state, NOW) == words


def test_a_command_quotes_words_with_spaces() -> None:
    assert command(record(args=["-c", "echo hi"])) == "sh -c 'echo hi'"


def around(**more: Any) -> filters.Surroundings:
    values: dict[str, Any] = {
        "image_ids": None, "before": None, "since": None,
        "networks": lambda _: {"web": {"NetworkID": "fff111"}},
        "published": lambda _: [{"PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
    }  # fmt: skip
    return filters.Surroundings(**(values | more))


RUNNING = State(running=True, started_at=ago(5))
EXITED = State(exit_code=3, started_at=ago(5), finished_at=ago(1))


@pytest.mark.parametrize(
    ("asked", "more", "expected"),
    [
        ({}, {}, True),
        ({"id": ["abc"]}, {}, True),
        ({"id": ["zzz"]}, {}, False),
        ({"name": ["we"]}, {}, True),
        ({"name": ["^/web$"]}, {}, True),
        ({"name": ["^eb"]}, {}, False),
        ({"name": ["("]}, {}, False),
        ({"status": ["exited"]}, {"state": EXITED}, True),
        ({"status": ["running"]}, {"state": EXITED}, False),
        ({"status": ["running", "exited"]}, {"state": EXITED}, True),
        ({"exited": ["3"]}, {"state": EXITED}, True),
        ({"exited": ["0"]}, {"state": EXITED}, False),
        ({"exited": ["0"]}, {"state": RUNNING}, False),
        ({"exited": ["0"]}, {}, False),
        ({"health": ["none"]}, {}, True),
        ({"health": ["healthy"]}, {"state": State(running=True, health={"Status": "healthy"})}, True),
        ({"label": ["a"]}, {}, True),
        ({"label": ["a=1", "b"]}, {}, True),
        ({"label": ["a=2"]}, {}, False),
        ({"is-task": ["false"]}, {}, True),
        ({"is-task": ["true"]}, {}, False),
        ({"isolation": ["default"]}, {}, True),
        ({"network": ["web"]}, {}, True),
        ({"network": ["fff"]}, {}, True),
        ({"network": ["other"]}, {}, False),
        ({"publish": ["8080"]}, {}, True),
        ({"publish": ["8000-9000/tcp"]}, {}, True),
        ({"publish": ["80"]}, {}, False),
        ({"expose": ["80"]}, {"config": {"ExposedPorts": {"80/tcp": {}}}}, True),
        ({"expose": ["80/udp"]}, {"config": {"ExposedPorts": {"80/tcp": {}}}}, False),
        ({"volume": ["data"]}, {"mount_points": [{"Name": "data", "Destination": "/d"}]}, True),
        ({"volume": ["/d"]}, {"mount_points": [{"Name": "data", "Destination": "/d"}]}, True),
        ({"volume": ["/e"]}, {"mount_points": [{"Name": "data", "Destination": "/d"}]}, False),
    ],
)
def test_filters(asked: dict[str, list[str]], more: dict[str, Any], expected: bool) -> None:
    assert filters.matches(record(**more), asked, around()) == expected


def test_before_and_since_compare_creation() -> None:
    created = times.parse(ago(60))
    assert filters.matches(record(), {}, around(before=created + 1))
    assert not filters.matches(record(), {}, around(before=created))
    assert filters.matches(record(), {}, around(since=created - 1))
    assert not filters.matches(record(), {}, around(since=created))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"status": ["x"]}, "invalid filter 'status=x'"),
        ({"exited": ["x"]}, "invalid filter 'exited=x': strconv.Atoi: parsing \"x\": invalid syntax"),
        ({"is-task": ["x"]}, r"invalid filter 'is-task=\[x\]'"),
        ({"health": ["x"]}, "unrecognized filter value for health: x"),
        ({"publish": ["x"]}, "error while looking up for publish x: strconv.ParseUint"),
    ],
)
def test_bad_filter_values(asked: dict[str, list[str]], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        filters.check_values(asked)
