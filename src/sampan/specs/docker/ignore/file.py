""".dockerignore: one pattern per line. Pure. As moby/patternmatcher/ignorefile."""

from sampan.errors import Invalid
from sampan.specs.golang.path import clean, trim

NAME = ".dockerignore"
LONGEST = 64 << 10  # bytes of a line, Go's bufio.Scanner
_MARK = b"\xef\xbb\xbf"


def parse(data: bytes) -> tuple[str, ...]:
    """The patterns of the file, cleaned. Raises Invalid."""
    patterns = []
    for raw in data.removeprefix(_MARK).split(b"\n"):
        if len(raw) >= LONGEST:
            raise Invalid("error reading .dockerignore: bufio.Scanner: token too long")
        line = raw.decode("utf-8", "surrogateescape")
        if line.startswith("#"):
            continue
        pattern = trim(line)
        if not pattern:
            continue
        negative = pattern.startswith("!")
        if negative:
            pattern = trim(pattern[1:])
        if pattern:
            pattern = clean(pattern)
            if len(pattern) > 1:
                pattern = pattern.removeprefix("/")
        patterns.append("!" + pattern if negative else pattern)
    return tuple(patterns)
