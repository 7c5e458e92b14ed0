"""sampan tag: give an image another name."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.cli.flags import Command
from sampan.cli.http import escape
from sampan.cli.image.reference import check, full_repository, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> None:
    source, target = args
    for name in (source, target):
        try:
            check(name)
        except CliError as error:
            if name == source and "64-byte" in error.message:
                continue  # an image ID is a fine source
            raise CliError(
                f'Error parsing reference: "{name}" is not a valid repository/tag: {error.message}'
            ) from None
    repository, tag, digest = split(target)
    if digest:
        raise CliError("refusing to create a tag with a digest reference")
    query = {"repo": full_repository(repository), "tag": tag or "latest"}
    session.client.post(f"/images/{escape(source)}/tag", query).read()


COMMAND = Command("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", run, args=(2, 2))
