"""sampan run: create, attach, wait, start, in the order that loses no output and no exit code."""

from __future__ import annotations

from sampan.cli.container.attachment import Waiter, attach_query, exit_status, resize_to
from sampan.cli.container.body import build
from sampan.cli.container.create import check_pull, create, with_help
from sampan.cli.container.create_flags import CREATE_FLAGS
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.streams import (
    DEFAULT_DETACH_KEYS,
    Detached,
    Pump,
    SignalProxy,
    WindowSize,
    parse_keys,
    require_terminal,
    terminal_size,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    check_pull(session, options)
    try:
        body = build(options, args[0], args[1:])
    except CliError as error:
        raise with_help(error, session) from None
    if options["detach"]:
        return _run_detached(session, options, body)
    require_terminal(bool(body["AttachStdin"]), bool(body["Tty"]))
    return _run_attached(session, options, body)


def _run_detached(session: Session, options: Options, body: dict[str, Any]) -> int:
    if options["attach"]:
        raise CliError("conflicting options: cannot specify both --attach and --detach")
    body.update(AttachStdin=False, AttachStdout=False, AttachStderr=False, StdinOnce=False)
    try:
        container = create(session, options, body)
        session.client.post(f"/containers/{container}/start").read()
    except CliError as error:
        raise start_error(error, session) from None
    print(container)
    return 0


def _run_attached(session: Session, options: Options, body: dict[str, Any]) -> int:
    tty = bool(body["Tty"])
    width, height = terminal_size()
    body["HostConfig"]["ConsoleSize"] = [height, width]
    keys = options["detach-keys"] or session.text_setting("detachKeys")
    try:
        parse_keys(keys or DEFAULT_DETACH_KEYS)  # before there is a container to attach to
        container = create(session, options, body)
    except CliError as error:
        raise with_help(error, session) from None
    return follow(
        session,
        container,
        streams={name for name in ("stdin", "stdout", "stderr") if body[f"Attach{name.capitalize()}"]},
        tty=tty,
        keys=keys,
        removed=bool(options["rm"]),
        proxied=bool(options["sig-proxy"]),
    )


def follow(
    session: Session,
    container: str,
    *,
    streams: set[str],
    tty: bool,
    keys: str = "",
    removed: bool = True,
    proxied: bool = True,
) -> int:
    """Start a new container with these streams attached; its exit code. `removed`: it goes when it ends."""
    path = f"/containers/{container}"
    proxy = SignalProxy(lambda name: _kill(session, path, name), wanted=proxied and not tty)
    with proxy:
        pump = _attach(session, path, streams, tty, keys) if streams else None
        waiter = Waiter(session, path, removed=removed)
        try:
            session.client.post(f"{path}/start").read()
        except CliError as error:
            if removed:
                waiter.status()  # the daemon removes it; Docker's client waits for that, too
            raise start_error(error, session) from None
        if pump is None:
            print(container)  # as Docker: without streams it only waits
        else:
            with WindowSize(lambda rows, columns: resize_to(session, path, rows, columns), wanted=tty):
                try:
                    pump.run()
                except Detached:
                    return 0
        return exit_status(waiter)


def _attach(session: Session, path: str, streams: set[str], tty: bool, keys: str) -> Pump:
    query = attach_query(streams, keys)
    response = session.client.request("POST", f"{path}/attach", query, upgrade=True)
    connection, leftover = response.hijack()
    return Pump(
        connection,
        leftover,
        stdin="stdin" in streams,
        tty=tty,
        detach_keys=parse_keys(keys or DEFAULT_DETACH_KEYS),
    )


def _kill(session: Session, path: str, name: str) -> None:
    session.client.post(f"{path}/kill", {"signal": name}).read()


_NOT_FOUND = (
    "executable file not found",
    "no such file or directory",
    "system cannot find the file specified",
)
_NOT_EXECUTABLE = ("permission denied", "is a directory")


def start_error(error: CliError, session: Session) -> CliError:
    """127 for a program that is not there, 126 for one that cannot be run, else 125; as chroot(1)."""
    if not isinstance(error, ApiError):
        return with_help(error, session)
    text = error.reason
    code = (
        127
        if any(part in text for part in _NOT_FOUND)
        else 126
        if any(p in text for p in _NOT_EXECUTABLE)
        else 125
    )
    return with_help(error, session, code)


COMMAND = Command(
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    run,
    (
        *CREATE_FLAGS,
        Flag("detach", "bool", "Run in the background and print the container's ID", short="d"),
        Flag("detach-keys", "string", "Key sequence that detaches"),
        Flag(
            "pull",
            "string",
            'Pull the image before running ("always", "missing", "never") (default "missing")',
            default="missing",
        ),
        Flag("sig-proxy", "bool", "Pass signals on to the process (default true)", default=True),
    ),
    args=(1, None),
    interspersed=False,
)
