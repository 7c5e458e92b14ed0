"""sampan rmi: remove images."""

from __future__ import annotations

from sampan.cli.errors import ApiError, CliError
from sampan.cli.flags import Command, Flag
from sampan.cli.http import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    query = {"force": "1"} if options["force"] else {}
    if options["no-prune"]:
        query["noprune"] = "1"
    failures: list[str] = []
    fatal = False
    for name in args:
        try:
            removed = session.client.request("DELETE", f"/images/{escape(name)}", query).json()
        except ApiError as error:
            fatal = fatal or error.status != 404
            failures.append(error.message)
            continue
        for item in removed or ():
            if item.get("Deleted"):
                print(f"Deleted: {item['Deleted']}")
            else:
                print(f"Untagged: {item.get('Untagged', '')}")
    if failures:
        text = "\n".join(failures)
        if not options["force"] or fatal:
            raise CliError(text)
        session.warn(text)
    return 0


COMMAND = Command(
    "[OPTIONS] IMAGE [IMAGE...]",
    run,
    (
        Flag("force", "bool", "Remove the image in any case", short="f"),
        Flag("no-prune", "bool", "Keep untagged parents"),
        Flag("platform", "strings", "Remove only this platform's image", hidden=True),
    ),
    args=(1, None),
)
