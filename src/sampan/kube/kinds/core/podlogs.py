"""What a request for a container's logs may ask for. v1.PodLogOptions"""

from collections.abc import Mapping

from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid

_BOTH = "at most one of `sinceTime` or `sinceSeconds` may be specified"


def log_errors(numbers: Mapping[str, int | None], since: str) -> list[FieldError]:
    """`numbers`: tailLines, limitBytes and sinceSeconds, None where it is not asked; `since`: sinceTime."""
    found: list[FieldError] = []
    tail, limit, seconds = (numbers.get(name) for name in ("tailLines", "limitBytes", "sinceSeconds"))
    if tail is not None and tail < 0:
        found.append(invalid("tailLines", tail, names.NOT_NEGATIVE))
    if limit is not None and limit < 1:
        found.append(invalid("limitBytes", limit, "must be greater than 0"))
    if seconds is not None and since:
        found.append(forbidden("", _BOTH))
    elif seconds is not None and seconds < 1:
        found.append(invalid("sinceSeconds", seconds, "must be greater than 0"))
    return found
