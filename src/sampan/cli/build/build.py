"""sampan build: make an image of a Dockerfile."""

from __future__ import annotations

import os
import sys

from sampan.cli.build import contexts, request
from sampan.cli.build.flags import BUILD_FLAGS, VIEWS
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sampan.cli.build.conversation import View
    from sampan.cli.build.state import State
    from sampan.cli.flags import Options
    from sampan.cli.http import Response
    from sampan.cli.session import Session

INTERRUPTED = 130
FIRST_CACHE = 1000  # the numbers of results that are directories of --cache-to begin here: docs/api.md


def run(session: Session, options: Options, args: list[str]) -> int:
    body = request.document(session, options)
    outputs = body.pop("Outputs", [])
    body["Outputs"] = request.without_destinations(outputs)
    files = contexts.prepare(args[0], options["file"], options["build-context"])
    caches = _local_caches(body, files)
    agents, end_agents = _agents(options)
    try:
        response = start(session, body, files)
        return _follow(session, options, response, _destinations(outputs) | caches, agents)
    except KeyboardInterrupt:
        # The daemon stops what runs as soon as it sees the connection close.
        sys.stderr.write("ERROR: canceled\n")
        return INTERRUPTED
    finally:
        end_agents()


def _agents(options: Options) -> tuple[dict[str, list[str]], Callable[[], None]]:
    if not options["ssh"]:
        return {}, lambda: None
    from sampan.cli.build.agents import prepare

    return prepare(options["ssh"])


def _destinations(outputs: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {index: {"Path": request.output_path(asked)} for index, asked in enumerate(outputs)}


def _local_caches(body: dict[str, Any], files: contexts.Files) -> dict[int, dict[str, Any]]:
    """Directories of --cache-from become contexts; those of --cache-to, results."""
    for index, cache in enumerate(body.get("CacheFrom", ())):
        if cache["Type"] == "local":
            source = cache["Attrs"].get("src")
            if not source:
                raise CliError("ERROR: local cache importer requires src")
            if os.path.isdir(source):
                cache["Attrs"]["src"] = f"cache-from-{index}"
                files.directories[f"cache-from-{index}"] = os.path.abspath(source)
    found = {}
    for index, cache in enumerate(body.get("CacheTo", ())):
        if cache["Type"] == "local":
            dest = cache["Attrs"].get("dest")
            if not dest:
                raise CliError("ERROR: local cache exporter requires dest")
            cache["Attrs"]["dest"] = "-"
            found[FIRST_CACHE + index] = {"Path": os.path.abspath(dest)}
    return found


def start(session: Session, body: dict[str, Any], files: contexts.Files) -> Response:
    """Ask for the build, by naming directories if that can work, by sending them else; raises CliError."""
    body.update(files.request)
    if files.stdin is not None:
        body["Context"] = {"Upload": _send(session, _stdin(files.stdin), raw=True)}
    if session.client.address.startswith("unix://"):
        body["Directories"] = {name: contexts.in_place(path) for name, path in files.directories.items()}
        try:
            return session.client.post("/sampan/builds", body=body)
        except ApiError as error:
            if error.status != 409 or not files.directories:
                raise
    body["Directories"] = {name: {"Upload": _upload(session, name, files)} for name in files.directories}
    return session.client.post("/sampan/builds", body=body)


def _upload(session: Session, name: str, files: contexts.Files) -> str:
    from sampan.cli.build import upload

    path = files.directories[name]
    dockerfile = (files.request.get("Dockerfile") or {}).get("Name", "")
    if name == "dockerfile":
        return _send(session, upload.dockerfile(path, dockerfile))
    if name.startswith("cache-from-") or "Layout" in files.request.get("Contexts", {}).get(name[8:], {}):
        return _send(session, upload.everything(path))
    return _send(session, upload.context(path, dockerfile if name == "context" else ""))


def _send(session: Session, stream: Any, *, raw: bool = False) -> str:
    headers = {"Content-Type": "application/x-tar"}
    query = {"raw": "1"} if raw else {}
    response = session.client.request("POST", "/sampan/builds/uploads", query, stream=stream, headers=headers)
    return str(response.json()["Id"])


def _stdin(start: bytes) -> Any:
    from sampan.cli.streams import file_chunks

    yield start
    yield from file_chunks(0)


def _follow(
    session: Session,
    options: Options,
    response: Response,
    outputs: dict[int, dict[str, Any]],
    agents: dict[str, list[str]],
) -> int:
    from sampan.cli.build.conversation import Conversation

    conversation = Conversation(session, response, outputs=outputs, agents=agents)
    view = make_view(session, options)
    state: State | None = getattr(view, "state", None)
    try:
        end = conversation.run(view)
    except KeyboardInterrupt:
        response.close()
        if state is not None:
            state.interrupt()
            view.finish()
        raise
    except CliError:
        view.finish()
        raise
    view.finish()
    if "error" in end:
        from sampan.cli.build.outcome import failure

        _say(failure(end["error"], state, session.path.partition(" ")[0]))
        return 1
    return _succeed(options, end["result"], conversation.ref, state)


def make_view(session: Session, options: Options, default: str = "auto") -> View:
    """What shows progress on stderr."""
    asked = options["progress"] or session.environ.get("BUILDKIT_PROGRESS") or default
    if asked not in VIEWS:
        raise CliError(f"ERROR: invalid progress mode {asked}")
    if options["quiet"]:
        asked = "quiet"
    if asked == "auto":
        asked = "tty" if os.isatty(2) and session.environ.get("TERM") != "dumb" else "plain"
    if asked == "plain":
        from sampan.cli.build.plain import Plain

        return Plain(_say)
    if asked == "tty":
        from sampan.cli.build.conversation import terminal_size
        from sampan.cli.build.live import Live

        return Live(_say, lambda: terminal_size(2), colours=not session.environ.get("NO_COLOR"))
    if asked == "rawjson":
        from sampan.cli.build.raw import Raw

        return Raw(_say)
    from sampan.cli.build.raw import Quiet

    return Quiet()


def _say(text: str) -> None:
    from sampan.cli.streams import write_all

    sys.stdout.flush()
    write_all(2, text.encode("utf-8", "surrogateescape"))


def _succeed(options: Options, result: Any, ref: str, state: State | None) -> int:
    from sampan.cli.build import outcome

    quiet = options["quiet"] or options["progress"] == "quiet"
    if state is not None and not quiet and "answer" not in result:
        _say(outcome.warnings(state))
    if options["explain"] and state is not None:
        _say(outcome.explanations(state))
    if options["iidfile"]:
        _write(options["iidfile"], result.get("image") or "")
    if options["metadata-file"]:
        _write(options["metadata-file"], outcome.metadata(result, ref))
    if "answer" in result:
        return outcome.answer(options, result["answer"])
    if quiet and result.get("image"):
        print(result["image"])
    return 0


def _write(path: str, text: str) -> None:
    from sampan.cli.config import replace_file

    try:
        replace_file(path, text, 0o644)
    except OSError as error:
        raise CliError(f"ERROR: open {path}: {(error.strerror or str(error)).lower()}") from None


COMMAND = Command(
    "[OPTIONS] PATH | URL | -\nshell [OPTIONS] SNAPSHOT [COMMAND] [ARG...]",
    run,
    BUILD_FLAGS,
    args=(1, 1),
)
