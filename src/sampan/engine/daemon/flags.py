"""sampand's command line: pflag's syntax, dockerd's texts and exit codes."""

import sys
from typing import Any, NoReturn

from sampan import __version__
from sampan.engine.daemon.config import OPTIONS, DaemonConfig
from sampan.engine.daemon.configfile import CommandLine, load
from sampan.engine.daemon.options import TEXT, Option, go_text
from sampan.errors import Invalid
from sampan.paths import CONFIG_FILE
from sampan.specs.golang.numbers import parse_bool

BY_FLAG = {o.flag: o for o in OPTIONS}
BY_SHORT = {o.short: o for o in OPTIONS if o.short}
# Flags that are about this one invocation, not settings.
ACTIONS = {"help": "Print usage", "validate": "Validate daemon configuration and exit",
           "version": "Print version information and quit"}  # fmt: skip
ACTION_SHORT = {"v": "version", "h": "help"}


class UsageError(Invalid):
    """The command line itself is wrong; the process exits with 125."""


def parse_command_line(argv: list[str]) -> CommandLine:
    """Read flags as pflag does: --x v, --x=v, -x v, -xv, switches without a value. Raises UsageError."""
    values: dict[str, Any] = {}
    actions: set[str] = set()
    config_file: str | None = None
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if len(word) < 2 or not word.startswith("-"):
            rest.insert(0, word)
            break
        for name, text, title in _split_flags(word, rest):
            if name in ACTIONS:
                if parse_bool(text):
                    actions.add(name)
            elif name == "config-file":
                config_file = text
            else:
                _fold(values, BY_FLAG[name], text, title)
    if rest:
        raise UsageError('"sampand" accepts no argument(s).')
    return CommandLine(values, frozenset(actions), config_file)


def _fold(values: dict[str, Any], opt: Option, text: str, title: str) -> None:
    try:
        values[opt.field] = opt.kind.flag(values.get(opt.field), text)
    except Invalid as error:
        raise UsageError(f'invalid argument "{text}" for "{title}" flag: {error.message}') from None


def _split_flags(word: str, rest: list[str]) -> list[tuple[str, str, str]]:
    """(long name, value, title) of each flag in one word; takes a value from `rest` when it needs one."""
    if word.startswith("--"):
        name, eq, text = word[2:].partition("=")
        if name not in BY_FLAG and name not in ACTIONS and name != "config-file":
            raise UsageError(f"unknown flag: --{name}")
        if eq:
            return [(name, text, _title(name))]
        if _is_switch(name):
            return [(name, "true", _title(name))]
        if not rest:
            raise UsageError(f"flag needs an argument: --{name}")
        return [(name, rest.pop(0), _title(name))]
    found: list[tuple[str, str, str]] = []
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        opt = BY_SHORT.get(letter)
        name = opt.flag if opt else ACTION_SHORT.get(letter, "")
        if not name:
            raise UsageError(f"unknown shorthand flag: '{letter}' in {word}")
        if _is_switch(name) and not letters.startswith("="):
            found.append((name, "true", _title(name)))
            continue
        if not letters and not rest:
            raise UsageError(f"flag needs an argument: '{letter}' in {word}")
        found.append((name, letters.removeprefix("=") if letters else rest.pop(0), _title(name)))
        break
    return found


def _is_switch(name: str) -> bool:
    return name in ACTIONS or (name in BY_FLAG and not BY_FLAG[name].kind.name)


def _title(name: str) -> str:
    return BY_FLAG[name].title if name in BY_FLAG else f"--{name}"


def help_text() -> str:
    """What --help prints."""
    lines = ["", "Usage:  sampand [OPTIONS]", "", "A self-sufficient engine for containers.", "", "Options:"]
    rows: list[tuple[str, str, str]] = [
        (o.flag, f"{'-' + o.short + ',' if o.short else '   '} --{o.flag} {o.kind.name}".rstrip(), _help(o))
        for o in OPTIONS
    ]
    rows.append(
        ("config-file", "    --config-file string", f'Daemon configuration file (default "{CONFIG_FILE}")')
    )
    short = {name: f"-{letter}," for letter, name in ACTION_SHORT.items()}
    rows += [(name, f"{short.get(name, '   ')} --{name}", help) for name, help in ACTIONS.items()]
    width = max(len(left) for _, left, _ in rows)
    for _, left, help in sorted(rows):
        lines.append(f"  {left:<{width}}   {help}")
    return "\n".join(lines) + "\n"


def _help(opt: Option) -> str:
    default = getattr(DaemonConfig(), opt.field) if opt.shown_default is None else opt.shown_default
    if not default:
        return opt.help
    shown = f'"{default}"' if opt.kind is TEXT and opt.shown_default is None else go_text(default)
    return f"{opt.help} (default {shown})"


def from_command_line(argv: list[str]) -> DaemonConfig:
    """The configuration to run with. Exits instead for --help, --version, --validate and mistakes."""
    try:
        line = parse_command_line(argv)
    except UsageError as error:
        _leave(f"{error.message}\nSee 'sampand --help'.", 125)
    if "help" in line.actions:
        sys.stdout.write(help_text())
        raise SystemExit(0)
    if "version" in line.actions:
        print(f"Sampan version {__version__}")
        raise SystemExit(0)
    try:
        config = load(line)
        if "validate" in line.actions:
            _check_loadable(config)
            _leave("configuration OK", 0)
    except Invalid as error:
        _leave(error.message, 1)
    return config


def _check_loadable(config: DaemonConfig) -> None:
    """What --validate looks at beyond the values: the addresses and the TLS files."""
    _ = config.listen
    if config.use_tls:
        from sampan.http.tls import server_context  # imports ssl

        server_context(config.tlscert, config.tlskey, config.tlscacert if config.tlsverify else "")


def _leave(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(code)
