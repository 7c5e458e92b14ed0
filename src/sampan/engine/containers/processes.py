"""Processes of the host as ps(1) shows them, read from /proc; proc_pid_stat(5), proc_pid_status(5)."""

import os
import pwd
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Machine:
    """What all rows of one table have in common."""

    now: float
    boot: int  # seconds since the epoch
    memory: int  # bytes

    @classmethod
    def read(cls, proc: str = "/proc") -> "Machine":
        boot = 0
        for line in Path(proc, "stat").read_text().splitlines():
            if line.startswith("btime "):
                boot = int(line.split()[1])
        return cls(time.time(), boot, os.sysconf("SC_PHYS_PAGES") * _PAGE)


@dataclass(frozen=True)
class Process:
    pid: int
    comm: str
    stat: list[str]  # the fields of /proc/<pid>/stat from the third on
    status: dict[str, str]
    cmdline: str
    wchan: str
    machine: Machine = field(repr=False)

    @classmethod
    def read(cls, pid: int, machine: Machine, proc: str = "/proc") -> "Process | None":
        """None when it is gone by now."""
        directory = Path(proc, str(pid))
        try:
            text = (directory / "stat").read_text(errors="replace")
            status = (directory / "status").read_text(errors="replace")
            cmdline = (directory / "cmdline").read_bytes()
        except OSError:
            return None
        try:
            wchan = (directory / "wchan").read_text(errors="replace")
        except OSError:
            wchan = ""
        # The name is in parentheses and may hold any character, parentheses included.
        head, _, tail = text.rpartition(")")
        pairs = (line.partition(":") for line in status.splitlines())
        return cls(
            pid,
            head.partition("(")[2],
            tail.split(),
            {key: value.strip() for key, _, value in pairs},
            cmdline.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace"),
            wchan,
            machine,
        )

    def number(self, field: int) -> int:
        """Field `field` of /proc/<pid>/stat, counted from 1 as in the manual."""
        return int(self.stat[field - 3])

    @property
    def start(self) -> float:
        return self.machine.boot + self.number(22) / _TICKS

    @property
    def elapsed(self) -> float:
        return max(self.machine.now - self.start, 0.0)

    @property
    def cpu(self) -> float:
        """Seconds of CPU time."""
        return (self.number(14) + self.number(15)) / _TICKS

    def ids(self, name: str) -> list[int]:
        """Real, effective, saved and file-system "Uid" or "Gid"."""
        return [int(word) for word in self.status.get(name, "0 0 0 0").split()]


def user_name(uid: int) -> str:
    """As ps: a name of more than eight characters is cut and marked."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
    return name if len(name) <= 8 else name[:7] + "+"


def group_name(gid: int) -> str:
    import grp

    try:
        name = grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
    return name if len(name) <= 8 else name[:7] + "+"


def terminal(device: int) -> str:
    """The name of a tty by its number; Documentation/admin-guide/devices.txt."""
    if device == 0:
        return "?"
    major, minor = (device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00)
    if 136 <= major <= 143:
        return f"pts/{(major - 136) * 256 + minor}"
    if major == 4:
        return f"tty{minor}" if minor < 64 else f"ttyS{minor - 64}"
    return "console" if (major, minor) == (5, 1) else "?"


def clock(seconds: float) -> str:
    """[DD-]HH:MM:SS."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days}-" if days else "") + f"{hours:02}:{minutes:02}:{rest:02}"


def elapsed(seconds: float) -> str:
    """[[DD-]HH:]MM:SS."""
    text = clock(seconds)
    return text.removeprefix("00:") if len(text) == 8 else text


def started(process: Process) -> str:
    """The hour today, the day this year, else the year."""
    start, now = time.localtime(process.start), time.localtime(process.machine.now)
    if (start.tm_year, start.tm_yday) == (now.tm_year, now.tm_yday):
        return time.strftime("%H:%M", start)
    return time.strftime("%b%d", start) if start.tm_year == now.tm_year else str(start.tm_year)


def state(process: Process) -> str:
    flags = process.stat[0]
    nice = process.number(19)
    flags += "<" if nice < 0 else "N" if nice > 0 else ""
    if process.status.get("VmLck", "0 kB") != "0 kB":
        flags += "L"
    if process.number(6) == process.pid:
        flags += "s"
    if process.number(20) > 1:
        flags += "l"
    if process.number(8) == process.number(5):
        flags += "+"
    return flags


def _percent(part: float, whole: float) -> str:
    return f"{min(100 * part / whole, 99.9) if whole > 0 else 0.0:.1f}"


def _minutes(process: Process) -> str:
    minutes, seconds = divmod(int(process.cpu), 60)
    return f"{minutes}:{seconds:02}"


def _resident(process: Process) -> int:
    # The manual calls the one in stat inaccurate; kernel threads have neither.
    return int(process.status.get("VmRSS", "0 kB").split()[0]) * 1024


def _args(process: Process) -> str:
    return process.cmdline or f"[{process.comm}]"


Cell = Callable[[Process], str]

# name in -o -> header and cell. Names that ps has for one thing stand for themselves.
COLUMNS: dict[str, tuple[str, Cell]] = {
    "pid": ("PID", lambda p: str(p.pid)),
    "tgid": ("TGID", lambda p: str(p.pid)),
    "ppid": ("PPID", lambda p: str(p.number(4))),
    "pgid": ("PGID", lambda p: str(p.number(5))),
    "pgrp": ("PGRP", lambda p: str(p.number(5))),
    "sid": ("SID", lambda p: str(p.number(6))),
    "sess": ("SESS", lambda p: str(p.number(6))),
    "session": ("SESS", lambda p: str(p.number(6))),
    "tpgid": ("TPGID", lambda p: str(p.number(8))),
    "uid": ("UID", lambda p: str(p.ids("Uid")[1])),
    "euid": ("EUID", lambda p: str(p.ids("Uid")[1])),
    "ruid": ("RUID", lambda p: str(p.ids("Uid")[0])),
    "gid": ("GID", lambda p: str(p.ids("Gid")[1])),
    "egid": ("EGID", lambda p: str(p.ids("Gid")[1])),
    "rgid": ("RGID", lambda p: str(p.ids("Gid")[0])),
    "user": ("USER", lambda p: user_name(p.ids("Uid")[1])),
    "uname": ("USER", lambda p: user_name(p.ids("Uid")[1])),
    "euser": ("EUSER", lambda p: user_name(p.ids("Uid")[1])),
    "ruser": ("RUSER", lambda p: user_name(p.ids("Uid")[0])),
    "group": ("GROUP", lambda p: group_name(p.ids("Gid")[1])),
    "egroup": ("EGROUP", lambda p: group_name(p.ids("Gid")[1])),
    "rgroup": ("RGROUP", lambda p: group_name(p.ids("Gid")[0])),
    "comm": ("COMMAND", lambda p: p.comm),
    "ucmd": ("CMD", lambda p: p.comm),
    "ucomm": ("COMMAND", lambda p: p.comm),
    "args": ("COMMAND", _args),
    "command": ("COMMAND", _args),
    "cmd": ("CMD", _args),
    "stat": ("STAT", state),
    "state": ("S", lambda p: p.stat[0]),
    "s": ("S", lambda p: p.stat[0]),
    "etime": ("ELAPSED", lambda p: elapsed(p.elapsed)),
    "etimes": ("ELAPSED", lambda p: str(int(p.elapsed))),
    "time": ("TIME", lambda p: clock(p.cpu)),
    "cputime": ("TIME", lambda p: clock(p.cpu)),
    "bsdtime": ("TIME", _minutes),
    "times": ("TIME", lambda p: str(int(p.cpu))),
    "cputimes": ("TIME", lambda p: str(int(p.cpu))),
    "stime": ("STIME", started),
    "bsdstart": ("START", started),
    "start_time": ("START", started),
    "start": ("STARTED", lambda p: time.strftime("%H:%M:%S", time.localtime(p.start))),
    "lstart": ("STARTED", lambda p: time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(p.start))),
    "rss": ("RSS", lambda p: str(_resident(p) // 1024)),
    "rssize": ("RSS", lambda p: str(_resident(p) // 1024)),
    "rsz": ("RSZ", lambda p: str(_resident(p) // 1024)),
    "vsz": ("VSZ", lambda p: str(p.number(23) // 1024)),
    "vsize": ("VSZ", lambda p: str(p.number(23) // 1024)),
    "sz": ("SZ", lambda p: str(p.number(23) // _PAGE)),
    "pcpu": ("%CPU", lambda p: _percent(p.cpu, p.elapsed)),
    "%cpu": ("%CPU", lambda p: _percent(p.cpu, p.elapsed)),
    "c": ("C", lambda p: str(int(min(100 * p.cpu / p.elapsed, 99)) if p.elapsed else 0)),
    "pmem": ("%MEM", lambda p: _percent(_resident(p), p.machine.memory)),
    "%mem": ("%MEM", lambda p: _percent(_resident(p), p.machine.memory)),
    "tty": ("TT", lambda p: terminal(p.number(7))),
    "tt": ("TT", lambda p: terminal(p.number(7))),
    "tname": ("TTY", lambda p: terminal(p.number(7))),
    "nlwp": ("NLWP", lambda p: str(p.number(20))),
    "thcount": ("THCNT", lambda p: str(p.number(20))),
    "ni": ("NI", lambda p: str(p.number(19))),
    "nice": ("NI", lambda p: str(p.number(19))),
    "pri": ("PRI", lambda p: str(39 - p.number(18))),
    "opri": ("PRI", lambda p: str(60 + p.number(18))),
    "priority": ("PRI", lambda p: str(p.number(18))),
    "psr": ("PSR", lambda p: str(p.number(39))),
    "wchan": ("WCHAN", lambda p: "-" if p.wchan in ("", "0") else p.wchan[:6]),
    "f": ("F", lambda p: str((p.number(9) >> 6) & 7)),
    "flags": ("F", lambda p: str((p.number(9) >> 6) & 7)),
    "addr": ("ADDR", lambda p: "-"),
    "maj_flt": ("MAJFL", lambda p: str(p.number(12))),
    "min_flt": ("MINFL", lambda p: str(p.number(10))),
}
