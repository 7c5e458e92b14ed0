"""Ports of the nodes themselves that pods have taken."""

from collections.abc import Iterable

from sampan.kube.scheduler.podinfo import Port

EVERY = "0.0.0.0"


class Ports:
    """By protocol and number: how many pods have it, by row and address."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, int], dict[tuple[int, str], int]] = {}

    def charge(self, ports: Iterable[Port], row: int, sign: int) -> None:
        for port in ports:
            key, at = (port.protocol, port.number), (row, port.address)
            taken = self._taken.setdefault(key, {})
            taken[at] = taken.get(at, 0) + sign
            if not taken[at]:
                del taken[at]
                if not taken:
                    del self._taken[key]

    def rows_with(self, port: Port) -> list[int]:
        """Where it is taken: the address itself, or all of them."""
        taken = self._taken.get((port.protocol, port.number), {})
        return [row for row, address in taken if EVERY in (address, port.address) or address == port.address]
