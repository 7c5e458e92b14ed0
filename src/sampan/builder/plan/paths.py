"""Paths as instructions mean them. Pure; Linux only."""

from sampan.specs.golang.path import clean


def joined(parent: str, path: str, keep_slash: bool = False) -> str:
    """`path` below `parent` unless it is absolute, cleaned, never above the root.

    `keep_slash`: "dir/" and "dir/." stay directories: the result ends with "/".
    """
    whole = path or parent
    if not whole.startswith("/"):
        whole = f"{parent or '/'}/{whole}"
    cleaned = clean("/" + whole)
    if keep_slash and path.endswith(("/", "/.")) and cleaned != "/":
        cleaned += "/"
    return cleaned


def destination(workdir: str, path: str) -> str:
    """Where COPY and ADD write. "", "." and "./" are the working directory itself."""
    return joined(workdir, "./" if path in ("", ".") else path, keep_slash=True)


def has_wildcards(path: str) -> bool:
    """Whether it is a pattern: what is escaped does not count."""
    position = 0
    while position < len(path):
        if path[position] in "*?[":
            return True
        position += 2 if path[position] == "\\" else 1
    return False
