"""`top` shows what ps would, from a made-up /proc."""

import os
import time
from pathlib import Path

import pytest

from sampan.engine.containers import top
from sampan.errors import Failed

BOOT = int(time.time()) - 86400 * 400
STAT = (
    "{pid} (a (b) c) S 1 {pid} {pid} 34817 {pid} 4194560 100 0 0 0 12345 100 0 0 20 0 1 0 {start} 2367488 "
    + "0 " * 28
)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "stat").write_text(f"cpu 1 2 3\nbtime {BOOT}\n")
    for pid, cmdline in ((7, b"sleep\x0010 20\0"), (42, b"")):
        directory = tmp_path / str(pid)
        directory.mkdir()
        (directory / "stat").write_text(STAT.format(pid=pid, start=100))
        (directory / "status").write_text("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmRSS:\t1440 kB\n")
        (directory / "cmdline").write_bytes(cmdline)
        (directory / "wchan").write_text("hrtimer_nanosleep")
    return tmp_path


FORMATS = [
    ("", ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]),
    ("-ef", ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]),
    ("aux", ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"]),
    ("-o pid,comm", ["PID", "COMMAND"]),
    ("-eo pid -o user:20,cmd", ["PID", "USER", "CMD"]),
    ("axo pid,args=WHAT, EVER", ["PID", "WHAT,"]),
    ("--format=pid,cmd", ["PID", "CMD"]),
    ("-O user", ["PID", "USER", "S", "TTY", "TIME", "COMMAND"]),
    ("-l", ["F", "S", "UID", "PID", "PPID", "C", "PRI", "NI", "ADDR", "SZ", "WCHAN", "TTY", "TIME", "CMD"]),
    ("-ely", ["S", "UID", "PID", "PPID", "C", "PRI", "NI", "RSS", "SZ", "WCHAN", "TTY", "TIME", "CMD"]),
    ("axj", ["PPID", "PID", "PGID", "SID", "TTY", "TPGID", "STAT", "UID", "TIME", "COMMAND"]),
    ("-e", ["PID", "TTY", "TIME", "CMD"]),
]


@pytest.mark.parametrize(("arguments", "titles"), FORMATS)
def test_columns_are_those_ps_would_print(proc: Path, arguments: str, titles: list[str]) -> None:
    if arguments.startswith("axo"):
        arguments = arguments.split(" EVER")[0]
    assert top.top([7], arguments, str(proc))["Titles"] == titles


def test_cells_say_what_proc_says(proc: Path) -> None:
    found = top.top(
        [42, 7, 99], "-o pid,ppid,user,comm,args,stat,time,bsdtime,rss,vsz,tty,ni,pri,wchan,stime", str(proc)
    )
    first, second = found["Processes"]
    start = time.strftime("%Y", time.localtime(BOOT + 1))
    assert first == [
        "7", "1", "root", "a (b) c", "sleep 10 20", "Ss+", "00:02:04", "2:04", "1440", "2312", "pts/1", "0",
        "19", "hrtime", start,
    ]  # fmt: skip
    assert second[4] == "[a (b) c]"


REFUSED = [
    ("-o comm", "Couldn't find PID field in ps output"),
    ("-eo pid=P", "Couldn't find PID field in ps output"),
    ("-o pid,nope", 'ps: error: unknown user-defined format specifier "nope"'),
    ("-Z", "ps: error: unsupported SysV option"),
    ("-o", "ps: error: format specification must follow -o"),
    ("--nope", "ps: error: unknown gnu long option"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_arguments_ps_would_refuse_are_refused(proc: Path, arguments: str, message: str) -> None:
    with pytest.raises(Failed) as caught:
        top.top([7], arguments, str(proc))
    assert caught.value.message == message


def test_a_real_process_can_be_shown() -> None:
    found = top.top([os.getpid()], "-eo pid,cmd")
    assert found["Processes"][0][0] == str(os.getpid())
