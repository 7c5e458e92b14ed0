"""sampan create, and what it shares with run: making the container, pulling its image when there is none."""

from __future__ import annotations

import os

from sampan.cli.container.body import build
from sampan.cli.container.create_flags import CREATE_FLAGS
from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.image.reference import named, named_or_id, require_no_trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session
    from sampan.specs.oci.reference import Reference


def run(session: Session, options: Options, args: list[str]) -> int:
    check_pull(session, options)
    try:
        body = build(options, args[0], args[1:])
    except CliError as error:
        raise with_help(error, session) from None
    print(create(session, options, body))
    return 0


def with_help(error: CliError, session: Session, code: int = 125) -> CliError:
    """The way Docker's client ends a failed create or run."""
    program = session.path.split(" ", 1)[0]
    return CliError(f"{program}: {error.message}\n\nRun '{session.path} --help' for more information", code)


def check_pull(session: Session, options: Options) -> None:
    policy = options["pull"]
    if policy not in ("always", "missing", "never", ""):
        text = f'invalid pull option: \'{policy}\': must be one of "always", "missing" or "never"'
        raise with_help(CliError(text), session)


def create(session: Session, options: Options, body: dict[str, Any]) -> str:
    """Create the container and return its ID; raises CliError."""
    require_no_trust(session, options)
    reference = named_or_id(body["Image"])
    with CidFile(options["cidfile"]) as cidfile:
        query = {"name": options["name"]} if options["name"] else {}
        if platform := session.platform(options):
            query["platform"] = _normal_platform(platform)
        _add_proxies(session, body)
        if options["use-api-socket"]:
            _add_socket(session, body)
        created = _create_or_pull(session, options, query, body, reference)
        for warning in created.get("Warnings") or ():
            session.warn(f"WARNING: {warning}")
        container = str(created["Id"])
        cidfile.write(container)
        return container


def _create_or_pull(
    session: Session,
    options: Options,
    query: dict[str, str],
    body: dict[str, Any],
    reference: Reference | None,
) -> Any:
    if options["pull"] == "always":
        _pull(session, options, reference or named(body["Image"]))
    try:
        return session.client.post("/containers/create", query, body).json()
    except ApiError as error:
        if (
            reference is None
            or error.status != 404
            or options["pull"] != "missing"
            or "image" not in error.reason
        ):
            raise
        if not options["quiet"]:
            session.warn(f"Unable to find image '{reference.with_default_tag().familiar}' locally")
    _pull(session, options, reference)
    return session.client.post("/containers/create", query, body).json()


def _pull(session: Session, options: Options, reference: Reference) -> None:
    from sampan.cli.image.pull import pull

    pull(session, reference, session.platform(options), quiet=options["quiet"], descriptor=2)


def _normal_platform(text: str) -> str:
    from sampan.errors import Invalid
    from sampan.specs.oci.platform import parse

    try:
        return parse(text).short
    except Invalid as error:
        raise CliError(f"error parsing specified platform: {error.message}") from None


def _add_proxies(session: Session, body: dict[str, Any]) -> None:
    """Proxy settings of the client's configuration become variables the command line did not set."""
    proxies = session.config.get("proxies")
    if not isinstance(proxies, dict):
        return
    chosen = proxies.get(session.endpoint.address) or proxies.get("default") or {}
    environment = body["Env"] or []
    given = {line.partition("=")[0] for line in environment}
    for key, name in (
        ("httpProxy", "HTTP_PROXY"),
        ("httpsProxy", "HTTPS_PROXY"),
        ("noProxy", "NO_PROXY"),
        ("ftpProxy", "FTP_PROXY"),
        ("allProxy", "ALL_PROXY"),
    ):
        for variable in (name, name.lower()):
            if chosen.get(key) and variable not in given:
                environment.append(f"{variable}={chosen[key]}")
    body["Env"] = environment or None


def _add_socket(session: Session, body: dict[str, Any]) -> None:
    scheme, _, path = session.endpoint.address.partition("://")
    if scheme != "unix":
        raise CliError("--use-api-socket needs an engine on a unix socket")
    if session.config.get("auths") or session.config.get("credsStore"):
        session.warn("WARNING: registry credentials are not copied into the container")
    body["HostConfig"].setdefault("Mounts", []).append(
        {"Type": "bind", "Source": path, "Target": "/var/run/docker.sock", "BindOptions": {}}
    )


class CidFile:
    """--cidfile: made before the container, so that two runs cannot share it; removed if left empty."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._written = False

    def __enter__(self) -> CidFile:
        if self._path:
            try:
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
            except FileExistsError:
                raise CliError(
                    "container ID file found, make sure the other container isn't running or delete "
                    + self._path
                ) from None
            except OSError as error:
                raise CliError(
                    "failed to create the container ID file: "
                    f"open {self._path}: {(error.strerror or '').lower()}"
                ) from None
        return self

    def write(self, container: str) -> None:
        if self._path:
            with open(self._path, "w", encoding="ascii") as file:
                file.write(container)
            self._written = True

    def __exit__(self, *_: object) -> None:
        if self._path and not self._written and os.path.exists(self._path):
            os.unlink(self._path)


COMMAND = Command(
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    run,
    (
        *CREATE_FLAGS,
        Flag(
            "pull",
            "string",
            'Pull the image before creating ("always", "missing", "never") (default "missing")',
            default="missing",
        ),
    ),
    args=(1, None),
    interspersed=False,
)
