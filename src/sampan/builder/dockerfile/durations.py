"""The times and the number of HEALTHCHECK."""

from sampan.builder.errors import DockerfileError
from sampan.errors import Invalid
from sampan.specs.golang.duration import MILLISECOND, parse_duration
from sampan.specs.golang.numbers import parse_int


def parse_interval(flag: str, text: str) -> int:
    """Nanoseconds, 0 for "". Raises DockerfileError."""
    if not text:
        return 0
    try:
        duration = parse_duration(text)
    except Invalid as error:
        raise DockerfileError(error.message) from None
    if duration and duration < MILLISECOND:
        raise DockerfileError(f'Interval "{flag}" cannot be less than 1ms')
    return duration


def parse_retries(text: str) -> int:
    """Raises DockerfileError."""
    if not text:
        return 0
    try:
        retries = parse_int(text, bits=32)
    except Invalid as error:
        raise DockerfileError(error.message) from None
    if retries < 0:
        raise DockerfileError(f"--retries cannot be negative ({retries})")
    return retries
