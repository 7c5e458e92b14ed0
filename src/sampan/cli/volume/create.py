"""sampan volume create."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.opts import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    name = options["name"]
    if args:
        if name:
            raise CliError(
                "conflicting options: cannot specify a volume-name through both --name and as a"
                " positional arg"
            )
        name = args[0]
    body = {
        "Driver": options["driver"],
        "DriverOpts": values.key_values(options["opt"]),
        "Labels": values.key_values(options["label"]),
        "Name": name,
    }
    print(session.client.post("/volumes/create", None, body).json()["Name"])


COMMAND = Command(
    "[OPTIONS] [VOLUME]",
    run,
    (
        Flag("driver", "string", 'Volume driver (default "local")', short="d", default="local"),
        Flag("label", "list", "Set labels on the volume", parse=values.label),
        Flag("name", "string", "Name of the volume", hidden=True),
        Flag("opt", "map", "Options of the driver (default map[])", short="o"),
    ),
    args=(0, 1),
)
