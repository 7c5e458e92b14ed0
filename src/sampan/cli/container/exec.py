"""sampan exec: run a command in a running container."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.opts import values
from sampan.cli.opts.files import environment_lines
from sampan.cli.streams import (
    DEFAULT_DETACH_KEYS,
    Detached,
    Pump,
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
    tty, stdin, detach = options["tty"], options["interactive"], options["detach"]
    keys = options["detach-keys"] or session.text_setting("detachKeys")
    body = {
        "User": options["user"],
        "Privileged": options["privileged"],
        "Tty": tty,
        "AttachStdin": stdin and not detach,
        "AttachStderr": not detach,
        "AttachStdout": not detach,
        "Detach": detach,
        "DetachKeys": keys,
        "Env": environment_lines(options["env-file"]) + options["env"] or None,
        "WorkingDir": options["workdir"],
        "Cmd": args[1:],
    }
    width, height = terminal_size() if tty else (0, 0)
    if width and not detach:
        body["ConsoleSize"] = [height, width]
    if not detach:
        require_terminal(stdin, tty)
    client = session.client
    created = client.post(f"/containers/{escape(args[0])}/exec", None, body).json()
    identifier = created.get("Id")
    if not identifier:
        raise CliError("exec ID empty")
    if detach:
        client.post(f"/exec/{identifier}/start", None, {"Detach": True, "Tty": tty}).read()
        return 0
    return _attached(session, identifier, body, keys)


def _attached(session: Session, identifier: str, body: dict[str, Any], keys: str) -> int:
    tty = bool(body["Tty"])
    start: dict[str, Any] = {"Detach": False, "Tty": tty}
    if "ConsoleSize" in body:
        start["ConsoleSize"] = body["ConsoleSize"]
    response = session.client.request("POST", f"/exec/{identifier}/start", None, start, upgrade=True)
    connection, leftover = response.hijack()

    def resize(rows: int, columns: int) -> None:
        session.client.post(f"/exec/{identifier}/resize", {"h": str(rows), "w": str(columns)}).read()

    pump = Pump(
        connection,
        leftover,
        stdin=body["AttachStdin"],
        tty=tty,
        detach_keys=parse_keys(keys or DEFAULT_DETACH_KEYS),
    )
    with WindowSize(resize, wanted=tty):
        try:
            pump.run()
        except Detached:
            raise CliError("read escape sequence") from None
    return int(session.client.get(f"/exec/{identifier}/json").json().get("ExitCode") or 0)


COMMAND = Command(
    "[OPTIONS] CONTAINER COMMAND [ARG...]",
    run,
    (
        Flag("detach", "bool", "Run the command in the background", short="d"),
        Flag("detach-keys", "string", "Key sequence that detaches"),
        Flag("env", "list", "Set environment variables", short="e", parse=values.environment),
        Flag("env-file", "list", "Read environment variables from a file"),
        Flag("interactive", "bool", "Keep STDIN open even if not attached", short="i"),
        Flag("privileged", "bool", "Give the command all privileges"),
        Flag("tty", "bool", "Allocate a pseudo terminal", short="t"),
        Flag("user", "string", 'User name or ID (format: "<name|uid>[:<group|gid>]")', short="u"),
        Flag("workdir", "string", "Working directory inside the container", short="w"),
    ),
    args=(2, None),
    interspersed=False,
)
