"""Commands that do one thing to each of several objects: print the name of what worked, report what did not."""

from __future__ import annotations

from sampan.cli.errors import ApiError, CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def for_each(names: list[str], act: Callable[[str], object], *, show: bool = True) -> int:
    """Raises CliError with all failures together, after everything was tried."""
    failures: list[str] = []
    for name in names:
        try:
            act(name)
        except ApiError as error:
            failures.append(error.message)
            continue
        if show:
            print(name)
    if failures:
        raise CliError("\n".join(failures))
    return 0
