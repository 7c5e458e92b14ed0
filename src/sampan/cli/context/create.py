"""sampan context create."""

from __future__ import annotations

from sampan.cli.context import settings, store
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0]
    store.check_name(name)
    if store.exists(session.config_dir, name):
        raise CliError(f'context "{name}" already exists')
    if options["from"] and options["docker"]:
        raise CliError("cannot use --docker flag when --from is set")
    fields = options["docker"]
    if options["from"] or not fields:
        fields = [f"from={options['from'] or 'default'}"]
    docker, tls = settings.endpoint(session, fields)
    metadata: dict[str, Any] = {}
    if options["description"]:
        metadata["Description"] = options["description"]
    meta = {"Name": name, "Metadata": metadata, "Endpoints": {"docker": docker}}
    store.save(session.config_dir, name, meta, tls or {})
    print(name)
    session.warn(f'Successfully created context "{name}"')


COMMAND = Command(
    "[OPTIONS] CONTEXT",
    run,
    (
        Flag("description", "string", "What the context is for"),
        Flag("docker", "stringToString", "Docker endpoint (default [])", parse=settings.parse),
        Flag("from", "string", "Copy this context"),
    ),
    args=(1, 1),
    long=f"Create a context\n\n{settings.HELP}",
)
