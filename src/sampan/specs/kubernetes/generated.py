"""What is drawn by lot: uids, and the ends of generated names. k8s.io/apimachinery/pkg/util/{uuid,rand}"""

import os

from sampan.specs.kubernetes.hashes import LETTERS

FETCHED = 4096  # bytes at a time


class _Bytes:
    """The kernel's random bytes, many at a time: os.urandom lets another thread have the interpreter, and
    while a store writes it takes 20 µs to get it back.
    """

    def __init__(self) -> None:
        self._left = b""

    def take(self, count: int) -> bytes:
        if len(self._left) < count:
            self._left = os.urandom(FETCHED)
        found, self._left = self._left[:count], self._left[count:]
        return found


_bytes = _Bytes()


def uid() -> str:
    """A random UUID (version 4, RFC 9562)."""
    number = int.from_bytes(_bytes.take(16), "big")
    number = number & ~(0xF << 76) | 4 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def suffix() -> str:
    """Five letters."""
    number = int.from_bytes(_bytes.take(8), "big")
    found = ""
    for _ in range(5):
        number, letter = divmod(number, len(LETTERS))
        found += LETTERS[letter]
    return found
