"""Which node ports are free; pkg/registry/core/service/portallocator.

A port that nobody asked for comes from behind the first part of the range, which is left to those that
somebody asks for.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sampan.errors import Invalid
from sampan.kube.kinds.core import serviceforms as forms
from sampan.kube.kinds.resource import Context
from sampan.specs.kubernetes import status

ALLOCATED = "provided port is already allocated"
MOST = 65535


@dataclass(frozen=True)
class PortRange:
    """Node ports that may be given, both ends among them."""

    first: int = 30000
    last: int = 32767

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    @property
    def dynamic(self) -> int:
        """Where those begin that nobody asked for: behind a 32nd, but 16 to 128, if there are so many."""
        size = self.last - self.first + 1
        return self.first + (min(max(16, size // 32), 128) if size > 16 else 0)


DEFAULT = PortRange()


def parse_range(text: str) -> PortRange:
    """Of "30000-32767", "30000+2767" or one port; k8s.io/apimachinery pkg/util/net. Raises Invalid."""
    mark = next((one for one in "-+" if one in text), "")
    low, _, high = text.partition(mark) if mark else (text, "", text)
    if not all(part.isascii() and part.isdigit() for part in (low, high)):
        raise Invalid(f"unable to parse port range: {text}")
    first, last = int(low), int(high) + (int(low) if mark == "+" else 0)
    if max(first, last) > MOST:
        raise Invalid(f"the port range cannot be greater than {MOST}: {text}")
    if last < first:
        raise Invalid(f"end port cannot be less than start port: {text}")
    if not first:
        raise Invalid(f"0 is no port: {text}")
    return PortRange(first, last)


class Ports:
    """Those of one Service, while it is written."""

    def __init__(self, context: Context, below: Callable[[int], int], known: PortRange = DEFAULT) -> None:
        self._context = context
        self._range = known
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
        if port not in self._range and not self._context.dry_run:
            return f"provided port is not in the valid range. The range of valid ports is {self._range}"
        if port in self._taken or (port in self._range and port in self._in_use()):
            return ALLOCATED
        self._taken.append(port)
        return ""

    def next(self, what: str = "a nodePort") -> int:
        """One that is free; a dry run gets one that it would not get. Raises StatusError."""
        if self._context.dry_run:
            port = max(self._taken, default=self._range.last + 1) + 1
        else:
            first, last, dynamic = self._range.first, self._range.last, self._range.dynamic
            port = self._free(dynamic, last) or self._free(first, dynamic - 1)
        if not port:
            raise status.internal(f"failed to allocate {what}: range is full")
        self._taken.append(port)
        return port

    def _free(self, first: int, last: int) -> int:
        size = last - first + 1
        start = self._below(size) if size else 0
        used = self._in_use()
        for step in range(size):
            port = first + (start + step) % size
            if port not in used and port not in self._taken:
                return port
        return 0
