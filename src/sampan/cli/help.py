"""Help texts in the layout of Docker's client (spf13/cobra templates, moby/term width)."""

from __future__ import annotations

from sampan.cli.flags import Command, Flag, usage_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HELP_TABLE = (
    "'table':            Print output in table format with column headers (default)\n"
    "'table TEMPLATE':   Print output in table format using the given Go template\n"
)
_HELP_TEMPLATE = (
    "'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template."
)
FORMAT_HELP = f"Format output using a custom template:\n{_HELP_TABLE}{_HELP_TEMPLATE}"
FORMAT_HELP_INSPECT = f"Format output using a custom template:\n{_HELP_TEMPLATE}"


def terminal_width() -> int:
    import os

    try:
        return os.get_terminal_size(0).columns or 80
    except OSError:
        return 80


def command_help(command: Command, path: str, short: str, aliases: Sequence[str]) -> str:
    """The whole text of `COMMAND --help`."""
    parts = [f"Usage:  {usage_line(command, path)}", command.long or short]
    if aliases:
        parts.append("Aliases:\n  " + ", ".join(aliases))
    if any(not flag.hidden for flag in command.flags):
        parts.append("Options:\n" + flag_usages(command.flags, terminal_width() - 1))
    return "\n\n".join(parts) + "\n"


def group_help(path: str, short: str, commands: Iterable[tuple[str, str]]) -> str:
    """The text of a command that only has subcommands."""
    lines = "\n".join(f"  {name:<11} {text}" for name, text in sorted(commands))
    return (
        f"Usage:  {path} COMMAND\n\n{short}\n\nCommands:\n{lines}\n\n"
        f"Run '{path} COMMAND --help' for more information on a command.\n"
    )


def flag_usages(flags: Iterable[Flag], width: int) -> str:
    """The option list, sorted by name, help wrapped at `width`."""
    rows = []
    for flag in sorted((f for f in flags if not f.hidden), key=lambda f: f.name):
        left = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
        if flag.type != "bool":
            left += f" {flag.type}"
        rows.append((left, flag.help))
    column = max(len(left) for left, _ in rows) + 3
    return "\n".join(left.ljust(column) + _wrap(column, width, text) for left, text in rows)


def _wrap(indent: int, width: int, text: str) -> str:
    """pflag's wrap: leave short lines alone, else break at spaces, slack of five columns."""
    room = width - indent
    if room < 24:
        return text
    room -= 5
    margin = "\n" + " " * indent
    out: list[str] = []
    rest = text
    while rest:
        line, rest = _wrap_once(room, 5, rest)
        out.append(line.replace("\n", margin))
    return margin.join(out)


def _wrap_once(limit: int, slop: int, text: str) -> tuple[str, str]:
    if limit + slop > len(text):
        return text, ""
    space = max(text.rfind(mark, 0, limit) for mark in " \t\n")
    if space <= 0:
        return text, ""
    newline = text.rfind("\n", 0, limit)
    if 0 < newline < space:
        return text[:newline], text[newline + 1 :]
    return text[:space], text[space + 1 :]
