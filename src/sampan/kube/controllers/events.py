"""Events as rules decide them: values, which a controller tells its recorder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """`kind` is the recorder's NORMAL or WARNING."""

    kind: str
    reason: str
    message: str
