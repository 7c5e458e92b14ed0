"""`docker top`: what ps would print about a container's processes, read from /proc. proc_pid_stat(5), ps(1)

Docker runs the host's ps and keeps the lines of the container; here no ps is needed, so what it can be asked
is: -ef and aux (in their usual spellings) and -o with a list of columns.
"""

import os
import pwd
import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sampan.errors import Failed, Invalid

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
FULL = ("uid_name", "pid", "ppid", "c", "stime", "tty", "time", "cmd")
USER = ("user", "pid", "%cpu", "%mem", "vsz", "rss", "tt", "stat", "start", "bsdtime", "command")


@dataclass(frozen=True)
class Process:
    pid: int
    uid: int
    gid: int
    command: str
    arguments: str
    state: str
    ppid: int
    pgrp: int
    session: int
    tty: int
    leader: bool
    foreground: bool
    ticks: int
    nice: int
    threads: int
    started: float  # seconds since the epoch
    vsz: int  # KiB
    rss: int  # KiB


def boot_time() -> float:
    with open("/proc/uptime") as file:
        return time.time() - float(file.read().split()[0])


def read(pid: int, booted: float) -> Process | None:
    """None when it has ended meanwhile."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            text = file.read()
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().rstrip(b"\0").split(b"\0")
        owner = os.stat(f"/proc/{pid}")
    except (FileNotFoundError, ProcessLookupError):
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    arguments = " ".join(word.decode(errors="replace") for word in words)
    session = int(rest[3])
    return Process(
        pid=pid,
        uid=owner.st_uid,
        gid=owner.st_gid,
        command=name,
        # A zombie or a kernel thread has no command line.
        arguments=arguments or (f"[{name}] <defunct>" if rest[0] == "Z" else f"[{name}]"),
        state=rest[0],
        ppid=int(rest[1]),
        pgrp=int(rest[2]),
        session=session,
        tty=int(rest[4]),
        leader=session == pid,
        foreground=int(rest[5]) == int(rest[2]),
        ticks=int(rest[11]) + int(rest[12]),
        nice=int(rest[16]),
        threads=int(rest[17]),
        started=booted + int(rest[19]) / TICKS,
        vsz=int(rest[20]) // 1024,
        rss=int(rest[21]) * PAGE // 1024,
    )


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def terminal(process: Process) -> str:
    if not process.tty:
        return "?"
    major, minor = os.major(process.tty), os.minor(process.tty)
    return f"pts/{minor + 256 * (major - 136)}" if 136 <= major <= 143 else f"tty{minor}"


def cpu_time(process: Process) -> str:
    seconds = process.ticks // TICKS
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text


def elapsed(process: Process) -> str:
    seconds = max(int(time.time() - process.started), 0)
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 60 % 60:02}:{rest % 60:02}"
    if days or rest >= 3600:
        text = f"{rest // 3600:02}:{text}"
    return f"{days}-{text}" if days else text


def cpu_share(process: Process) -> float:
    lived = max(time.time() - process.started, 1e-3)
    return min(process.ticks / TICKS / lived * 100, 99.9 * process.threads)


def memory_share(process: Process) -> float:
    total = os.sysconf("SC_PHYS_PAGES") * PAGE / 1024
    return process.rss / total * 100


def start_time(process: Process) -> str:
    moment, now = time.localtime(process.started), time.localtime()
    if (moment.tm_year, moment.tm_yday) == (now.tm_year, now.tm_yday):
        return time.strftime("%H:%M", moment)
    return time.strftime("%b%d" if moment.tm_year == now.tm_year else "%Y", moment)


def flags(process: Process) -> str:
    """ps' STAT."""
    return (
        process.state
        + ("<" if process.nice < 0 else "N" if process.nice > 0 else "")
        + ("s" if process.leader else "")
        + ("l" if process.threads > 1 else "")
        + ("+" if process.foreground else "")
    )


@dataclass(frozen=True)
class Column:
    header: str
    show: Callable[[Process], str]


COLUMNS: dict[str, Column] = {
    "uid_name": Column("UID", lambda p: user_name(p.uid)),
    "user": Column("USER", lambda p: user_name(p.uid)),
    "uid": Column("UID", lambda p: str(p.uid)),
    "gid": Column("GID", lambda p: str(p.gid)),
    "group": Column("GROUP", lambda p: group_name(p.gid)),
    "pid": Column("PID", lambda p: str(p.pid)),
    "ppid": Column("PPID", lambda p: str(p.ppid)),
    "pgid": Column("PGID", lambda p: str(p.pgrp)),
    "sid": Column("SID", lambda p: str(p.session)),
    "c": Column("C", lambda p: str(int(cpu_share(p)))),
    "%cpu": Column("%CPU", lambda p: f"{cpu_share(p):.1f}"),
    "%mem": Column("%MEM", lambda p: f"{memory_share(p):.1f}"),
    "vsz": Column("VSZ", lambda p: str(p.vsz)),
    "rss": Column("RSS", lambda p: str(p.rss)),
    "tty": Column("TTY", terminal),
    "tt": Column("TTY", terminal),
    "stat": Column("STAT", flags),
    "state": Column("S", lambda p: p.state),
    "ni": Column("NI", lambda p: str(p.nice)),
    "nlwp": Column("NLWP", lambda p: str(p.threads)),
    "stime": Column("STIME", start_time),
    "start": Column("START", start_time),
    "lstart": Column("STARTED", lambda p: time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(p.started))),
    "etime": Column("ELAPSED", elapsed),
    "etimes": Column("ELAPSED", lambda p: str(max(int(time.time() - p.started), 0))),
    "time": Column("TIME", cpu_time),
    "bsdtime": Column("TIME", lambda p: f"{p.ticks // TICKS // 60}:{p.ticks // TICKS % 60:02}"),
    "comm": Column("COMMAND", lambda p: p.command),
    "cmd": Column("CMD", lambda p: p.arguments),
    "command": Column("COMMAND", lambda p: p.arguments),
}
ALIASES = {
    "args": "command", "ucmd": "comm", "ucomm": "comm", "pcpu": "%cpu", "pmem": "%mem", "euser":
    "user", "ruser": "user", "uname": "user", "euid": "uid", "ruid": "uid", "egid": "gid", "rgid":
    "gid", "egroup": "group", "rgroup": "group", "tname": "tty", "s": "state", "nice": "ni", "pgrp":
    "pgid", "sess": "sid", "session": "sid", "thcount": "nlwp", "cputime": "time", "rssize": "rss",
    "rsz": "rss", "vsize": "vsz", "cp": "c", "bsdstart": "start", "start_time": "stime",
}  # fmt: skip


def parse(arguments: str) -> list[tuple[str, Column]]:
    """ps' arguments -> (header, column). Raises Invalid."""
    try:
        words = shlex.split(arguments or "-ef")
    except ValueError as error:
        raise Invalid(f"ps arguments: {error}") from None
    columns: list[tuple[str, Column]] = []
    names: Iterable[str] = ()
    while words:
        word = words.pop(0)
        letters = word.lstrip("-")
        if letters.endswith("o") and set(letters[:-1]) <= set("eaAxw") and words:
            columns += [wanted(item) for item in words.pop(0).replace(" ", ",").split(",") if item]
        elif word.startswith("-") and letters and set(letters) <= set("eAaxfFw"):
            names = FULL if "f" in letters.lower() else names or ("pid", "tty", "time", "comm")
        elif not word.startswith("-") and "u" in letters and set(letters) <= set("auxwe"):
            names = USER
        elif set(letters) <= set("eafxwA"):
            names = names or ("pid", "tty", "stat", "bsdtime", "command")
        else:
            raise Invalid(f"ps: error: unsupported arguments {arguments!r}".replace("'", '"'))
    columns = columns or [(COLUMNS[name].header, COLUMNS[name]) for name in names]
    if all(column is not COLUMNS["pid"] for _, column in columns):
        raise Failed("Couldn't find PID field in ps output")
    return columns


def wanted(item: str) -> tuple[str, Column]:
    name, equals, header = item.partition("=")
    name = ALIASES.get(name, name)
    if name not in COLUMNS or name == "uid_name":
        raise Invalid(f'ps: error: unknown user-defined format specifier "{item}"')
    return (header if equals else COLUMNS[name].header), COLUMNS[name]


def listing(pids: Iterable[int], arguments: str) -> dict[str, list[str] | list[list[str]]]:
    """The answer of GET /containers/<id>/top. Raises Invalid."""
    columns = parse(arguments)
    booted = boot_time()
    found = [process for pid in sorted(pids) if (process := read(pid, booted)) is not None]
    return {
        "Titles": [header for header, _ in columns],
        "Processes": [[column.show(process) for _, column in columns] for process in found],
    }
