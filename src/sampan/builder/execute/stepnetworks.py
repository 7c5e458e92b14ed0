"""The networks of a build's steps: one that has ended leaves its namespace to the next of its kind.

Making one takes milliseconds and removing one holds the kernel's network lock, so a build of many steps would
wait for nothing else. A step without CAP_NET_ADMIN can change nothing in it; one that has it gets its own.
"""

import os
from collections.abc import Sequence
from itertools import count

from sampan.engine.networks.manager import Networks
from sampan.engine.networks.sandboxes import StepNetwork

IDLE = 4  # kept for steps to come


class StepNetworks:
    """Of one build; owned by the event loop."""

    def __init__(self, networks: Networks, build: str, add_hosts: Sequence[str]) -> None:
        self._networks = networks
        self._build = build
        self._hosts = [_with_colon(entry) for entry in add_hosts]
        self._numbers = count(1)
        self._idle: list[tuple[tuple[str, str], StepNetwork]] = []

    async def take(self, mode: str, hostname: str) -> StepNetwork:
        """The caller's, until `give_back` or `close`. Raises NotFound, Invalid, Conflict, Failed."""
        for position, (key, sandbox) in enumerate(self._idle):
            if key == (mode, hostname):
                del self._idle[position]
                return sandbox
        id = f"{self._build}-net{next(self._numbers)}"
        return await self._networks.open_step(id, mode, self._hosts, hostname)

    def give_back(self, mode: str, hostname: str, sandbox: StepNetwork) -> None:
        self._idle.append(((mode, hostname), sandbox))
        while len(self._idle) > IDLE:
            self.close(self._idle.pop(0)[1])

    def close(self, sandbox: StepNetwork) -> None:
        self._networks.close_step(sandbox)
        if sandbox.netns is not None:
            os.close(sandbox.netns)

    def close_all(self) -> None:
        while self._idle:
            self.close(self._idle.pop()[1])


def _with_colon(entry: str) -> str:
    """ "name=ip" beside "name:ip"; an IPv6 address has colons of its own."""
    equals, colon = entry.find("="), entry.find(":")
    return entry.replace("=", ":", 1) if equals >= 0 and (colon < 0 or equals < colon) else entry
