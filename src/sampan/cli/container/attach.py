"""sampan attach: connect this terminal to a running container."""

from __future__ import annotations

from sampan.cli.container.attachment import Waiter, attach_query, exit_status, resize_to
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.streams import (
    DEFAULT_DETACH_KEYS,
    Detached,
    Pump,
    SignalProxy,
    WindowSize,
    parse_keys,
    require_terminal,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    client = session.client
    container = client.get(f"/containers/{escape(args[0])}/json").json()
    _check_state(container["State"])
    path = f"/containers/{container['Id']}"
    tty = bool(container["Config"]["Tty"])
    stdin = bool(container["Config"]["OpenStdin"]) and not options["no-stdin"]
    require_terminal(stdin, tty)
    keys = options["detach-keys"] or session.text_setting("detachKeys")
    waiter = Waiter(session, path, removed=False, condition="not-running")
    streams = {"stdout", "stderr"} | ({"stdin"} if stdin else set())
    proxy = SignalProxy(
        lambda name: client.post(f"{path}/kill", {"signal": name}).close(), options["sig-proxy"] and not tty
    )
    with proxy:
        response = client.request("POST", f"{path}/attach", attach_query(streams, keys), upgrade=True)
        connection, leftover = response.hijack()
        pump = Pump(
            connection, leftover, stdin=stdin, tty=tty, detach_keys=parse_keys(keys or DEFAULT_DETACH_KEYS)
        )
        with WindowSize(
            lambda rows, columns: resize_to(session, path, rows, columns), wanted=tty, redraw=True
        ):
            try:
                pump.run()
            except Detached:
                raise CliError("read escape sequence") from None
        return exit_status(waiter)


def _check_state(state: dict[str, Any]) -> None:
    if not state.get("Running"):
        raise CliError("You cannot attach to a stopped container, start it first")
    if state.get("Paused"):
        raise CliError("You cannot attach to a paused container, unpause it first")
    if state.get("Restarting"):
        raise CliError("You cannot attach to a restarting container, wait until it is running")


COMMAND = Command(
    "[OPTIONS] CONTAINER",
    run,
    (
        Flag("detach-keys", "string", "Key sequence that detaches"),
        Flag("no-stdin", "bool", "Do not attach STDIN"),
        Flag("sig-proxy", "bool", "Pass signals on to the process (default true)", default=True),
    ),
    args=(1, 1),
)
