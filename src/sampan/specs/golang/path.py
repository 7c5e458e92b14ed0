"""Go's path.Clean and strings.TrimSpace, which Docker's rules about names are made of. Pure."""

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_SPACE += "\u2028\u2029\u202f\u205f\u3000"


def trim(text: str) -> str:
    return text.strip(_SPACE)


def clean(path: str) -> str:
    """Shortest equal path: no "//", no ".", no ".." but at the beginning of a relative one; "" is "."."""
    rooted = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".." or not rooted:
            parts.append(part)
    return ("/" if rooted else "") + "/".join(parts) or "."


def inside(path: str) -> str:
    """`path` as one below a root it cannot leave: "a/b", "" being the root itself."""
    return clean("/" + path)[1:]
