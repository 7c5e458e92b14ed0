"""Command-line options as spf13/pflag parses them and as Docker's help prints them.

An option is declared once, as a `Flag` in its command's table; parsing, defaults and help follow from it.
Deliberately without argparse, re, typing or dataclasses: docs/decisions/cli-flags.md.
"""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class FlagError(Exception):
    """A flag that does not exist, lacks its argument or has a bad one; the text is pflag's."""


class HelpWanted(Exception):
    """--help or -h was given; `shorthand` tells which."""

    def __init__(self, shorthand: bool) -> None:
        super().__init__()
        self.shorthand = shorthand


class Flag:
    """One option. `type` is what help shows and, without `parse`, how the value is read.

    parse: text -> value, raises ValueError or Invalid with the reason. For the repeatable types it is applied
    to each text and may return a list of values. `bare` stands in when the option is given without a value
    (as for bool).
    """

    __slots__ = (
        "alias",
        "bare",
        "default",
        "deprecated",
        "help",
        "hidden",
        "name",
        "parse",
        "short",
        "type",
    )

    def __init__(
        self,
        name: str,
        type: str,
        help: str = "",
        *,
        short: str = "",
        default: Any = None,
        hidden: bool = False,
        deprecated: str = "",
        alias: str = "",
        bare: str | None = None,  # its value where none follows, pflag's NoOptDefVal
        parse: Callable[[str], Any] | None = None,
    ) -> None:
        self.name = name
        self.short = short
        self.type = type
        self.help = help
        self.hidden = hidden or bool(deprecated) or bool(alias)
        self.deprecated = deprecated
        self.alias = alias
        self.bare = "true" if type == "bool" else bare
        self.parse = parse
        self.default = _ZERO.get(type, "") if default is None else default

    @property
    def repeatable(self) -> bool:
        return isinstance(self.default, list)

    @property
    def shown(self) -> str:
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


_ZERO: dict[str, Any] = {
    "bool": False,
    "string": "",
    "int": 0,
    "uint16": 0,
    "bytes": 0,
    "decimal": 0,
    "duration": 0,
    "list": [],
    "filter": [],
    "map": [],
    "ulimit": [],
    "mount": [],
    "network": [],
    "gpu-request": [],
    "stringToString": [],
    "strings": [],
}


class Options(dict[str, "Any"]):
    """Values by flag name, defaults filled in; `changed` holds the names that were given."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[str] = set()


def _parse_bool(text: str) -> bool:
    from sampan.specs.golang.numbers import parse_bool

    return parse_bool(text)


def _parse_int(text: str) -> int:
    from sampan.specs.golang.numbers import parse_int

    return parse_int(text, base=0)


def _parse_uint16(text: str) -> int:
    from sampan.specs.golang.numbers import parse_uint

    return parse_uint(text, base=0, bits=16)


def _parse_duration(text: str) -> int:
    from sampan.specs.golang.duration import parse_duration

    return parse_duration(text)


def _parse_strings(text: str) -> list[str]:
    """Comma-separated values, as a repeatable option whose texts each hold several."""
    from sampan.cli.opts import csv

    return csv.fields(text) if text else []


_PARSERS: dict[str, Callable[[str], Any]] = {
    "strings": _parse_strings,
    "bool": _parse_bool,
    "int": _parse_int,
    "uint16": _parse_uint16,
    "duration": _parse_duration,
}


def parse(flags: Sequence[Flag], args: Sequence[str], interspersed: bool = True) -> tuple[Options, list[str]]:
    """Split `args` into option values and positional arguments.

    Raises FlagError with pflag's text, HelpWanted for --help and -h.
    """
    return _Parser(flags, interspersed).run(list(args))


class _Parser:
    def __init__(self, flags: Sequence[Flag], interspersed: bool) -> None:
        self.names = {flag.name: flag for flag in flags}
        self.shorts = {flag.short: flag for flag in flags if flag.short}
        self.interspersed = interspersed
        self.options = Options()
        for flag in flags:
            if not flag.alias:
                self.options[flag.name] = list(flag.default) if flag.repeatable else flag.default

    def run(self, args: list[str]) -> tuple[Options, list[str]]:
        positional: list[str] = []
        args.reverse()
        while args:
            arg = args.pop()
            if len(arg) < 2 or arg[0] != "-":
                positional.append(arg)
                if not self.interspersed:
                    break
            elif arg == "--":
                break
            elif arg[1] == "-":
                self._long(arg, args)
            else:
                self._shorts(arg[1:], args)
        positional.extend(reversed(args))
        return self.options, positional

    def _long(self, arg: str, rest: list[str]) -> None:
        name, equals, value = arg[2:].partition("=")
        if not name or name[0] == "-":
            raise FlagError(f"bad flag syntax: {arg}")
        flag = self.names.get(name)
        if name == "help":
            raise HelpWanted(shorthand=False)
        if flag is None:
            raise FlagError(f"unknown flag: --{name}")
        if not equals:
            if flag.bare is not None:
                value = flag.bare
            elif rest:
                value = rest.pop()
            else:
                raise FlagError(f"flag needs an argument: --{name}")
        self._set(flag, value)

    def _shorts(self, group: str, rest: list[str]) -> None:
        letters = group
        while letters:
            letter, after = letters[0], letters[1:]
            flag = self.shorts.get(letter)
            if flag is None:
                if letter == "h":
                    raise HelpWanted(shorthand=True)
                raise FlagError(f"unknown shorthand flag: '{letter}' in -{group}")
            if len(after) > 1 and after[0] == "=":
                value, letters = after[1:], ""
            elif flag.bare is not None:
                value, letters = flag.bare, after
            elif after:
                value, letters = after, ""
            elif rest:
                value, letters = rest.pop(), ""
            else:
                raise FlagError(f"flag needs an argument: '{letter}' in -{group}")
            self._set(flag, value)

    def _set(self, flag: Flag, text: str) -> None:
        shown = flag.shown
        if flag.deprecated:
            print(f"Flag --{flag.name} has been deprecated, {flag.deprecated}")  # on stdout, as Docker's
        if flag.alias:
            flag = self.names[flag.alias]
        convert = flag.parse or _PARSERS.get(flag.type)
        try:
            value = convert(text) if convert else text
        except (ValueError, Invalid) as error:
            from sampan.specs.golang.quote import quote

            raise FlagError(f"invalid argument {quote(text)} for {quote(shown)} flag: {error}") from None
        if flag.repeatable:
            held = self.options[flag.name]
            held.extend(value) if isinstance(value, list) else held.append(value)
        else:
            self.options[flag.name] = value
        self.options.changed.add(flag.name)


class Command:
    """What a command module declares: its arguments, its options and the function that does it.

    `use` is the usage line after the command's name. `args` is (least, most); most None means any number.
    A `raw` command gets its words as they are: they are another program's options.
    """

    __slots__ = ("args", "flags", "interspersed", "long", "raw", "run", "use")

    def __init__(
        self,
        use: str,
        run: Callable[..., int | None],
        flags: Sequence[Flag] = (),
        *,
        args: tuple[int, int | None] = (0, None),
        long: str = "",
        interspersed: bool = True,
        raw: bool = False,
    ) -> None:
        self.use = use
        self.run = run
        self.flags = flags
        self.args = args
        self.long = long
        self.interspersed = interspersed
        self.raw = raw


def check_arguments(command: Command, path: str, count: int) -> None:
    """Raise CliError, worded as Docker's client does, when `count` arguments are too few or too many."""
    least, most = command.args
    if count >= least and (most is None or count <= most):
        return
    see = "Run"
    if most == 0:
        text = "accepts no arguments"
    elif most is None:
        text, see = f"requires at least {_arguments(least)}", "See"
    elif least == most:
        text = f"requires {_arguments(most)}"
    elif least == 0:
        text = f"requires at most {_arguments(most)}"
    else:
        text = f"requires at least {least} and at most {_arguments(most)}"
    program = path.split(" ", 1)[0]
    raise CliError(
        f"{program}: '{path}' {text}\n\nUsage:  {usage_line(command, path)}\n\n"
        f"{see} '{path} --help' for more information"
    )


def _arguments(count: int) -> str:
    return f"{count} argument" if count == 1 else f"{count} arguments"


def usage_line(command: Command, path: str) -> str:
    """`use` may hold several lines, each after the command's path."""
    return "\n\t".join(f"{path} {line}".rstrip() for line in command.use.split("\n"))
