"""How a build's messages look: as lines, on a terminal, and when it has ended."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.cli.build.live import BETWEEN, Live, aligned, limited
from sampan.cli.build.outcome import explanations, failure, warnings
from sampan.cli.build.plain import PATIENCE, Plain, elapsed
from sampan.cli.build.printable import fit, printable, without_colours
from sampan.cli.build.state import State, size


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def at(seconds: float) -> str:
    """An RFC 3339 time that many seconds after 1970-01-01T00:16:40Z, the clocks' 1000."""
    whole, fraction = divmod(round((1000 + seconds) * 1000), 1000)
    return f"1970-01-01T{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{fraction:03d}Z"


def vertex(digest, name, started=None, completed=None, **more):
    found = {"digest": digest, "name": name, **more}
    if started is not None:
        found["started"] = at(started)
    if completed is not None:
        found["completed"] = at(completed)
    return {"vertexes": [found]}


def log(digest, text, seconds, stream=1):
    data = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
    return {"logs": [{"vertex": digest, "stream": stream, "data": data, "timestamp": at(seconds)}]}


def status(digest, id, seconds=0.0, **more):
    return {
        "statuses": [
            {"id": id, "vertex": digest, "name": id, "timestamp": at(seconds), "started": at(0), **more}
        ]
    }


def plain(*messages, ticks=()):
    out: list[str] = []
    clock = Clock()
    view = Plain(out.append, clock)
    for message in messages:
        if isinstance(message, float):
            clock.now = 1000 + message
            view.tick()
        else:
            view.update(message)
    view.finish()
    return "".join(out)


PLAIN = [
    (
        "a step with output and its time",
        [
            vertex("a", "[1/2] FROM x", 0, 0, cached=True),
            vertex("b", "[2/2] RUN y", 0),
            log("b", "one\ntw", 0.1234),
            log("b", "o\n", 0.5),
            vertex("b", "[2/2] RUN y", 0, 1.26),
        ],
        "#1 [1/2] FROM x\n#1 CACHED\n\n#2 [2/2] RUN y\n#2 0.123 one\n#2 0.123 two\n#2 DONE 1.3s\n",
    ),
    (
        "a step beside it is shown whole when it has ended, and the first goes on",
        [
            vertex("a", "A", 0),
            log("a", "a1\n", 0),
            vertex("b", "B", 0),
            log("b", "b1\n", 0),
            vertex("b", "B", 0, 1),
            log("a", "a2\n", 1),
            vertex("a", "A", 0, 2),
        ],
        "#1 A\n#1 0.000 a1\n#1 ...\n\n#2 B\n#2 0.000 b1\n#2 DONE 1.0s\n\n#1 A\n#1 1.000 a2\n#1 DONE 2.0s\n",
    ),
    (
        "another one has its turn when the shown one is silent for long",
        [
            vertex("a", "A", 0),
            log("a", "a1\n", 0),
            vertex("b", "B", 0),
            log("b", "b1\n", 0),
            PATIENCE - 1,
            PATIENCE + 1,
        ],
        "#1 A\n#1 0.000 a1\n#1 ...\n\n#2 B\n#2 0.000 b1\n",
    ),
    (
        "what has no line break at the end is a line",
        [vertex("a", "A", 0), log("a", "rest", 0.5), vertex("a", "A", 0, 1)],
        "#1 A\n#1 0.500 rest\n#1 DONE 1.0s\n",
    ),
    (
        "transfers, with and without a total",
        [
            vertex("a", "A", 0),
            status("a", "sha256:ab", 0.4, current=1_050_000, total=2_210_000),
            status("a", "transferring context:", current=2, completed=at(0)),
            vertex("a", "A", 0, 1),
        ],
        "#1 A\n#1 sha256:ab 1.05MB / 2.21MB 0.4s\n#1 transferring context: 2B done\n#1 DONE 1.0s\n",
    ),
    (
        "failures and what they stopped",
        [
            vertex("a", "A", 0),
            vertex("b", "B", 0, 1, error="no such thing"),
            vertex("a", "A", 0, 1, error="context canceled"),
        ],
        "#1 A\n#1 ...\n\n#2 B\n#2 ERROR: no such thing\n\n#1 A\n#1 CANCELED\n",
    ),
    ("a step that never started is not shown", [vertex("a", "A")], ""),
]


@pytest.mark.parametrize(("what", "messages", "expected"), PLAIN, ids=[row[0] for row in PLAIN])
def test_plain_lines(what, messages, expected):
    assert plain(*messages) == expected


ELAPSED = [
    (0.0, "0.000"),
    (0.12345, "0.123"),
    (12.3456, "12.34"),
    (123.456, "123.4"),
    (12345.6, "12345"),
    (-1, "0.000"),
]


@pytest.mark.parametrize(("seconds", "text"), ELAPSED)
def test_times_of_lines_keep_five_characters(seconds, text):
    assert elapsed(seconds) == text


PRINTABLE = [
    ("plain", b"plain"),
    ("ü日", "ü日".encode()),
    ("bad\ufffdbyte", b"bad\xffbyte"),
    ("over", b"first\rover\r"),
    ("tab\there", b"tab\there"),
    ("bell", b"be\x07l\x08l"),
    ("\x1b[31mred\x1b[0m\x1b[0m", b"\x1b[31mred\x1b[0m"),
    ("title", b"\x1b]0;owned\x07title"),
    ("text", b"\x1b]8;;http://x\x1b\\text"),
    ("moved", b"\x1b[2J\x1b[1;1Hmoved"),
    ("private", b"\x1b[?1049hprivate"),
    ("dcs", b"\x1bPevil\x1b\\dcs"),
    ("charset", b"\x1b(0charset"),
    ("cut", b"cut\x1b["),
    ("c1", b"c\xc2\x9b1"),
]


@pytest.mark.parametrize(("expected", "data"), PRINTABLE, ids=[repr(row[1]) for row in PRINTABLE])
def test_output_cannot_drive_the_terminal(expected, data):
    assert printable(data) == expected


@given(st.binary(max_size=60))
def test_only_colours_are_left_of_escapes(data):
    text = printable(data)
    bare = without_colours(text)
    assert all(char == "\t" or ord(char) >= 32 for char in bare)
    assert not any(0x7F <= ord(char) <= 0x9F for char in bare)
    assert "\n" not in text


WIDTHS = [
    ("abc", 2, ("ab", 2)),
    ("日本語", 4, ("日本", 4)),
    ("日本語", 5, ("日本", 4)),
    ("e\u0301x", 2, ("e\u0301x", 2)),
]


@pytest.mark.parametrize(("text", "width", "expected"), WIDTHS)
def test_text_is_cut_to_columns(text, width, expected):
    assert fit(text, width) == expected


def test_lines_are_padded_to_the_right_edge():
    assert aligned(" => x", "1.0s", 20) == (" => x           1.0s", 20)
    assert aligned(" => much too long for it", "1.0s", 20) == (" => much too lo 1.0s", 20)


class Screen:
    """As much of a terminal as the view uses: rows, and where the cursor is."""

    def __init__(self) -> None:
        self.rows: list[str] = [""]
        self.row = 0

    def put(self, text: str) -> None:
        import re

        for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\n|\r)", text):
            if part == "\n":
                self.row += 1
                while len(self.rows) <= self.row:
                    self.rows.append("")
            elif part.endswith("A") and part.startswith("\x1b"):
                self.row -= int(part[2:-1])
                assert self.row >= 0
            elif part == "\x1b[J":
                del self.rows[self.row + 1 :]
                self.rows[self.row] = ""
            elif part and part[0] not in "\x1b\r":
                self.rows[self.row] = part


def test_the_list_is_drawn_over_itself():
    screen, clock = Screen(), Clock()
    view = Live(screen.put, lambda: (40, 24), clock=clock)
    view.update(vertex("a", "[1/2] FROM x", 0, 0, cached=True))
    clock.now += 1
    view.update(vertex("b", "[2/2] RUN y", 0))
    clock.now += 1
    view.update(log("b", "one\n\x1b[31mtwo\x1b[0m\n", 1.5))
    assert screen.rows == [
        "[+] Building 2.0s (1/2)",
        " => CACHED [1/2] FROM x            0.0s",
        " => [2/2] RUN y                    2.0s",
        " => => # one",
        " => => # two",
        "",
    ]
    clock.now += 1
    view.update(vertex("b", "[2/2] RUN y", 0, 3))
    view.finish()
    assert screen.rows == [
        "[+] Building 3.0s (2/2) FINISHED",
        " => CACHED [1/2] FROM x            0.0s",
        " => [2/2] RUN y                    3.0s",
        "",
    ]


def test_drawing_waits_for_the_next_frame():
    out: list[str] = []
    clock = Clock()
    view = Live(out.append, lambda: (80, 24), clock=clock)
    view.update(vertex("a", "A", 0))
    for _ in range(50):
        view.update(log("a", "x\n", 0))
    assert len(out) == 1
    clock.now += BETWEEN
    view.tick()
    assert len(out) == 2


def test_rows_wrapped_by_a_narrower_window_are_counted():
    out: list[str] = []
    clock, width = Clock(), [80]
    view = Live(out.append, lambda: (width[0], 24), clock=clock)
    view.update(vertex("a", "A" * 70, 0))
    width[0] = 40
    clock.now += 1
    view.tick()
    # A header of 23 columns, and a row of 79 that now takes two.
    assert out[-1].startswith("\r\x1b[3A")


def test_a_small_window_shows_what_runs():
    rows = [(2, ("", f"done {n}", "")) for n in range(10)] + [(9, ("", "runs", "")), (3, ("", "log", ""))]
    assert [row[1] for row in limited(rows, 4)] == ["done 8", "done 9", "runs", "log"]
    assert [row[1] for row in limited(rows, 1)] == ["runs"]


def test_colours_can_be_turned_off():
    out: list[str] = []
    view = Live(out.append, lambda: (80, 24), colours=False, clock=Clock())
    view.update(vertex("a", "A", 0, 1))
    view.finish()
    assert "\x1b[34m" not in "".join(out)


def test_the_end_of_a_failed_build():
    state = State()
    for message in (
        vertex("a", "[2/2] RUN y", 0),
        log("a", "last words\n", 0.5),
        vertex("a", "[2/2] RUN y", 0, 1, error="x"),
    ):
        state.apply(message)
    error = {
        "message": "it broke",
        "vertex": "a",
        "excerpt": "Dockerfile:2\n---",
        "snapshot": "abc",
        "hint": "fix it",
    }
    assert failure(error, state, "sampan") == (
        "------\n > [2/2] RUN y:\n0.500 last words\n------\nDockerfile:2\n---\n"
        "ERROR: failed to solve: it broke\nHint: fix it\n\n"
        "A shell in the state it failed in:\n    sampan build shell abc\n"
    )


def test_an_error_before_any_step_is_one_line():
    assert failure({"message": "no\x1b[2J way"}, None, "sampan") == "ERROR: failed to solve: no way\n"


def test_warnings_are_counted():
    state = State()
    assert warnings(state) == ""
    short = base64.b64encode(b"Rule: text (line 3)").decode()
    state.apply({"warnings": [{"vertex": "a", "short": short, "level": 1}]})
    assert warnings(state) == "\n 1 warning found:\n - Rule: text (line 3)\n"


def test_explanations_name_their_steps():
    state = State()
    state.apply(vertex("a", "[1/1] COPY x", 0))
    state.apply({"explanations": [{"vertex": "a", "cached": False, "reason": "x changed\ny is new"}]})
    assert explanations(state) == "built   [1/1] COPY x\n        x changed\n        y is new\n"


SIZES = [(0, "0B"), (999, "999B"), (1000, "1.00kB"), (2_210_000, "2.21MB"), (3 * 10**12, "3.00TB")]


@pytest.mark.parametrize(("count", "text"), SIZES)
def test_sizes(count, text):
    assert size(count) == text


def test_a_step_that_failed_moves_nothing_on_the_terminal():
    hostile = "first\nopen \x1b]0;title\x07\x1b[2Jname: not found"
    out = plain(vertex("a", "COPY x", 0), vertex("a", "COPY x", 0, 1, error=hostile))
    assert "#1 ERROR: first\nopen name: not found\n" in out
    assert "\x1b" not in out
