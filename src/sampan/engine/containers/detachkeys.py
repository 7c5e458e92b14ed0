"""The keys that detach a client from a terminal, as `--detach-keys` writes them: "ctrl-p,ctrl-q", "a"."""

from sampan.errors import Invalid

DEFAULT = [16, 17]  # ctrl-p, ctrl-q
SPECIAL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def parse_keys(text: str) -> list[int]:
    """Byte values. Raises Invalid in Docker's words."""
    if not text:
        return list(DEFAULT)
    keys: list[int] = []
    for part in text.split(","):
        if len(part) == 1 and part.isascii():
            keys.append(ord(part))
            continue
        control = part.removeprefix("ctrl-").lower()
        if not part.startswith("ctrl-") or len(control) != 1:
            raise Invalid(f"Invalid detach keys ({text}) provided")
        if "a" <= control <= "z":
            keys.append(ord(control) - ord("a") + 1)
        elif control in SPECIAL:
            keys.append(SPECIAL[control])
        else:
            raise Invalid(f"Invalid detach keys ({text}) provided")
    return keys
