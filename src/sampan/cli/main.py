"""The `sampan` program: find the command, parse its options, run it; failures become text and exit code."""

from __future__ import annotations

import os
import sys

from sampan.cli import tree
from sampan.cli.errors import CliError
from sampan.cli.flags import (
    Command,
    Flag,
    FlagError,
    HelpWanted,
    Options,
    check_arguments,
    parse,
    usage_line,
)
from sampan.cli.session import PROGRAM, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLAG_ERROR = 125  # what Docker's client exits with for any bad flag

GLOBAL_FLAGS = (
    Flag("config", "string", "Directory of client configuration files"),
    Flag("context", "string", "Context to connect with (overrides SAMPAN_HOST and DOCKER_HOST)", short="c"),
    Flag("debug", "bool", "Turn on debug mode", short="D"),
    Flag("host", "list", "Daemon socket to connect to", short="H"),
    Flag(
        "log-level",
        "string",
        'Logging level ("debug", "info", "warn", "error", "fatal") (default "info")',
        short="l",
        default="info",
    ),
    Flag("tls", "bool", "Use TLS; --tlsverify implies it"),
    Flag("tlscacert", "string", 'Trust only certificates signed by this CA (default "ca.pem")'),
    Flag("tlscert", "string", 'Client certificate file (default "cert.pem")'),
    Flag("tlskey", "string", 'Client key file (default "key.pem")'),
    Flag("tlsverify", "bool", "Use TLS and verify the other side"),
    Flag("version", "bool", "Print version information and quit", short="v"),
)


def main() -> None:
    """Entry point of the console script; never returns."""
    for stream in (sys.stdout, sys.stderr):  # bytes that are not UTF-8 came from arguments: give them back
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    try:
        status = run(sys.argv[1:], os.environ)
        sys.stdout.flush()
    except BrokenPipeError:
        _die_of_broken_pipe()
    # The interpreter's teardown would cost 2 ms, and nothing is left to clean up.
    os._exit(status)


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line; the exit status."""
    try:
        return _dispatch(argv, environ)
    except CliError as error:
        if error.message:
            _fail(error.message)
        return error.code
    except KeyboardInterrupt:
        return 130


def _fail(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _die_of_broken_pipe() -> None:
    import signal

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def _dispatch(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    try:
        options, rest = parse(GLOBAL_FLAGS, argv, interspersed=False)
    except HelpWanted as wanted:
        return _print(
            ("Flag shorthand -h has been deprecated, use --help\n" if wanted.shorthand else "") + _root_help()
        )
    except FlagError as error:
        return _bad_flag(str(error), f"{PROGRAM} [OPTIONS] COMMAND [ARG...]", PROGRAM)
    if options["log-level"] not in ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"):
        raise CliError(f"Unable to parse logging level: {options['log-level']}")
    if options["version"]:
        from sampan import __version__

        return _print(f"Sampan version {__version__}\n")
    if not rest:
        _fail(_root_help().rstrip("\n"))
        return 0
    if rest[0] == "help":
        return _help(rest[1:])
    return _run_command(rest, Session(options, environ))


def _run_command(words: Sequence[str], session: Session) -> int:
    path, args = words[0], list(words[1:])
    if path in tree.GROUPS:
        if not args or args[0].startswith("-"):
            return _group(path, args)
        path, args = f"{path} {args[0]}", args[1:]
    elif len(args) > 1 and f"{path} {args[0]}" in tree.NESTED:
        path, args = f"{path} {args[0]}", args[1:]
    entry = tree.find(path)
    if entry is None:
        return _unknown(path)
    command = load(entry)
    session.path = f"{PROGRAM} {path}"
    if command.raw:
        return command.run(session, Options(), args) or 0
    try:
        options, positional = parse(command.flags, args, command.interspersed)
    except HelpWanted as wanted:
        note = "Flag shorthand -h has been deprecated, use --help\n" if wanted.shorthand else ""
        return _print(note + _command_help(command, entry, session.path))
    except FlagError as error:
        return _bad_flag(str(error), usage_line(command, session.path), session.path)
    check_arguments(command, session.path, len(positional))
    try:
        return command.run(session, options, positional) or 0
    finally:
        session.close()


def load(entry: tree.Entry) -> Command:
    """Import a command's module."""
    name = f"sampan.cli.{entry.module}"
    __import__(name)
    command = sys.modules[name].COMMAND
    assert isinstance(command, Command)
    return command


def _print(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _bad_flag(text: str, usage: str, path: str) -> int:
    _fail(f"{text}\n\nUsage:  {usage}\n\nRun '{path} --help' for more information")
    return FLAG_ERROR


def _unknown(path: str) -> int:
    group, _, name = path.partition(" ")
    usage = f"\n\nUsage:  {PROGRAM} {group}" if name else ""
    where = f"{PROGRAM} {group}" if name else PROGRAM
    _fail(f"{PROGRAM}: unknown command: {PROGRAM} {path}{usage}\n\nRun '{where} --help' for more information")
    return 1


def _group(group: str, args: Sequence[str]) -> int:
    from sampan.cli.help import group_help

    path = f"{PROGRAM} {group}"
    try:
        parse((), args)
    except HelpWanted:
        return _print(_group_text(group))
    except FlagError as error:
        return _bad_flag(str(error), path, path)
    commands = [(name, short) for name, (_, short, _) in tree.GROUPS[group].items()]
    _fail(group_help(path, tree.GROUP_HELP[group], commands).rstrip("\n"))
    return 0


def _group_text(group: str) -> str:
    from sampan.cli.help import group_help

    commands = [(name, short) for name, (_, short, _) in tree.GROUPS[group].items()]
    return group_help(f"{PROGRAM} {group}", tree.GROUP_HELP[group], commands)


def _command_help(command: Command, entry: tree.Entry, path: str) -> str:
    from sampan.cli.help import command_help

    return command_help(command, path, entry.short, [f"{PROGRAM} {alias}" for alias in entry.aliases])


def _help(words: Sequence[str]) -> int:
    if not words:
        return _print(_root_help())
    path = " ".join(words[:2]) if words[0] in tree.GROUPS else words[0]
    if path in tree.GROUPS:
        return _print(_group_text(path))
    entry = tree.find(path)
    if entry is None:
        raise CliError(f"unknown help topic: {' '.join(words)}")
    return _print(_command_help(load(entry), entry, f"{PROGRAM} {path}"))


def _root_help() -> str:
    from sampan.cli.help import flag_usages, terminal_width

    everything = dict(tree.top_level())

    def lines(commands: Sequence[tuple[str, str]]) -> str:
        return "\n".join(f"  {name:<11} {text}" for name, text in commands)

    common = [(name, everything[name]) for name in tree.COMMON]
    rest = [(name, text) for name, text in sorted(everything.items()) if name not in tree.COMMON]
    return (
        f"Usage:  {PROGRAM} [OPTIONS] COMMAND\n\nA container platform in one Python package\n\n"
        f"Common Commands:\n{lines(common)}\n\n"
        f"Management Commands:\n{lines(sorted(tree.GROUP_HELP.items()))}\n\n"
        f"Commands:\n{lines(rest)}\n\n"
        f"Global Options:\n{flag_usages(GLOBAL_FLAGS, terminal_width() - 1)}\n\n"
        f"Run '{PROGRAM} COMMAND --help' for more information on a command.\n"
    )


if __name__ == "__main__":
    main()

__all__ = ["GLOBAL_FLAGS", "Options", "load", "main", "run"]
