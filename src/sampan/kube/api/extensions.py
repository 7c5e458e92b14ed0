"""Which group versions other servers serve: the APIServices that name a Service."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sampan.kube.kinds.apiregistration.availability import is_available
from sampan.kube.kinds.resource import Object, Reader

API_SERVICES = "apiservices.apiregistration.k8s.io"
GROUP = "apiregistration.k8s.io"  # never served by another server


@dataclass(frozen=True)
class Extension:
    """One APIService with a Service. `bundle`: authorities in base64."""

    name: str
    group: str
    version: str
    namespace: str
    service: str
    port: int
    bundle: str
    skip_verify: bool
    available: bool
    group_priority: int
    version_priority: int

    @property
    def path(self) -> str:
        """Where its resources begin, "/apis/metrics.k8s.io/v1beta1"."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def host(self) -> str:
        """The name that its server's certificate has to have."""
        return f"{self.service}.{self.namespace}.svc"


def extension_of(value: Object) -> Extension | None:
    """None: this server itself has it."""
    spec = value["spec"]
    service = spec.get("service")
    if service is None or spec.get("group") == GROUP:
        return None
    return Extension(
        value["metadata"]["name"],
        spec.get("group") or "",
        spec.get("version") or "",
        service.get("namespace") or "",
        service.get("name") or "",
        service.get("port") or 443,
        spec.get("caBundle") or "",
        bool(spec.get("insecureSkipTLSVerify")),
        is_available(value),
        spec.get("groupPriorityMinimum") or 0,
        spec.get("versionPriority") or 0,
    )


class Extensions:
    """All of them as they are now. `listeners` hear of what changed, once it is known here."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._by_version: dict[tuple[str, str], Extension] = {}
        self.generation = 0  # grows when others are served, or elsewhere
        self.listeners: list[Callable[[str, str, str], None]] = []

    def load(self) -> None:
        """Take in all that are there, and forget all others; who listens is told of each."""
        names = {value["metadata"]["name"] for value in self._reader.list(API_SERVICES)}
        for name in sorted(names | {one.name for one in self.all()}):
            self.changed(API_SERVICES, "", name)

    def find(self, group: str, version: str) -> Extension | None:
        return self._by_version.get((group, version))

    def all(self) -> Iterable[Extension]:
        return self._by_version.values()

    def changed(self, resource: str, namespace: str, name: str) -> None:
        """Told of APIServices, Services and endpoints."""
        if resource == API_SERVICES:
            value = self._reader.get(API_SERVICES, "", name)
            self._put(name, extension_of(value) if value is not None else None)
        for listener in self.listeners:
            listener(resource, namespace, name)

    def wake(self) -> None:
        """Have everybody look at their Services again."""
        for one in list(self.all()):
            for listener in self.listeners:
                listener("services", one.namespace, one.service)

    def _put(self, name: str, new: Extension | None) -> None:
        old = next((one for one in self._by_version.values() if one.name == name), None)
        if old == new:
            return
        if old is not None:
            del self._by_version[old.group, old.version]
        if new is not None:
            self._by_version[new.group, new.version] = new
        self.generation += 1
