"""Go's path.Match, which the reference filter of `docker images` is written in. Pure."""

import re

from sampan.errors import Failed, Invalid
from sampan.specs.golang.match import compile_match
from sampan.specs.oci.reference import Reference


def matches(pattern: str, reference: Reference) -> bool:
    """Whether the familiar form, with or without its tag, matches. Raises Failed for a bad pattern."""
    regex = compile_pattern(pattern)
    return bool(regex.fullmatch(reference.familiar) or regex.fullmatch(reference.familiar_name))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """`*` and `?` stop at a slash, `[a-z]` and `[^a]` are classes. Raises Failed as Go does."""
    try:
        return compile_match(pattern)
    except Invalid as error:
        raise Failed(error.message) from None
