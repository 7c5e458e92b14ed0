"""The metrics there are, and how they are told."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sampan.registry.metrics.shared import Cell, Slot
from sampan.specs.prometheus import head, labels, number

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)


@dataclass(frozen=True)
class Family:
    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()


P = "sampan_registry_"
REQUESTS = Family(P + "http_requests_total", "counter", "Requests answered.", ("method", "route", "status"))
SECONDS = Family(
    P + "http_request_duration_seconds", "histogram", "Time from a request's head to its answer's end.",
    ("method", "route"),
)  # fmt: skip
IN_FLIGHT = Family(P + "http_requests_in_flight", "gauge", "Requests being answered.")
UPLOADING = Family(P + "uploads_in_progress", "gauge", "Requests that bring a blob's bytes right now.")
BYTES_IN = Family(P + "received_bytes_total", "counter", "Bytes of request bodies.")
BYTES_OUT = Family(P + "sent_bytes_total", "counter", "Bytes of response bodies.")
EVENTS = Family(
    P + "events_total", "counter", "Pushes, pulls, mounts and deletes of manifests, blobs and tags.",
    ("action", "kind"),
)  # fmt: skip
CACHE = Family(
    P + "cache_requests_total", "counter",
    "Requests to the pull-through cache: hit, miss, shared (another request's download), stale, failed.",
    ("kind", "result"),
)  # fmt: skip
CACHE_BYTES = Family(P + "cache_fetched_bytes_total", "counter", "Bytes fetched from upstream registries.")
COLLECTIONS = Family(P + "collect_runs_total", "counter", "Passes of garbage collection.", ("result",))
COLLECTED = Family(P + "collected_total", "counter", "What garbage collection removed.", ("what",))
COLLECT_TIME = Family(P + "collect_last_timestamp_seconds", "gauge", "When the last pass ended.")
WEBHOOKS = Family(P + "webhook_deliveries_total", "counter", "Notifications sent.", ("endpoint", "result"))
WORKERS = Family(P + "workers", "gauge", "Processes that serve.")
PENDING = Family(P + "webhook_pending", "gauge", "Notifications that wait to be delivered.", ("endpoint",))
STORED_BYTES = Family(P + "storage_bytes", "gauge", "Bytes of blobs and manifests on disk.")
STORED = Family(P + "stored", "gauge", "How many of each there are.", ("what",))
OPEN_UPLOADS = Family(P + "uploads_open", "gauge", "Uploads begun and not finished.")

FAMILIES = (
    REQUESTS, SECONDS, IN_FLIGHT, UPLOADING, BYTES_IN, BYTES_OUT, EVENTS, CACHE, CACHE_BYTES, COLLECTIONS,
    COLLECTED, COLLECT_TIME, WEBHOOKS, WORKERS, PENDING, STORED_BYTES, STORED, OPEN_UPLOADS,
)  # fmt: skip


def sample(
    family: Family, values: Sequence[str] = (), suffix: str = "", extra: tuple[str, str] | None = None
) -> str:
    """A sample's name and labels, as they stand in the text: also its key in shared memory."""
    pairs = list(zip(family.labels, values, strict=True))
    if extra:
        pairs.append(extra)
    return f"{family.name}{suffix}{labels(pairs)}"


class Histogram:
    """One series' buckets; each counts only its own, they are added up when read."""

    __slots__ = ("_cells", "_count", "_sum")

    def __init__(self, slot: Slot, family: Family, values: Sequence[str]) -> None:
        bounds = [*(format(bound, "g") for bound in BUCKETS), "+Inf"]
        self._cells = [slot.cell(sample(family, values, "_bucket", ("le", bound))) for bound in bounds]
        self._sum: Cell = slot.cell(sample(family, values, "_sum"))
        self._count: Cell = slot.cell(sample(family, values, "_count"))

    def observe(self, value: float) -> None:
        self._cells[bisect_left(BUCKETS, value)].add()
        self._sum.add(value)
        self._count.add()


def expose(totals: Mapping[str, float]) -> str:
    """The text of all families that have samples. Keys are `sample()`'s; others are left out."""
    groups: dict[str, list[tuple[str, float]]] = {family.name: [] for family in FAMILIES}
    for key, value in totals.items():
        name = key.partition("{")[0]
        if name not in groups:
            name = name.rpartition("_")[0]  # a histogram's _bucket, _sum, _count
        if name in groups:
            groups[name].append((key, value))
    lines = []
    for family in FAMILIES:
        found = groups[family.name]
        if not found:
            continue
        lines += head(family.name, family.kind, family.help)
        rows = cumulated(found) if family.kind == "histogram" else sorted(found)
        lines += [f"{key} {number(value)}" for key, value in rows]
    return "\n".join(lines) + "\n"


def cumulated(found: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """A histogram's samples, series by series, its buckets in order and each with all below it."""
    series: dict[str, list[tuple[float, str, float]]] = {}
    for key, value in found:
        name, _, labels = key.partition("{")
        if name.endswith("_bucket"):
            rest, _, bound = labels.rpartition('le="')
            rest = rest.rstrip(",")
            series.setdefault(rest, []).append((float(bound.rstrip('"}')), key, value))
        else:
            order = float("inf")
            series.setdefault(labels.rstrip("}"), []).append((order, key, value))
    rows = []
    for _, entries in sorted(series.items()):
        total = 0.0
        # "_bucket" sorts before "_count" and "_sum": +Inf's bucket comes before them.
        for _, key, value in sorted(entries):
            if key.partition("{")[0].endswith("_bucket"):
                total += value
                rows.append((key, total))
            else:
                rows.append((key, value))
    return rows
