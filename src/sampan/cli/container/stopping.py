"""What stop and restart share: how to ask a container's program to end, and how long to wait for it."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options

FLAGS = (
    Flag("signal", "string", "Signal to send to the container", short="s"),
    Flag("time", "int", deprecated="use --timeout instead"),
    Flag("timeout", "int", "Seconds to wait before killing it", short="t"),
)


def query(options: Options) -> dict[str, str]:
    """The API's parameters. Raises CliError when the time is given twice."""
    asked: dict[str, str] = {}
    if "timeout" in options.changed and "time" in options.changed:
        raise CliError("conflicting options: cannot specify both --timeout and --time")
    for flag in ("timeout", "time"):
        if flag in options.changed:
            asked["t"] = str(options[flag])
    if options["signal"]:
        asked["signal"] = options["signal"]
    return asked
