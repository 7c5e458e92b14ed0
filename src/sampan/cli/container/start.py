"""sampan start: start stopped containers, perhaps attached to one."""

from __future__ import annotations

from sampan.cli.container.attachment import Waiter, attach_query, exit_status, resize_to
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.streams import DEFAULT_DETACH_KEYS, Detached, Pump, SignalProxy, WindowSize, parse_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    if options["attach"] or options["interactive"]:
        if len(args) > 1:
            raise CliError("you cannot start and attach multiple containers at once")
        return _attached(session, options, args[0])
    query = {}
    if options["checkpoint"]:
        query["checkpoint"] = options["checkpoint"]
    if options["checkpoint-dir"]:
        query["checkpoint-dir"] = options["checkpoint-dir"]
    failed = []
    for name in args:
        try:
            session.client.post(f"/containers/{escape(name)}/start", query).read()
        except ApiError as error:
            session.warn(error.message)
            failed.append(name)
        else:
            print(name)
    if failed:
        raise CliError(f"Error: failed to start containers: {', '.join(failed)}")
    return 0


def _attached(session: Session, options: Options, name: str) -> int:
    client = session.client
    container = client.get(f"/containers/{escape(name)}/json").json()
    path = f"/containers/{container['Id']}"
    config = container["Config"]
    tty = bool(config["Tty"])
    stdin = bool(options["interactive"] and config["OpenStdin"])
    keys = options["detach-keys"] or session.text_setting("detachKeys")
    streams = {"stdout", "stderr"} | ({"stdin"} if stdin else set())
    proxy = SignalProxy(
        lambda signal: client.post(f"{path}/kill", {"signal": signal}).close(),
        options["sig-proxy"] and not tty,
    )
    with proxy:
        response = client.request("POST", f"{path}/attach", attach_query(streams, keys), upgrade=True)
        connection, leftover = response.hijack()
        waiter = Waiter(session, path, removed=bool(container["HostConfig"].get("AutoRemove")))
        try:
            client.post(f"{path}/start").read()
        except ApiError:
            if container["HostConfig"].get("AutoRemove"):
                waiter.status()
            raise
        pump = Pump(
            connection, leftover, stdin=stdin, tty=tty, detach_keys=parse_keys(keys or DEFAULT_DETACH_KEYS)
        )
        with WindowSize(lambda rows, columns: resize_to(session, path, rows, columns), wanted=tty):
            try:
                pump.run()
            except Detached:
                return 0
        return exit_status(waiter)


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    (
        Flag("attach", "bool", "Attach STDOUT and STDERR, and pass signals on", short="a"),
        Flag("checkpoint", "string", "Restore from this checkpoint", hidden=True),
        Flag("checkpoint-dir", "string", "Where checkpoints are", hidden=True),
        Flag("detach-keys", "string", "Key sequence that detaches"),
        Flag("interactive", "bool", "Attach the container's STDIN", short="i"),
        Flag("sig-proxy", "bool", "Pass signals on to the process", default=True, hidden=True),
    ),
    args=(1, None),
)
