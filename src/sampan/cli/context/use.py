"""sampan context use: the context to use from now on."""

from __future__ import annotations

from sampan.cli.config import write_config
from sampan.cli.context import store
from sampan.cli.flags import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = args[0]
    if name != "default":
        store.check_name(name)
        store.load(session.config_dir, name)
    before = session.config.get("currentContext") or "default"
    if before != name:
        config = {key: value for key, value in session.config.items() if key != "currentContext"}
        if name != "default":
            config["currentContext"] = name
        write_config(session.config_dir, config)
    print(name)
    session.warn(f'Current context is now "{name}"')
    host = session.environ.get("SAMPAN_HOST") or session.environ.get("DOCKER_HOST")
    if name != "default" and host:
        session.warn(
            "Warning: DOCKER_HOST environment variable overrides the active context. To use "
            f'"{name}", either set the global --context flag, or unset DOCKER_HOST environment variable.'
        )


COMMAND = Command("CONTEXT", run, args=(1, 1))
