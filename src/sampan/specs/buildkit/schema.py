"""All tables as one schema. Loads protobuf, so import it where it is needed, not at the top of the daemon."""

from functools import cache

from sampan.specs.buildkit import session
from sampan.specs.protobuf import Schema


@cache
def schema() -> Schema:
    return Schema(session.FILES)
