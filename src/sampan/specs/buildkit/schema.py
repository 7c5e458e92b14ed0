"""All tables as one schema. Loads protobuf, so import it where it is needed, not at the top of the daemon."""

from functools import cache

from sampan.specs.buildkit import control, gateway, session, solver
from sampan.specs.protobuf import Schema


@cache
def schema() -> Schema:
    """The same one for all callers; it makes the class of a message when first asked for it."""
    return Schema((*session.FILES, *solver.FILES, *control.FILES, *gateway.FILES))
