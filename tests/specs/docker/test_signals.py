"""Names and numbers of signals."""

import signal

import pytest

from sampan.errors import Invalid
from sampan.specs.docker import signals


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9", 9), ("KILL", 9), ("SIGKILL", 9), ("sigterm", 15), ("CLD", signal.SIGCHLD), ("64", 64),
        ("RTMIN", 34), ("RTMIN+3", 37), ("SIGRTMIN+15", 49), ("SIGRTMAX-1", 63), ("RTMAX-14", 50),
    ],
)  # fmt: skip
def test_signals(text: str, number: int) -> None:
    assert signals.parse(text) == signals.deliverable(text) == number


@pytest.mark.parametrize("text", ["", "0", "FOO", "SIG", "9x", "RTMIN+16", "RTMAX-15", "RTMIN+0", "+0"])
def test_what_is_no_signal(text: str) -> None:
    for parse in (signals.parse, signals.deliverable):
        with pytest.raises(Invalid) as caught:
            parse(text)
        assert caught.value.message == f"invalid signal: {text}"


@pytest.mark.parametrize("text", ["65", "-1", "1000"])
def test_numbers_that_are_written_and_never_sent(text: str) -> None:
    assert signals.parse(text) == int(text)  # STOPSIGNAL takes them, as in Docker
    with pytest.raises(Invalid):
        signals.deliverable(text)


def test_every_signal_has_a_name() -> None:
    for number in (*range(1, 32), *range(34, 65)):
        assert signals.parse(signals.name_of(number)) == number
