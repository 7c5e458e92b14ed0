"""What /metrics tells, under the names that dashboards for kube-apiserver ask for.

kubernetes.io/docs/reference/instrumentation/metrics; staging/src/k8s.io/apiserver/pkg/endpoints/metrics
"""

import os
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from sampan.kube.access.inflight import Limits, is_long
from sampan.kube.access.user import Attributes
from sampan.specs import prometheus
from sampan.specs.prometheus import head, labels, number

Pairs = list[tuple[str, str]]
Key = tuple[str, str, str, str, str, str]

BUCKETS = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0),
    *(6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)
VERBS = {
    **{"create": "POST", "update": "PUT", "connect": "CONNECT"},
    **{one: one.upper() for one in ("get", "list", "watch", "patch", "delete", "deletecollection")},
    **{one: one.upper() for one in ("post", "put", "head", "options")},  # of other paths
}
SCOPES = {"list", "watch", "create", "deletecollection"}


class Durations:
    """One series' buckets; each counts only its own, they are added up when told."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Metrics:
    """Counts requests. What a path or name is chosen by clients is no label: their number stays bounded."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests: dict[tuple[Key, int], int] = {}
        self._durations: dict[Key, Durations] = {}
        self._long: dict[Key, int] = {}
        self._started = time.time()

    @contextmanager
    def running(self, asked: Attributes) -> Iterator[None]:
        """While this lasts, a request that lasts as long as its client likes is among those."""
        if not is_long(asked):
            yield
            return
        key = _key(asked)
        self._long[key] = self._long.get(key, 0) + 1
        try:
            yield
        finally:
            self._long[key] -= 1

    def answered(self, asked: Attributes, code: int, seconds: float) -> None:
        """A request has got its answer. The caller leaves out resources that do not exist."""
        key = _key(asked)
        self._requests[key, code] = self._requests.get((key, code), 0) + 1
        if not is_long(asked):
            self._durations.setdefault(key, Durations()).observe(seconds)

    def text(self, objects: Iterable[tuple[str, str, int]]) -> str:
        """`objects`: (group, resource, how many are kept) of each resource."""
        lines = [*self._request_lines(), *self._duration_lines(), *self._running_lines()]
        lines += head("apiserver_resource_objects", "gauge", "Objects that are stored.")
        for group, resource, count in objects:
            lines.append(
                _sample("apiserver_resource_objects", [("group", group), ("resource", resource)], count)
            )
        lines += _process_lines(self._started)
        return "\n".join(lines) + "\n"

    def _request_lines(self) -> Iterator[str]:
        yield from head("apiserver_request_total", "counter", "Requests answered.")
        for (key, code), count in self._requests.items():
            yield _sample("apiserver_request_total", [*_pairs(key), ("code", str(code))], count)

    def _duration_lines(self) -> Iterator[str]:
        name = "apiserver_request_duration_seconds"
        yield from head(name, "histogram", "Time from a request to its answer, but for long ones.")
        for key, found in self._durations.items():
            pairs, below = _pairs(key), 0
            for bound, count in zip([*map(number, BUCKETS), "+Inf"], found.buckets, strict=True):
                below += count
                yield _sample(f"{name}_bucket", [*pairs, ("le", bound)], below)
            yield _sample(f"{name}_sum", pairs, found.total)
            yield _sample(f"{name}_count", pairs, below)

    def _running_lines(self) -> Iterator[str]:
        name = "apiserver_current_inflight_requests"
        yield from head(name, "gauge", "Requests being answered that the limits count.")
        for reading, kind in ((True, "readOnly"), (False, "mutating")):
            yield _sample(name, [("request_kind", kind)], self._limits.running[reading])
        name = "apiserver_longrunning_requests"
        yield from head(name, "gauge", "Watches, and other requests that last.")
        for key, count in self._long.items():
            yield _sample(name, _pairs(key), count)


def response(text: str) -> web.Response:
    return web.Response(body=text.encode(), headers={"Content-Type": prometheus.CONTENT_TYPE})


def _key(asked: Attributes) -> Key:
    verb = asked.verb
    if asked.subresource in ("exec", "attach", "portforward", "proxy"):
        verb = "connect"
    scope = "cluster"
    if asked.resource and asked.namespace:
        scope = "namespace" if verb in SCOPES else "resource"
    elif asked.resource and verb not in SCOPES:
        scope = "resource"
    return VERBS.get(verb, "OTHER"), asked.group, asked.version, asked.resource, asked.subresource, scope


def _pairs(key: Key) -> Pairs:
    verb, group, version, resource, subresource, scope = key
    return [
        ("verb", verb),
        ("group", group),
        ("version", version),
        ("resource", resource),
        ("subresource", subresource),
        ("scope", scope),
        ("component", "apiserver"),
    ]


def _sample(name: str, pairs: Pairs, value: float) -> str:
    return f"{name}{labels(pairs)} {number(value)}"


def _process_lines(started: float) -> Iterator[str]:
    used = os.times()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    rows = (
        ("process_cpu_seconds_total", "counter", "Processor time used.", used.user + used.system),
        ("process_resident_memory_bytes", "gauge", "Memory in use.", resident),
        ("process_open_fds", "gauge", "Open descriptors.", len(os.listdir("/proc/self/fd"))),
        ("process_start_time_seconds", "gauge", "When this server started.", started),
    )
    for name, kind, text, value in rows:
        yield from head(name, kind, text)
        yield _sample(name, [], value)
