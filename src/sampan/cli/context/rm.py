"""sampan context rm."""

from __future__ import annotations

from sampan.cli.config import context_name, write_config
from sampan.cli.context import store
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    current = context_name(session.options, session.environ, session.config)
    failures = []
    for name in args:
        try:
            _remove(session, name, name == current, options["force"])
        except CliError as error:
            failures.append(error.message)
        else:
            print(name)
    if failures:
        raise CliError("\n".join(failures))


def _remove(session: Session, name: str, in_use: bool, force: bool) -> None:
    if name == "default":
        raise CliError('context "default" cannot be removed')
    if not store.exists(session.config_dir, name):
        if force:
            return
        raise CliError(f'context "{name}" does not exist')
    if in_use:
        if not force:
            raise CliError(f'context "{name}" is in use, set -f flag to force remove')
        write_config(session.config_dir, {k: v for k, v in session.config.items() if k != "currentContext"})
    store.remove(session.config_dir, name)


COMMAND = Command(
    "CONTEXT [CONTEXT...]",
    run,
    (Flag("force", "bool", "Remove a context even if it is in use", short="f"),),
    args=(1, None),
)
