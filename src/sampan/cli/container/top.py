"""sampan top: the processes of a container."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.http import escape
from sampan.cli.tabwriter import align

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    query = {"ps_args": " ".join(args[1:])} if args[1:] else None
    answer = session.client.get(f"/containers/{escape(args[0])}/top", query).json()
    lines = [answer.get("Titles") or [], *(answer.get("Processes") or [])]
    print(align("\n".join("\t".join(line) for line in lines), minimum=20))


COMMAND = Command("CONTAINER [ps OPTIONS]", run, args=(1, None), interspersed=False)
