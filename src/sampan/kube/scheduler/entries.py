"""A pod that waits for a node, and heaps of such."""

import heapq
from dataclasses import dataclass, field

from sampan.kube.client.informer import key_of
from sampan.kube.client.requests import Object
from sampan.kube.scheduler.podinfo import PodInfo, pod_info

ACTIVE, BACKOFF, WAITING, FLYING = "active", "backoff", "waiting", "flying"


@dataclass(eq=False)
class Entry:
    """A pod, and how it fared so far."""

    pod: Object
    added: float  # when it came
    since: float  # when it was put where it is
    number: int = 0  # of two that are alike, the first goes first
    place: str = ""
    attempts: int = 0
    refusals: int = 0  # in all
    errors: int = 0  # in a row
    refused_by: frozenset[str] = frozenset()
    gate: str = ""

    _info: PodInfo | None = None

    @property
    def info(self) -> PodInfo:
        """Of the pod as it is now."""
        if self._info is None or self._info.object is not self.pod:
            self._info = pod_info(self.pod)
        return self._info

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])

    @property
    def key(self) -> str:
        return key_of(self.pod)

    @property
    def priority(self) -> int:
        return int((self.pod.get("spec") or {}).get("priority") or 0)


@dataclass
class Heap:
    """Entries by what is least; those that have gone elsewhere are passed over."""

    place: str
    items: list[tuple[float, float, int, Entry]] = field(default_factory=list)

    def push(self, first: float, second: float, number: int, entry: Entry) -> None:
        heapq.heappush(self.items, (first, second, number, entry))

    def first(self) -> tuple[float, Entry] | None:
        while self.items:
            first, _, number, entry = self.items[0]
            if entry.place == self.place and entry.number == number:
                return first, entry
            heapq.heappop(self.items)
        return None

    def pop(self) -> Entry | None:
        found = self.first()
        if found is None:
            return None
        heapq.heappop(self.items)
        return found[1]
