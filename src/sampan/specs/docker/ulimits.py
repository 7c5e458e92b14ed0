"""The resource limits of `--ulimit`, NAME=SOFT[:HARD]. Pure; as docker/go-units' ParseUlimit.

The names are setrlimit(2)'s without RLIMIT_, as Docker has them.
"""

from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_int

NAMES = (
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
)
UNLIMITED = -1
_RULE = "ulimit soft limit must be less than or equal to hard limit"


def parse(text: str) -> "dict[str, str | int]":
    """The Ulimit of the API. Raises Invalid."""
    name, equals, limits = text.partition("=")
    if not equals:
        raise Invalid(f"invalid ulimit argument: {text}")
    check_name(name)
    parts = limits.split(":")
    if len(parts) > 2:
        raise Invalid(f"too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")
    hard = parse_int(parts[-1])
    return checked(name, parse_int(parts[0]), hard)


def check_name(name: str) -> None:
    """Raises Invalid unless it is in NAMES, which has no upper-case letters."""
    if name not in NAMES:
        raise Invalid(f"invalid ulimit type: {name}")


def checked(name: str, soft: int, hard: int) -> "dict[str, str | int]":
    """Raises Invalid."""
    if hard != UNLIMITED and soft == UNLIMITED:
        raise Invalid(f"{_RULE}: soft: -1 (unlimited), hard: {hard}")
    if hard != UNLIMITED and soft > hard:
        raise Invalid(f"{_RULE}: {soft} > {hard}")
    return {"Name": name, "Hard": hard, "Soft": soft}
