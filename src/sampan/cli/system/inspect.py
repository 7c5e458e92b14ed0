"""sampan inspect: any kind of object by name or ID."""

from __future__ import annotations

from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape
from sampan.cli.inspection import FORMAT_FLAG, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session

# In the order Docker's client tries them.
_PATHS = {
    "container": "/containers/{}/json",
    "image": "/images/{}/json",
    "network": "/networks/{}",
    "volume": "/volumes/{}",
}
_TYPES = ", ".join(f'"{name}"' for name in _PATHS)


def run(session: Session, options: Options, args: list[str]) -> int:
    kind = options["type"]
    if kind and kind not in _PATHS:
        raise CliError(f'unknown type: "{kind}": must be one of {_TYPES}')
    if "type" in options.changed and not kind:
        raise CliError(f"type is empty: must be one of {_TYPES}")

    def fetch(name: str) -> bytes:
        if kind:
            return get(session, kind, name, options["size"])
        for candidate in _PATHS:
            try:
                return get(session, candidate, name, options["size"])
            except ApiError as error:
                if error.status != 404 and not _not_a_name(error):
                    raise
        raise CliError(f"Error: No such object: {name}")

    return show(args, options["format"], fetch)


def _not_a_name(error: ApiError) -> bool:
    """A name that cannot be one of this kind may well be one of another."""
    return error.status == 400 and "invalid reference format" in error.reason


def get(session: Session, kind: str, name: str, size: bool = False) -> bytes:
    """The JSON text of one object; raises ApiError."""
    if not name.strip():
        raise CliError(f"invalid {kind} name or ID: value is empty")
    query = {"size": "1"} if size and kind == "container" else None
    return session.client.get(_PATHS[kind].format(escape(name)), query).read()


COMMAND = Command(
    "[OPTIONS] NAME|ID [NAME|ID...]",
    run,
    (
        FORMAT_FLAG,
        Flag("size", "bool", "Show file sizes of containers", short="s"),
        Flag("type", "string", "Only look for objects of this type"),
    ),
    args=(1, None),
)
