"""Which node ports are free; pkg/registry/core/service/portallocator.

A port that nobody asked for comes from behind the first part of the range, which is left to those that
somebody asks for.
"""

from collections.abc import Callable

from sampan.kube.kinds.core import serviceforms as forms
from sampan.kube.kinds.resource import Context
from sampan.specs.kubernetes import status

FIRST, LAST = 30000, 32767
ALLOCATED = "provided port is already allocated"
_STATIC_PART = 86  # a 32nd of the range


class Ports:
    """Those of one Service, while it is written."""

    def __init__(self, context: Context, below: Callable[[int], int]) -> None:
        self._context = context
        self._below = below
        self._used: set[int] | None = None
        self._taken: list[int] = []

    def _in_use(self) -> set[int]:
        """By all Services; only who wants a port has to look at them."""
        if self._used is None:
            self._used = set()
            services = self._context.reader.list("services") if self._context.reader else ()
            for service in services:
                spec = service.get("spec") or {}
                self._used.update(forms.node_ports(spec))
                if forms.needs_health_check(spec) and spec.get("healthCheckNodePort"):
                    self._used.add(spec["healthCheckNodePort"])
        return self._used

    def take(self, port: int) -> str:
        """Why this very port cannot be had; "" if it now is. A dry run does not look at the range."""
        if not FIRST <= port <= LAST and not self._context.dry_run:
            message = "provided port is not in the valid range. The range of valid ports is"
            return f"{message} {FIRST}-{LAST}"
        if port in self._taken or (FIRST <= port <= LAST and port in self._in_use()):
            return ALLOCATED
        self._taken.append(port)
        return ""

    def next(self, what: str = "a nodePort") -> int:
        """One that is free; a dry run gets one that it would not get. Raises StatusError."""
        if self._context.dry_run:
            port = max(self._taken, default=LAST + 1) + 1
        else:
            dynamic = FIRST + _STATIC_PART
            port = self._free(dynamic, LAST) or self._free(FIRST, dynamic - 1)
        if not port:
            raise status.internal(f"failed to allocate {what}: range is full")
        self._taken.append(port)
        return port

    def _free(self, first: int, last: int) -> int:
        size = last - first + 1
        start = self._below(size)
        used = self._in_use()
        for step in range(size):
            port = first + (start + step) % size
            if port not in used and port not in self._taken:
                return port
        return 0
