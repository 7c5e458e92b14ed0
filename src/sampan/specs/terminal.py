"""Texts of others on a terminal: what they contain is shown, and does nothing."""


def harmless(text: str) -> str:
    """One line without control characters, which could move the cursor, forge lines or rename the window."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _shown(char) for char in text)


def _shown(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
