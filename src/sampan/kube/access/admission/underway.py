"""What quotas were charged for, and is not written yet.

A quota's controller does not know of it, and may not have heard yet of what has just been written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.kinds.resource import Object, Reader
from sampan.specs.kubernetes.quantity import Quantity

LASTS = 30.0  # seconds that a write takes at most, and after which controllers have heard of it
NAMESPACES = 1000  # whose last write is remembered


@dataclass(frozen=True, eq=False)
class Charge:
    """Of one write: what quotas (by name) were charged for. `version`: what it replaces, "" if it is new."""

    resource: str
    name: str
    version: str
    amounts: dict[str, dict[str, Quantity]]
    until: float

    def is_open(self, reader: Reader, namespace: str) -> bool:
        return _version(reader.get(self.resource, namespace, self.name)) == self.version


def _version(value: Object | None) -> str:
    return str(value["metadata"].get("resourceVersion", "")) if value is not None else ""


@dataclass
class Underway:
    clock: Callable[[], float]
    _charges: dict[str, list[Charge]] = field(default_factory=dict)  # by namespace
    _latest: dict[str, float] = field(default_factory=dict)  # when somebody last wrote what quotas may count

    def note(self, namespace: str) -> None:
        """Something that quotas may count is about to be written."""
        self._latest.pop(namespace, None)
        self._latest[namespace] = self.clock()
        if len(self._latest) > NAMESPACES:
            del self._latest[next(iter(self._latest))]

    def is_quiet(self, namespace: str) -> bool:
        """Has everybody heard of everything that was written?"""
        return self.clock() - self._latest.get(namespace, -LASTS) >= LASTS

    def add(self, request: AdmissionRequest, amounts: dict[str, dict[str, Quantity]]) -> None:
        """Until the request has been carried out."""
        namespace, now = request.namespace, self.clock()
        version = _version(request.old)
        charge = Charge(request.resource.name, request.name, version, amounts, now + LASTS)
        self._charges[namespace] = [one for one in self._charges.get(namespace, ()) if one.until > now]
        self._charges[namespace].append(charge)

        def end() -> None:
            rest = [one for one in self._charges.get(namespace, ()) if one is not charge]
            if rest:
                self._charges[namespace] = rest
            else:
                self._charges.pop(namespace, None)

        request.on_end.append(end)

    def charges(self, namespace: str, quota: str, reader: Reader) -> Iterator[dict[str, Quantity]]:
        """What is charged to a quota and not written."""
        now = self.clock()
        for one in self._charges.get(namespace, ()):
            if quota in one.amounts and one.until > now and one.is_open(reader, namespace):
                yield one.amounts[quota]
