"""--chmod: octal, or symbolic as chmod(1) has it."""

import stat

from sampan.errors import Invalid

_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777}
_RIGHTS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}
_SHIFTS = {"u": 6, "g": 3, "o": 0}


def changed(mode: int, chmod: str) -> int:
    """The mode a file gets, type included; a link keeps what it has. Raises Invalid."""
    if not chmod or stat.S_ISLNK(mode):
        return mode
    kind, bits = stat.S_IFMT(mode), stat.S_IMODE(mode)
    if is_octal(chmod):
        return kind | (int(chmod, 8) & 0o7777)
    for clause in chmod.split(","):
        bits = _apply(bits, clause, chmod, is_directory=stat.S_ISDIR(mode))
    return kind | bits


def is_octal(chmod: str) -> bool:
    return bool(chmod) and all(char in "01234567" for char in chmod)


def _apply(bits: int, clause: str, whole: str, *, is_directory: bool) -> int:
    position = 0
    while position < len(clause) and clause[position] in _WHO:
        position += 1
    who, rest = clause[:position] or "a", clause[position:]
    if not rest or rest[0] not in "+-=":
        raise _wrong(whole)
    mask = 0
    for char in who:
        mask |= _WHO[char]
    while rest:
        operator, rest = rest[0], rest[1:]
        if operator not in "+-=":
            raise _wrong(whole)
        end = next((index for index, char in enumerate(rest) if char in "+-="), len(rest))
        wanted = _rights(rest[:end], bits, whole, is_directory=is_directory) & mask
        rest = rest[end:]
        if operator == "+":
            bits |= wanted
        elif operator == "-":
            bits &= ~wanted
        else:
            # chmod(1): setuid and setgid of a directory stay unless named.
            kept = bits & 0o6000 if is_directory else 0
            bits = bits & ~mask | wanted | kept
    return bits


def _rights(letters: str, bits: int, whole: str, *, is_directory: bool) -> int:
    if letters in _SHIFTS:
        copied = bits >> _SHIFTS[letters] & 7
        return copied << 6 | copied << 3 | copied
    found = 0
    for letter in letters:
        if letter == "X":
            found |= 0o111 if is_directory or bits & 0o111 else 0
        elif letter in _RIGHTS:
            found |= _RIGHTS[letter]
        else:
            raise _wrong(whole)
    return found


def _wrong(chmod: str) -> Invalid:
    return Invalid(f'invalid chmod parameter: "{chmod}"')
