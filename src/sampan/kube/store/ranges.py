"""Which keys stand below a prefix, in the order of their bytes (for UTF-8 also that of code points)."""


def end_of(prefix: str) -> str:
    """The first string behind all that begin with `prefix`; "" if nothing is behind them."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else ""


def resource_of(key: str) -> str:
    """`/registry/<group>/<resource>/`, the prefix of everything of a key's resource.

    Raises ValueError for what has no such beginning.
    """
    first = key.index("/", 1)
    return key[: key.index("/", key.index("/", first + 1) + 1) + 1]
