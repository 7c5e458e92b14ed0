"""Progress messages as bars on a terminal and as lines elsewhere."""

from __future__ import annotations

import pytest

from sampan.cli.errors import CliError
from sampan.cli.progress import Display


def shown(*messages, terminal=True, width=200):
    display = Display(terminal, lambda: width)
    return "".join(display.text(message) for message in messages)


def layer(name, status, **detail):
    return {"id": name, "status": status, "progressDetail": detail}


def test_each_layer_keeps_its_line():
    assert shown(layer("a", "Waiting"), layer("b", "Waiting"), layer("a", "Pull complete")) == (
        "\n\x1b[1A\x1b[2K\ra: Waiting \r\x1b[1B"
        "\n\x1b[1A\x1b[2K\rb: Waiting \r\x1b[1B"
        "\x1b[2A\x1b[2K\ra: Pull complete \r\x1b[2B"
    )


def test_a_message_without_progress_freezes_the_lines_above():
    text = shown(layer("a", "Waiting"), {"status": "Digest: x"}, layer("a", "Waiting"))
    assert text.endswith("Digest: x\n\n\x1b[1A\x1b[2K\ra: Waiting \r\x1b[1B")


BARS = [
    ({"current": 0, "total": 0}, ""),
    ({"current": 1000, "total": 2_000_000}, f"[>{' ' * 50}]      1kB/2MB"),
    ({"current": 1_000_000, "total": 2_000_000}, f"[{'=' * 25}>{' ' * 25}]      1MB/2MB"),
    ({"current": 3_000_000, "total": 2_000_000}, f"[{'=' * 50}>]      3MB"),
    ({"current": 7}, "      7B"),
    ({"current": 7, "units": "s"}, "7 s"),
    ({"current": 1, "total": 4, "units": "s"}, f"[{'=' * 12}>{' ' * 38}] 1/4 s"),
    ({"current": 2, "total": 4, "hidecounts": True}, f"[{'=' * 25}>{' ' * 25}] "),
]


@pytest.mark.parametrize(("detail", "bar"), BARS)
def test_bars(detail, bar):
    assert f"a: Downloading {bar}\r" in shown(layer("a", "Downloading", **detail), width=111)


def test_a_narrow_terminal_shows_numbers_only():
    assert "a: Downloading      1kB/2kB\r" in shown(
        layer("a", "Downloading", current=1000, total=2000), width=110
    )


def test_a_file_gets_a_line_for_each_change_of_state():
    assert (
        shown(
            {"status": "Pulling from x", "id": "latest"},
            layer("a", "Pulling fs layer"),
            layer("a", "Downloading", current=1, total=2),
            layer("a", "Pull complete"),
            {"stream": "done\n"},
            {"aux": {"Tag": "x"}},
            terminal=False,
        )
        == "latest: Pulling from x\na: Pulling fs layer\na: Pull complete\ndone\n"
    )


@pytest.mark.parametrize("message", [{"error": "boom"}, {"errorDetail": {"message": "boom"}, "error": "x"}])
def test_an_error_ends_it(message):
    with pytest.raises(CliError, match="boom"):
        shown(message)
