"""GET /containers/<id>/top without a ps program: which columns `ps_args` ask for, and the table. ps(1)."""

from collections.abc import Iterable
from typing import Any

from sampan.engine.containers.processes import COLUMNS, Cell, Machine, Process
from sampan.errors import Failed

DEFAULT = "-ef"

# Columns are "name" or "name:header".
_FULL = "user:UID pid ppid c stime tname time cmd"
_UNIX = {
    "": "pid tname time ucmd",
    "f": _FULL,
    "F": "user:UID pid ppid c sz rss psr stime tname time cmd",
    "l": "f s uid pid ppid c opri ni addr sz wchan tname time ucmd",
    "ly": "s uid pid ppid c opri ni rss sz wchan tname time ucmd",
    "j": "pid pgid sid tname time ucmd",
}
_BSD = {
    "": "pid tname stat bsdtime args",
    "u": "user pid pcpu pmem vsz rss tname stat bsdstart bsdtime args",
    "l": "f uid pid ppid priority ni vsz rss wchan stat tname bsdtime args",
    "j": "ppid pid pgid sid tname tpgid stat uid bsdtime args",
}
# Which processes, and how wide: the container settles the first, and nothing is cut here.
_SELECTION = frozenset("aAdeNwHxcr")

Column = tuple[str, Cell]


def top(pids: Iterable[int], ps_args: str = DEFAULT, proc: str = "/proc") -> dict[str, Any]:
    """Docker's answer. Raises Failed for arguments ps would refuse, or without a PID column."""
    columns = parse(ps_args or DEFAULT)
    titles = [title for title, _ in columns]
    if "PID" not in titles:
        raise Failed("Couldn't find PID field in ps output")
    machine = Machine.read(proc)
    found = (Process.read(pid, machine, proc) for pid in sorted(pids))
    rows = [[cell(process) for _, cell in columns] for process in found if process is not None]
    return {"Titles": titles, "Processes": rows}


def parse(ps_args: str) -> list[Column]:
    """Raises Failed."""
    words = ps_args.split()
    options: set[str] = set()
    bsd = False
    chosen: list[Column] = []
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            chosen += _long_option(word, words)
            continue
        dashed = word.startswith("-")
        bsd = bsd or not dashed
        for position, letter in enumerate(word.removeprefix("-")):
            if letter in "oO":
                rest = word.removeprefix("-")[position + 1 :] or (words.pop(0) if words else "")
                listed = _listed(rest)
                chosen += _around(listed) if letter == "O" else listed
                break
            _check_letter(letter, dashed)
            options.add(letter)
    if chosen:
        return chosen
    return _columns(_format(options - _SELECTION, bsd))


def _long_option(word: str, words: list[str]) -> list[Column]:
    name, equals, value = word.partition("=")
    if name == "--format":
        return _listed(value if equals else words.pop(0) if words else "")
    if name in ("--forest", "--cols", "--columns", "--width", "--rows", "--lines"):
        return []
    raise Failed("ps: error: unknown gnu long option")


def _check_letter(letter: str, dashed: bool) -> None:
    known = _SELECTION | (frozenset("fFljyM") if dashed else frozenset("uljf"))
    if letter not in known:
        raise Failed(
            "ps: error: unsupported SysV option" if dashed else "ps: error: unsupported option (BSD syntax)"
        )


def _format(options: set[str], bsd: bool) -> str:
    table = _BSD if bsd else _UNIX
    if not bsd and {"l", "y"} <= options:
        return table["ly"]
    for letter in ("u", "l", "j", "F", "f"):
        if letter in options and letter in table:
            return table[letter]
    return table[""]


def _listed(text: str) -> list[Column]:
    """The columns of -o: names, each with "=header" or ":width" perhaps."""
    if not text:
        raise Failed("ps: error: format specification must follow -o")
    columns = []
    names = text.split(",")
    for position, name in enumerate(names):
        key, equals, header = name.partition("=")
        key = key.partition(":")[0]
        if equals:
            # A header runs to the end: ps takes commas as part of it.
            header = ",".join([header, *names[position + 1 :]])
        columns.append(_column(key, header if equals else None))
        if equals:
            break
    return columns


def _around(listed: list[Column]) -> list[Column]:
    """-O puts its columns between the default ones."""
    first, *rest = _columns("pid s tname time command")
    return [first, *listed, *rest]


def _columns(names: str) -> list[Column]:
    result = []
    for name in names.split():
        key, colon, header = name.partition(":")
        result.append(_column(key, header if colon else None))
    return result


def _column(name: str, header: str | None) -> Column:
    if name not in COLUMNS:
        raise Failed(f'ps: error: unknown user-defined format specifier "{name}"')
    title, cell = COLUMNS[name]
    return (title if header is None else header), cell
