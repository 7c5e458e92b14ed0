"""sampan stats: what containers use of the machine, live or once."""

from __future__ import annotations

import sys
import time

from sampan.cli.container.usage import Usage, listing
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.help import FORMAT_HELP
from sampan.cli.http import Client, escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session

_TABLE = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"
_REFRESH = 0.5


def run(session: Session, options: Options, args: list[str]) -> None:
    source = options["format"] or session.text_setting("statsFormat")

    def render(usages: list[Usage]) -> str:
        return listing(not options["no-trunc"]).render(usages, source, _TABLE)

    if options["no-stream"]:
        sys.stdout.write(render(_once(session, args or _names(session, options["all"]))))
    else:
        _live(session, args, options, render)


def _screen(text: str) -> str:
    """Drawn over the last one: home, each line cleared to its end, the rest cleared. console_codes(4)"""
    return "\033[H" + text.replace("\n", "\033[K\n") + "\033[J"


def _names(session: Session, everything: bool) -> list[str]:
    query = {"all": "1"} if everything else None
    return [row["Id"] for row in session.client.get("/containers/json", query).json()]


def _once(session: Session, names: list[str]) -> list[Usage]:
    """All at the same time: each answer takes the daemon a second or two. Raises CliError."""
    answers = [
        session.client.begin("GET", f"/containers/{escape(name)}/stats", {"stream": "0"}) for name in names
    ]
    failures = []
    usages = []
    for name, answer in zip(names, answers, strict=True):
        try:
            usages.append(Usage(name).update(answer().json()))
        except ApiError as error:
            failures.append(error.message)
    if failures:
        raise CliError("\n".join(failures))
    return usages


class _Watcher:
    """One thread for each container reads its stream; the main thread only shows what is there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.usages: dict[str, Usage] = {}
        self.failures: dict[str, str] = {}
        session.client.negotiate()
        self._version = session.client.version

    def client(self) -> Client:
        endpoint = self._session.endpoint
        return Client(endpoint.address, endpoint.tls, self._version)

    def watch(self, name: str) -> None:
        if name in self.usages:
            return
        self.usages[name] = Usage(name)
        start_thread(lambda: self._follow(name))

    def _follow(self, name: str) -> None:
        try:
            response = self.client().get(f"/containers/{escape(name)}/stats", {"stream": "1"})
            for message in response.messages():
                if name not in self.usages:
                    return
                self.usages[name].update(message)
        except CliError as error:
            self.failures[name] = error.message
        self.usages.pop(name, None)

    def follow_events(self, everything: bool) -> None:
        """Containers that start, or with --all are created, join; those that end leave."""
        joining = ("create", "start") if everything else ("start",)
        leaving = ("destroy",) if everything else ("die", "destroy")

        def read() -> None:
            query = {"filters": '{"type":{"container":true}}'}
            for event in self.client().get("/events", query).messages():
                identifier = (event.get("Actor") or {}).get("ID", "")
                if event.get("Action") in joining:
                    self.watch(identifier)
                elif event.get("Action") in leaving:
                    self.usages.pop(identifier, None)

        start_thread(read)


def start_thread(work: Callable[[], Any]) -> None:
    import _thread

    def quiet() -> None:
        try:
            work()
        except (CliError, OSError):
            pass  # the daemon has gone; the main thread notices by itself

    _thread.start_new_thread(quiet, ())


def _live(session: Session, args: list[str], options: Options, render: Callable[[list[Usage]], str]) -> None:
    watcher = _Watcher(session)
    if not args:
        watcher.follow_events(options["all"])
    for name in args or _names(session, options["all"]):
        watcher.watch(name)
    time.sleep(_REFRESH)
    while True:
        if args and watcher.failures:
            raise CliError("\n".join(watcher.failures.values()))
        usages = list(watcher.usages.values())
        sys.stdout.write(_screen(render(usages)))
        sys.stdout.flush()
        if args and not usages:
            return
        time.sleep(_REFRESH)


COMMAND = Command(
    "[OPTIONS] [CONTAINER...]",
    run,
    (
        Flag("all", "bool", "Show all containers, not just running ones", short="a"),
        Flag("format", "string", FORMAT_HELP),
        Flag("no-stream", "bool", "Show the first result and stop"),
        Flag("no-trunc", "bool", "Do not shorten the output"),
    ),
)
