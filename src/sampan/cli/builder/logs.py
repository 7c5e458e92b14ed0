"""sampan builder logs: what a build has shown, again; of one that runs, until it ends."""

from __future__ import annotations

from sampan.cli.build.build import make_view
from sampan.cli.build.flags import BUILD_FLAGS
from sampan.cli.flags import Command
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    response = session.client.get(f"/sampan/builds/{escape(args[0])}/logs")
    view = make_view(session, options, default="plain")
    response.tick = view.tick
    for message in response.messages():
        view.update(message)
    view.finish()


COMMAND = Command(
    "[OPTIONS] BUILD",
    run,
    tuple(flag for flag in BUILD_FLAGS if flag.name in ("progress", "quiet")),
    args=(1, 1),
)
