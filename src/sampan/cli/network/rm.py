"""sampan network rm: remove networks."""

from __future__ import annotations

from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    failed = False
    for name in args:
        try:
            session.client.delete(f"/networks/{escape(name)}").read()
        except ApiError as error:
            if options["force"] and error.status == 404:
                continue
            session.warn(error.message)
            failed = True
            continue
        print(name)
    if failed:
        raise CliError("exit status 1")
    return 0


COMMAND = Command(
    "NETWORK [NETWORK...]",
    run,
    (Flag("force", "bool", "Do not mind networks that do not exist", short="f"),),
    args=(1, None),
)
