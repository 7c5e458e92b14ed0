"""sampan tag: give an image another name."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.http import escape
from sampan.cli.image.reference import named, named_or_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    source, target = args
    name = source
    try:
        named_or_id(source)
        name = target
        reference = named(target)
    except CliError as error:
        raise CliError(
            f'Error parsing reference: "{name}" is not a valid repository/tag: {error.message}'
        ) from None
    if reference.digest:
        raise CliError("refusing to create a tag with a digest reference")
    query = {"repo": reference.name, "tag": reference.tag or "latest"}
    session.client.post(f"/images/{escape(source)}/tag", query).read()


COMMAND = Command("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", run, args=(2, 2))
