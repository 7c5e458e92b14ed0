"""sampan manifest rm: forget manifest lists of this machine; registries keep what was pushed."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.manifest.documents import tagged
from sampan.cli.manifest.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    store = Store(session)
    failures = []
    for name in args:
        try:
            store.remove(tagged(name))
        except CliError as error:
            failures.append(error.message)
    if failures:
        raise CliError("\n".join(failures))


COMMAND = Command("MANIFEST_LIST [MANIFEST_LIST...]", run, args=(1, None))
