"""sampan context update."""

from __future__ import annotations

from sampan.cli.context import settings, store
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0]
    store.check_name(name)
    meta = store.load(session.config_dir, name)
    tls = None
    if options["description"]:
        meta.setdefault("Metadata", {})["Description"] = options["description"]
    if options["docker"]:
        meta.setdefault("Endpoints", {})["docker"], tls = settings.endpoint(session, options["docker"])
    store.save(session.config_dir, name, meta, tls)
    print(name)
    session.warn(f'Successfully updated context "{name}"')


COMMAND = Command(
    "[OPTIONS] CONTEXT",
    run,
    (
        Flag("description", "string", "What the context is for"),
        Flag("docker", "stringToString", "Docker endpoint (default [])", parse=settings.parse),
    ),
    args=(1, 1),
    long=f"Change a context\n\n{settings.HELP}",
)
