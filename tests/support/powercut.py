"""What was done on a disk that remembers, and what must be there if the power fails at some moment of it."""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.recordeddisk import RecordedDisk

Key = tuple[str, str]  # a kind of thing and its name
GONE = object()


def seeded() -> random.Random:
    """A failure names the seed, and SAMPAN_SEED repeats it."""
    seed = os.environ.get("SAMPAN_SEED") or str(random.randrange(10**6))
    print(f"SAMPAN_SEED={seed}")
    return random.Random(seed)


@dataclass(frozen=True)
class Deed:
    """Things became what they are (GONE: they are not) between two positions in the disk's log."""

    things: dict[Key, Any]
    began: int
    ended: int


@dataclass
class Deeds:
    disk: RecordedDisk
    done: list[Deed] = field(default_factory=list)

    def do(self, things: dict[Key, Any], action: Callable[[], object]) -> None:
        """`action` returns when they are acknowledged."""
        began = self.disk.position()
        action()
        self.done.append(Deed(things, began, self.disk.position()))

    def moments(self, chance: random.Random, count: int) -> Iterator[int]:
        """Most right after an acknowledgement, when nobody has synced anything since."""
        for number in range(count):
            deed = chance.choice(self.done)
            yield deed.ended if number % 4 else chance.randrange(deed.began, deed.ended + 1)

    def at(self, moment: int) -> tuple[dict[Key, Any], dict[Key, Any]]:
        """What was acknowledged by then, and what was under way."""
        wanted: dict[Key, Any] = {}
        open_: dict[Key, Any] = {}
        for deed in self.done:
            if deed.ended <= moment:
                wanted |= deed.things
            elif deed.began < moment:
                open_ |= deed.things
        return wanted, open_
