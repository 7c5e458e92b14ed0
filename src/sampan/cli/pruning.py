"""What the prune commands share: the question, the filters, the sum."""

from __future__ import annotations

import sys

from sampan.cli.errors import CliError
from sampan.cli.flags import Flag
from sampan.cli.opts.values import filter_pair, filters_query
from sampan.specs.golang.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sampan.cli.session import Session

FORCE = Flag("force", "bool", "Do not ask for confirmation", short="f")


def filter_flag(example: str) -> Flag:
    return Flag("filter", "filter", f'Prune only what matches (e.g. "{example}")', parse=filter_pair)


def confirm(warning: str) -> None:
    """Ask on stdout, read stdin; raises CliError without text unless the answer is yes."""
    sys.stdout.write(f"{warning}\nAre you sure you want to continue? [y/N] ")
    sys.stdout.flush()
    answer = sys.stdin.readline().strip().lower()
    if answer != "y":
        raise CliError("", 0)


def filters(session: Session, options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The given filters and those of the configuration (pruneFilters) that they do not contradict."""
    found = list(options)
    for text in session.config.get("pruneFilters") or ():
        name, equals, value = str(text).partition("=")
        if not equals:
            continue
        opposite = {"label": "label!", "label!": "label"}.get(name, "")
        if (opposite, value) not in options:
            found.append((name, value))
    return found


def ask(session: Session, path: str, pairs: list[tuple[str, str]]) -> Any:
    return session.client.post(path, filters_query(pairs)).json()


def report(title: str, lines: list[str], reclaimed: int | None) -> None:
    """What was removed; the sum unless `reclaimed` is None."""
    if lines:
        print(title + "\n" + "\n".join(lines) + "\n")
    if reclaimed is not None:
        print(f"Total reclaimed space: {human_size(reclaimed)}")
