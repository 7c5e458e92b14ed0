"""Names of images on the command line."""

from __future__ import annotations

from sampan.cli.errors import CliError
from sampan.errors import Invalid
from sampan.specs.oci.digest import is_identifier
from sampan.specs.oci.reference import Reference, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session


def named(text: str) -> Reference:
    """Raises CliError, as Docker's client words it, for what cannot name an image."""
    try:
        return parse(text)
    except Invalid as error:
        raise CliError(error.message) from None


def named_or_id(text: str) -> Reference | None:
    """None for the whole ID of an image. Raises CliError."""
    return None if is_identifier(text) else named(text)


def require_no_trust(session: Session, options: Options) -> None:
    """Raises CliError where signatures are asked for: nothing here can check them."""
    from sampan.specs.golang.numbers import TRUE

    flag = "disable-content-trust"
    if not options[flag]:
        raise CliError("content trust is not supported: leave out --disable-content-trust=false")
    asked = session.environ.get("DOCKER_CONTENT_TRUST", "")
    if flag not in options.changed and asked in TRUE:
        raise CliError("content trust is not supported: unset DOCKER_CONTENT_TRUST")
